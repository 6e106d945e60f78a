import { createHash } from 'node:crypto';
import type { ComponentChildren } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import { words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Time } from './parts.tsx';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** Nothing is loaded from anywhere; nothing runs, and nothing styles, but the two constants of this program. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src '${hash(STYLE)}'`,
  `script-src '${hash(SCRIPT)}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

interface Frame {
  /** Absent: a page that holds no data, for a client that has shown neither a key nor a name. */
  readonly setting?: Setting;
  readonly title: string;
  /** The item of the menu. */
  readonly here?: 'runs' | 'history' | 'risk' | 'unpulled' | 'quarantine' | 'check';
  /** How far the work is that the page shows: the script reloads the page, and reads this out when it changes. */
  readonly live?: string | undefined;
  readonly children: ComponentChildren;
}

/** A whole HTML document. */
export function render(frame: Frame): string {
  return `<!doctype html>\n${renderToStaticMarkup(<Document {...frame} />)}\n`;
}

function Document({ setting, title, here, live, children }: Frame) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${words(title)} · acr-retention`}</title>
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body data-live={live}>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <p class="product">acr-retention</p>
          {setting && <Views setting={setting} here={here} />}
          {setting && (
            <p class="shared">
              <a href={setting.share} rel="noreferrer" data-copy="" data-copy-name="link to share">
                Link to share
              </a>
            </p>
          )}
        </header>
        <main id="main" tabIndex={-1}>
          {children}
        </main>
        <footer>
          {setting ? (
            <p>
              {setting.place !== undefined && `Ledger in ${words(setting.place)}. `}Times are UTC. As of{' '}
              <Time iso={setting.now.toISOString()} />.
              {setting.code !== undefined && (
                <>
                  {' '}
                  The key that opened this page stands in its address: send the “link to share” instead.{' '}
                  <a href="/review#sign-in" rel="noreferrer">
                    How people sign in without a key
                  </a>
                  .
                </>
              )}
            </p>
          ) : (
            <p>This page holds no data.</p>
          )}
        </footer>
        <p id="status" role="status" class="hidden"></p>
        <script dangerouslySetInnerHTML={{ __html: SCRIPT }} />
      </body>
    </html>
  );
}

function Views({
  setting: { link, hasPulls, hasQuarantine },
  here,
}: {
  readonly setting: Setting;
  readonly here: Frame['here'];
}) {
  const current = (one: Frame['here']) => (one === here ? 'page' : undefined);
  return (
    <nav aria-label="Views">
      <a href={link()} aria-current={current('runs')}>
        Runs
      </a>
      <a href={link({ image: '' })} aria-current={current('history')}>
        Image history
      </a>
      <a href={link({ view: 'risk' })} aria-current={current('risk')}>
        Risk
      </a>
      {hasPulls && (
        <a href={link({ view: 'unpulled' })} aria-current={current('unpulled')}>
          Not pulled
        </a>
      )}
      {hasQuarantine && (
        <a href={link({ view: 'quarantine' })} aria-current={current('quarantine')}>
          Quarantine
        </a>
      )}
      {hasQuarantine && (
        <a href={link({ view: 'check' })} aria-current={current('check')}>
          Check
        </a>
      )}
    </nav>
  );
}

export interface ProblemView {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** A page that says why there is none. */
export function renderProblem(setting: Setting, { status, title, detail }: ProblemView): string {
  return render({
    setting,
    title,
    children: (
      <>
        <h1>{title}</h1>
        <div class="card bad">
          <p>{words(detail)}</p>
          {status === 404 && <p>The link may be of another app, or its record was deleted from the ledger since.</p>}
          <p class="small quiet">Status {status}</p>
        </div>
        <p>
          <a class="button" href={setting.link()}>
            All runs
          </a>{' '}
          <a class="button" href={setting.link({ image: '' })}>
            Search for an image
          </a>
        </p>
      </>
    ),
  });
}
