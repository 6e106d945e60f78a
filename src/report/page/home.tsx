import { render } from './document.tsx';
import { Command, Section } from './parts.tsx';

/** Where the page is served: with the function key, or to people who have signed in. */
export const PAGE = '/api/review';

/** The page for a client without a key: what is needed, and a form that takes the key and keeps the view. */
export function renderHome(view: readonly (readonly [name: string, value: string])[]): string {
  return render({
    title: 'Open the review page',
    children: (
      <>
        <h1>Open the review page</h1>
        <p>
          This app deletes old images from a container registry. Its review page shows what it would delete, what it
          deleted, and why. To open it, this app needs a function key.
        </p>
        <form class="card search" method="get" action={PAGE} autocomplete="off" aria-label="Open with a key">
          {view.map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <label class="wide">
            Function key
            <input
              type="password"
              name="code"
              required
              maxLength={500}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
            />
          </label>
          <div class="go">
            <button type="submit">{view.length > 0 ? 'Open the linked view' : 'Open'}</button>
          </div>
        </form>
        <p class="small">
          The key then stands in the address of each page that you open. To show a page to a colleague, send its “link
          to share” instead, which has no key.
        </p>
        <Section id="key" title="Where the key is">
          <p>People who may manage the app in Azure read it with:</p>
          <Command
            text="az functionapp keys list --resource-group <group> --name <app> --query functionKeys.default --output tsv"
            label="command to read the key"
          />
          <p>
            On a laptop, <code>npm start</code> prints it.
          </p>
        </Section>
        <SignIn />
      </>
    ),
  });
}

/** How people get in by their name instead. */
function SignIn() {
  return (
    <Section id="sign-in" title="Signing in instead of a key">
      <p>
        With App Service Authentication in front of it, people sign in with Microsoft Entra, this page asks for no key,
        and no link holds one. The one who deploys the app registers it in Entra, and then:
      </p>
      <Command
        text={'azd env set SIGN_IN_CLIENT_ID <client id of the registration>\nazd provision'}
        label="commands to set up sign-in"
      />
      <p>
        Each step is in <code>docs/deploying.md</code>, “Signing in to the review page”.
      </p>
    </Section>
  );
}
