import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import { nameOf } from '../../ledger/summary.ts';
import type { Decision } from '../../planner/decision.ts';
import { shortDigests } from '../text.ts';
import { Why } from './decisions.tsx';
import { bytes, count, name } from './format.ts';
import { Downloads, type Setting } from './navigation.tsx';
import { Failed, OutcomeBadge, Time } from './parts.tsx';

/** A repository whose decisions are shown in its place. */
export interface Opened {
  readonly record: RepositoryRecord;
  /** The first ones: what is deleted comes before what is kept. */
  readonly decisions: readonly Decision[];
  /** How many there are in all. */
  readonly count: number;
}

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly opened: Opened;
}

/** What was decided in one repository, below its row. */
export function OpenRepository({ setting, run, opened }: Props) {
  const { record, decisions, count: all } = opened;
  const { repository, error } = record.summary;
  const search = { run: run.id, view: 'decisions', repository };
  return (
    <div id="open">
      <Failed error={error} />
      {decisions.length === 0 ? (
        <p>There is no decision in it: no filter or rule matched anything.</p>
      ) : (
        <ul class="decisions" aria-label={`Decisions in ${name(repository)}, deletions first`}>
          {decisions.map((decision) => (
            <li>
              <p class="head">
                <OutcomeBadge decision={decision} />{' '}
                <a class="name" href={setting.link({ image: nameOf(decision) })}>
                  {shortName(decision)}
                </a>{' '}
                <span class="quiet">
                  {decision.size !== undefined && `${bytes(decision.size)} `}
                  {decision.lastUpdateTime !== undefined && <Time iso={decision.lastUpdateTime} />}
                </span>
              </p>
              <Why decision={decision} />
            </li>
          ))}
        </ul>
      )}
      <p>
        <a href={setting.link(search)}>
          {all > decisions.length
            ? `Search all ${count(all)} decisions in ${name(repository)}`
            : 'Search these decisions'}
        </a>
      </p>
      <Downloads setting={setting} what={`decisions in ${name(repository)}`} parameters={search} />
    </div>
  );
}

/** Without the repository, below whose row it stands. */
function shortName({ kind, tag = '', digest = '' }: Decision): string {
  return kind === 'tag' ? name(tag) : shortDigests(name(digest));
}
