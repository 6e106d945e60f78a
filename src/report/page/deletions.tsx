import { toDeleteOf } from '../../ledger/compare.ts';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import { nameOf } from '../../ledger/summary.ts';
import type { Decision } from '../../planner/decision.ts';
import { shortFindings } from '../finding-words.ts';
import { resultOf } from '../text.ts';
import { count, name, plural } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Section } from './parts.tsx';
import { openLink } from './repositories.tsx';
import { MEANINGS } from './words.ts';

/** What a run deletes, or would: each tag where they are few, else how many in which repository. */
export type Deletions =
  | { readonly by: 'tag'; readonly tags: readonly Decision[] }
  | {
      readonly by: 'repository';
      /** Those with most deletions. */
      readonly first: readonly RepositoryRecord[];
      /** How many there are in all. */
      readonly count: number;
    };

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly deletions: Deletions;
}

export function DeletionsSection({ setting, run, deletions }: Props) {
  const isEmpty = deletions.by === 'tag' ? deletions.tags.length === 0 : deletions.count === 0;
  if (isEmpty) return null;
  const what = deletions.by === 'tag' ? 'Tags' : 'Repositories, by what is';
  const verb = run.dryRun
    ? deletions.by === 'tag'
      ? 'that would be deleted'
      : 'to be deleted'
    : run.plan?.state === 'waiting'
      ? 'deleted or held back'
      : 'deleted';
  const hides = run.totals?.quarantine?.until === undefined ? '' : ' or quarantined';
  const isOnce = deletions.by === 'tag' && areFewScanned(deletions.tags);
  return (
    <Section id="deletions" title={`${what} ${verb}${hides}`}>
      {isOnce && (
        <p class="small quiet">Most of these images were not scanned: where no findings are said, none are known.</p>
      )}
      <ul class="card going">
        {deletions.by === 'tag' ? (
          <Tags setting={setting} run={run} tags={deletions.tags} saysUnscanned={!isOnce} />
        ) : (
          <Counted setting={setting} run={run} deletions={deletions} />
        )}
      </ul>
    </Section>
  );
}

/** Then it is said once, and not of each. */
function areFewScanned(tags: readonly Decision[]): boolean {
  const images = tags.filter(({ findings }) => findings !== undefined);
  return images.length > 1 && images.filter(({ findings }) => findings?.scan).length * 2 < images.length;
}

interface TagsProps extends Omit<Props, 'deletions'> {
  readonly tags: readonly Decision[];
  readonly saysUnscanned: boolean;
}

function Tags({ setting, run, tags, saysUnscanned }: TagsProps) {
  const repositories = new Map<string, Decision[]>();
  for (const one of tags) repositories.set(one.repository, [...(repositories.get(one.repository) ?? []), one]);
  return (
    <>
      {[...repositories].map(([repository, some]) => (
        <li>
          <a class="name" href={openLink(setting, run, repository)}>
            {name(repository)}
          </a>{' '}
          <span class="quiet">{plural(some.length, 'tag')}:</span>{' '}
          {some.map((decision, index) => (
            <>
              {index > 0 && ', '}
              <a class="tag" href={setting.link({ image: nameOf(decision) })} title={MEANINGS[decision.reason]}>
                {name(decision.tag ?? '')}
              </a>
              {noteOn(decision)}
              {(saysUnscanned || decision.findings?.scan) && <FindingsNote decision={decision} />}
            </>
          ))}
        </li>
      ))}
    </>
  );
}

/** ` (held back)`; nothing where it is as the title says. */
function noteOn(decision: Decision): string {
  if (decision.action !== 'delete') return '';
  if (decision.quarantine) return ` (${resultOf(decision)})`;
  return decision.outcome === 'planned' || decision.outcome === 'deleted' ? '' : ` (${resultOf(decision)})`;
}

/** Its findings in short; nothing where none were asked. */
function FindingsNote({ decision }: { readonly decision: Decision }) {
  const short = shortFindings(decision);
  return short === undefined ? null : <span class="quiet small"> {short}</span>;
}

function Counted({
  setting,
  run,
  deletions: { first, count: all },
}: Omit<Props, 'deletions'> & { readonly deletions: Extract<Deletions, { by: 'repository' }> }) {
  return (
    <>
      {first.map(({ summary: { repository, tags, manifests } }) => (
        <li>
          <a class="name" href={openLink(setting, run, repository)}>
            {name(repository)}
          </a>
          : {plural(toDeleteOf(tags), 'tag')}, {plural(toDeleteOf(manifests), 'manifest')}
        </li>
      ))}
      {all > first.length && (
        <li>
          <a href="#repositories">… and {count(all - first.length)} more repositories</a>
        </li>
      )}
    </>
  );
}
