import type { Sighting } from '../../ledger/reader.ts';
import { render } from './document.tsx';
import { count, name, shorten, words } from './format.ts';
import { Why } from './decisions.tsx';
import { Carried, Digest, OutcomeBadge, Pager, type Setting, StateBadge, Time } from './parts.tsx';
import { printable } from '../escape.ts';
import { nameOf } from '../text.ts';
import { KINDS } from './words.ts';

export interface HistoryView {
  /** As it was asked for; empty where none was. */
  readonly image: string;
  /** The newest first. */
  readonly sightings: readonly Sighting[];
  readonly page: number;
  readonly more: boolean;
}

export function renderHistory(setting: Setting, { image, sightings, page, more }: HistoryView): string {
  const { link } = setting;
  const to = (wanted: number): string => link({ image, page: wanted > 1 ? wanted : undefined });
  return render({
    setting,
    title: image === '' ? 'Image history' : `History of ${shorten(name(image))}`,
    here: 'history',
    children: (
      <>
        <h1>Image history</h1>
        <form class="card search" method="get" role="search" aria-label="Choose an image">
          <Carried setting={setting} fields={{}} />
          <label class="wide">
            Image: repository:tag, or repository@sha256:…
            <input
              type="search"
              name="image"
              value={printable(image)}
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
            />
          </label>
          <div class="go">
            <button type="submit">Show its history</button>
          </div>
        </form>
        {image !== '' && (
          <section aria-labelledby="history">
            <h2 id="history">
              <span class="wrap">{name(image)}</span>
            </h2>
            {sightings.length === 0 ? (
              <p class="card">{page > 1 ? 'Nothing older is known of it.' : 'No run knows of it.'}</p>
            ) : (
              <>
                <p class="quiet small">
                  What each run decided, the newest first{page > 1 ? `; page ${count(page)}` : ''}.
                </p>
                <ol class="timeline">
                  {sightings.map((sighting) => (
                    <Seen setting={setting} sighting={sighting} />
                  ))}
                </ol>
              </>
            )}
            <Pager
              named="Pages of the history"
              back={page > 1 ? { href: to(page - 1), text: 'Newer' } : undefined}
              next={more ? { href: to(page + 1), text: 'Older' } : undefined}
            />
          </section>
        )}
      </>
    ),
  });
}

function Seen({ setting, sighting: { run, decision } }: { readonly setting: Setting; readonly sighting: Sighting }) {
  return (
    <li class={decision.action === 'delete' ? 'goes' : undefined}>
      <div class="lede">
        <a class="name" href={setting.link({ run: run.id })}>
          <Time iso={run.started} />
        </a>
        <span>
          {KINDS[run.kind]}
          {run.dryRun && run.kind !== 'dry-run' && ', dry run'}
        </span>
        <OutcomeBadge decision={decision} />
        {run.state !== 'done' && (
          <span>
            run <StateBadge state={run.state} />
          </span>
        )}
      </div>
      <div>
        {decision.kind}{' '}
        {decision.tag !== undefined && decision.kind === 'tag' && <span class="name">{words(nameOf(decision))}</span>}{' '}
        {decision.digest !== undefined && <Digest digest={decision.digest} />}
      </div>
      <div>
        <Why decision={decision} />
      </div>
    </li>
  );
}
