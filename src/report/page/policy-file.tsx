import { lines } from './format.ts';

/** A longer policy file is folded. Not a shorter one: a page is not refreshed while something on it is unfolded. */
const SHORT_FILE = 4_000;

/** The text of a policy file. */
export function PolicyFileText({ text }: { readonly text: string }) {
  const title = 'The policy file, as it was when the run began';
  const file = (
    <pre class="command">
      <code>{lines(text)}</code>
    </pre>
  );
  if (text.length > SHORT_FILE)
    return (
      <details>
        <summary>{title}</summary>
        {file}
      </details>
    );
  return (
    <>
      <p class="quiet small">{title}:</p>
      {file}
    </>
  );
}
