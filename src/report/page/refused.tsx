import { render } from './document.tsx';
import { name, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Command, Section } from './parts.tsx';

/** A client that may not see the page, and why. */
export interface RefusedView {
  readonly status: 401 | 403;
  readonly detail: string;
  /** The address of what it wanted to see, without a key. */
  readonly share: string;
  /** Who has signed in. Ids are GUIDs: they become part of a command. */
  readonly caller?: { readonly name: string; readonly id: string; readonly audience: string | undefined } | undefined;
}

/** App Service Authentication signs a client in there, and returns it to what it wanted to see. */
function signInTo(share: string): string {
  return `/.auth/login/aad?${new URLSearchParams({ post_login_redirect_uri: share }).toString()}`;
}

/** A page that says which role is missing, and how it is given. */
export function renderRefused({ status, detail, share, caller }: RefusedView): string {
  const title = caller ? 'You have no role in this app' : 'You have not signed in';
  return render({
    title,
    children: (
      <>
        <h1>{title}</h1>
        <div class="card bad">
          <p>{words(detail)}.</p>
          {caller && (
            <p>
              You have signed in as {name(caller.name)} (object id <code>{name(caller.id)}</code>).
            </p>
          )}
          <p class="small quiet">Status {status}</p>
        </div>
        {caller && (
          <Section id="role" title="How you get one">
            <p>
              The app role <code>Retention.Reader</code> reads. <code>Retention.Approver</code> also approves, rejects
              and cancels. Ask an owner of the app registration to assign you one, with the Azure CLI:
            </p>
            <Command text={assignment(caller)} label="commands to assign the role" />
            <p>
              Then <a href={signInTo(share)}>sign in again</a>: a session keeps the roles that it began with. Where the
              app registration has no such roles yet, docs/deploying.md, “Signing in to the review page”, says how they
              are made.
            </p>
          </Section>
        )}
        {!caller && (
          <p>
            <a class="button" href={signInTo(share)}>
              Sign in
            </a>
          </p>
        )}
      </>
    ),
  });
}

/** What a form asked for, and was not done. */
export interface NotDoneView {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** What it was about. */
  readonly run?: string | undefined;
}

/** A page that says why nothing was done. */
export function renderNotDone(setting: Setting, { status, title, detail, run }: NotDoneView): string {
  return render({
    setting,
    title,
    children: (
      <>
        <h1>{title}</h1>
        <div class="card bad">
          <p>{words(detail.charAt(0).toUpperCase() + detail.slice(1))}.</p>
          <p class="small quiet">Status {status}</p>
        </div>
        <p>
          {run !== undefined && (
            <>
              <a class="button" href={setting.link({ run })}>
                The page of the run
              </a>{' '}
            </>
          )}
          <a class="button" href={setting.link()}>
            All runs
          </a>
        </p>
      </>
    ),
  });
}

function assignment({ id, audience = '<client id of the app registration>' }: RefusedView['caller'] & object): string {
  return [
    `app="${audience}"`,
    'sp=$(az ad sp show --id "$app" --query id -o tsv)',
    `role=$(az ad sp show --id "$app" --query "appRoles[?value=='Retention.Reader'].id" -o tsv)`,
    'az rest --method POST --url "https://graph.microsoft.com/v1.0/servicePrincipals/$sp/appRoleAssignedTo" \\',
    `  --body "{\\"principalId\\": \\"${id}\\", \\"resourceId\\": \\"$sp\\", \\"appRoleId\\": \\"$role\\"}"`,
  ].join('\n');
}
