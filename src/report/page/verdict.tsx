import type { ComponentChildren } from 'preact';
import type { RunRecord } from '../../ledger/records.ts';
import type { Totals } from '../../ledger/summary.ts';
import { removedOfAll } from '../finding-words.ts';
import { quarantinedIn } from '../quarantine-words.ts';
import { keptIn } from '../totals.ts';
import { lossInWords } from '../verdict-words.ts';
import type { Verdict, VerdictKind } from '../verdict.ts';
import { bytes, count, name, plural, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Badge, FirstOf } from './parts.tsx';
import { openLink } from './repositories.tsx';
import type { Tone } from './words.ts';

const TONES: Readonly<Record<VerdictKind, Tone>> = {
  safe: 'good',
  unchecked: 'wait',
  held: 'wait',
  failed: 'bad',
  running: 'busy',
  stopped: 'calm',
  nothing: 'calm',
  outdated: 'calm',
  rejected: 'calm',
  applied: 'calm',
  deleted: 'good',
  restored: 'good',
};

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly verdict: Verdict;
  /** What a person can do now. */
  readonly children: ComponentChildren;
}

/** Sentences that stand on the first screen, and those that are opened. */
const FIRST_REASONS = 3;
const MAX_REASONS = 20;

/** The first thing on the page of a run: what it would do, how much, whether it is safe, and what a person does now. */
export function VerdictSection({ run, verdict, children }: Props) {
  const { kind, label, what, findings, why, undo, storage, next, cautions } = verdict;
  const tone = kind === 'safe' && cautions.length > 0 ? 'wait' : TONES[kind];
  const { totals, dryRun } = run;
  return (
    <section class={`card verdict ${tone}`} aria-labelledby="verdict">
      <p class="lede">
        <Badge tone={tone}>{label}</Badge>
      </p>
      <h2 id="verdict">{words(what)}</h2>
      {totals && !run.restores && <Amounts totals={totals} dryRun={dryRun} />}
      {findings !== undefined && <p>{words(findings)}</p>}
      <Reasons sentences={why} />
      <p>
        <strong>What now?</strong> {words(next)}
      </p>
      {storage !== undefined && <p>{words(storage)}</p>}
      {undo !== undefined && <p>{words(undo)}</p>}
      {children}
    </section>
  );
}

/** Why it is safe, or not: the first sentences, and the others once they are opened. */
function Reasons({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return null;
  const others = sentences.slice(FIRST_REASONS);
  return (
    <>
      <ul>
        {sentences.slice(0, FIRST_REASONS).map((sentence) => (
          <li>{words(sentence)}</li>
        ))}
      </ul>
      {others.length > 0 && (
        <details class="more">
          <summary>Why else: {count(others.length)} more</summary>
          <FirstOf items={others.slice(0, MAX_REASONS)} of={others.length}>
            {(sentence) => words(sentence)}
          </FirstOf>
        </details>
      )}
    </>
  );
}

/** Tags and manifests that are deleted and kept, each by itself. */
function Amounts({ totals, dryRun }: { readonly totals: Totals; readonly dryRun: boolean }) {
  return (
    <dl class="amounts">
      <div class="delete">
        <dt>{dryRun ? 'Delete' : 'Deleted'}</dt>
        <dd>{plural(totals.tags.deleted, 'tag')}</dd>
        <dd>{plural(totals.manifests.deleted, 'manifest')}</dd>
      </div>
      {quarantinedIn(totals) > 0 && (
        <div>
          <dt>{dryRun ? 'Quarantine' : 'Quarantined'}</dt>
          <dd>{plural(totals.tags.quarantined ?? 0, 'tag')}</dd>
          <dd>{plural(totals.manifests.quarantined ?? 0, 'manifest')}</dd>
        </div>
      )}
      <div>
        <dt>{dryRun ? 'Keep' : 'Kept'}</dt>
        <dd>{plural(keptIn(totals, 'tags'), 'tag')}</dd>
        <dd>{plural(keptIn(totals, 'manifests'), 'manifest')}</dd>
      </div>
      <div>
        <dt>Size, at most</dt>
        <dd>{bytes(totals.bytes)}</dd>
      </div>
      {totals.findings && totals.findings.removed.images + totals.findings.kept.images > 0 && (
        <div>
          <dt>Findings</dt>
          <dd>{removedOfAll(totals.findings)}</dd>
          <dd>{dryRun ? 'would be removed' : 'removed'}</dd>
        </div>
      )}
    </dl>
  );
}

/** What changed since the last run, and which repositories lose most. */
export function ChangesSection({ setting, run, verdict: { changes, since, most } }: Omit<Props, 'children'>) {
  if (changes.length === 0 && most.length === 0) return null;
  return (
    <div class="beside">
      {changes.length > 0 && (
        <section class="card" aria-labelledby="changes">
          <h2 id="changes">Since the last run</h2>
          <ul>
            {changes.map((sentence) => (
              <li>{words(sentence)}</li>
            ))}
          </ul>
          {since !== undefined && (
            <p class="small">
              <a href={setting.link({ run: run.id, view: 'diff', with: since })}>Each change since the run before</a>
            </p>
          )}
        </section>
      )}
      {most.length > 0 && (
        <section class="card" aria-labelledby="most">
          <h2 id="most">{run.dryRun ? 'Would lose most' : 'Lost most'}</h2>
          <ol>
            {most.map((loss) => (
              <li>
                <a href={openLink(setting, run, loss.repository)}>{name(loss.repository)}</a> {lossInWords(loss)}
              </li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}
