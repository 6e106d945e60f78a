import type { Sighting } from '../../ledger/reader.ts';
import type { UseOfImage } from '../../ledger/uses-of.ts';
import { nameOf } from '../../ledger/summary.ts';
import { shortDigests } from '../text.ts';
import { Why } from './decisions.tsx';
import { render } from './document.tsx';
import { UsesSection } from './evidence.tsx';
import { count, name, words } from './format.ts';
import { Form, Pager, Search, type Setting } from './navigation.tsx';
import { Digest, OutcomeBadge, RunTitle, Section, StateBadge } from './parts.tsx';

export interface HistoryView {
  /** As it was asked for; empty where none was. */
  readonly image: string;
  /** The newest first. */
  readonly sightings: readonly Sighting[];
  /** Which rule of a policy file owns it, and when it goes; on the first page. */
  readonly forecast: readonly string[];
  /** Where it was seen in use; on the first page. */
  readonly uses: readonly UseOfImage[];
  readonly page: number;
  readonly more: boolean;
}

export function renderHistory(setting: Setting, { image, sightings, forecast, uses, page, more }: HistoryView): string {
  const to = (wanted: number): string => setting.link({ image, page: wanted > 1 ? wanted : undefined });
  return render({
    setting,
    title: image === '' ? 'Image history' : `History of ${shortDigests(name(image))}`,
    here: 'history',
    children: (
      <>
        <h1>Image history</h1>
        <Form setting={setting} label="Choose an image" button="Show its history">
          <Search label="Image: repository:tag, or repository@sha256:…" name="image" value={image} whole />
        </Form>
        <UsesSection uses={uses} />
        {forecast.length > 0 && (
          <Section id="forecast" title="By the policy file">
            <div class="card">
              {forecast.map((line) => (
                <p>{words(line)}</p>
              ))}
            </div>
          </Section>
        )}
        {image !== '' && (
          <Section id="history" title={name(image)}>
            {sightings.length === 0 ? (
              <p class="card">{page > 1 ? 'There is nothing older.' : 'No run has decided on it.'}</p>
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
              label="Pages of the history"
              back={page > 1 && { href: to(page - 1), text: 'Newer' }}
              next={more && { href: to(page + 1), text: 'Older' }}
            />
          </Section>
        )}
      </>
    ),
  });
}

function Seen({ setting, sighting: { run, decision } }: { readonly setting: Setting; readonly sighting: Sighting }) {
  return (
    <li class={decision.action}>
      <div class="lede">
        <a class="name" href={setting.link({ run: run.id })}>
          <RunTitle run={run} now={setting.now} />
        </a>
        <OutcomeBadge decision={decision} />
        {run.state !== 'done' && (
          <span>
            run <StateBadge state={run.state} />
          </span>
        )}
      </div>
      <div>
        {decision.kind} {decision.kind === 'tag' && <span class="name">{words(nameOf(decision))}</span>}{' '}
        {decision.digest !== undefined && <Digest digest={decision.digest} />}
      </div>
      <Why decision={decision} />
    </li>
  );
}
