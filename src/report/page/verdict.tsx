import type { RunRecord } from '../../ledger/records.ts';
import type { Loss, Verdict, VerdictKind } from '../verdict.ts';
import { count, name, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Badge, FirstOf } from './parts.tsx';
import type { Tone } from './words.ts';

const TONES: Readonly<Record<VerdictKind, Tone>> = {
  safe: 'good',
  unchecked: 'wait',
  held: 'wait',
  failed: 'bad',
  running: 'busy',
  stopped: 'calm',
  nothing: 'calm',
  rejected: 'calm',
  applied: 'calm',
  deleted: 'good',
};

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly verdict: Verdict;
}

/** Sentences of a list on the first screen. */
const MAX_REASONS = 5;

/** The first thing on the page of a run: what it would do, how much, whether it is safe, and what a person does now. */
export function VerdictSection({ setting, run, verdict }: Props) {
  const { kind, label, what, keeps, why, next, changes, most } = verdict;
  return (
    <section class={`card verdict ${TONES[kind]}`} aria-labelledby="verdict">
      <p class="lede">
        <Badge tone={TONES[kind]}>{label}</Badge>
        {run.dryRun && <span>A dry run: nothing was deleted.</span>}
      </p>
      <h2 id="verdict">{words(what)}</h2>
      <p>{words(keeps)}</p>
      <FirstOf items={why.slice(0, MAX_REASONS)} of={why.length}>
        {(sentence) => words(sentence)}
      </FirstOf>
      <p>
        <strong>What now?</strong> {words(next)}
      </p>
      <div class="beside">
        <div>
          <h3>Since the last run</h3>
          <ul>
            {changes.map((sentence) => (
              <li>{words(sentence)}</li>
            ))}
          </ul>
        </div>
        {most.length > 0 && (
          <div>
            <h3>{run.dryRun ? 'Would lose most' : 'Lost most'}</h3>
            <ol class="losses">
              {most.map((loss) => (
                <li>
                  <a href={setting.link({ run: run.id, view: 'decisions', repository: loss.repository })}>
                    {name(loss.repository)}
                  </a>{' '}
                  {lossInWords(loss)}
                </li>
              ))}
            </ol>
          </div>
        )}
      </div>
    </section>
  );
}

function lossInWords({ percent, deleted, of, kind, isHeld }: Loss): string {
  const share = percent > 0 && percent < 1 ? '<1' : percent < 100 ? Math.min(99, Math.round(percent)) : 100;
  return `${share} %: ${count(deleted)} of ${count(of)} ${kind}${isHeld ? ', held back' : ''}`;
}
