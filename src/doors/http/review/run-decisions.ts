import { type Decision, type LedgerReader, type RepositoryRecord, type RunRecord, toDeleteOf } from '../../../index.ts';
import type { Deletions, RepositoriesView } from '../../../report/page/index.ts';
import { selectRepositories } from '../../../report/select-repositories.ts';

/** Tags that are named one by one; where more are deleted, they are counted by repository. */
const MAX_TAGS = 50;
const MAX_REPOSITORIES = 10;
/** Decisions that are shown of one repository. */
const MAX_DECISIONS = 50;
/** Repositories whose decisions are read at a time. */
const AT_ONCE = 8;

/** What a run deletes, or would: each tag where there are at most 50, else how many in which repository. */
export async function deletionsOf(
  reader: LedgerReader,
  run: RunRecord,
  all: readonly RepositoryRecord[],
): Promise<Deletions> {
  const counted = all.map(({ summary }) => ({ name: summary.repository, count: toDeleteOf(summary.tags) }));
  const sum = counted.reduce((total, { count }) => total + count, 0);
  if (sum === 0 || sum > MAX_TAGS) {
    const found = selectRepositories(all, run, { sort: 'delete', reverse: false, only: 'delete' });
    return { by: 'repository', first: found.slice(0, MAX_REPOSITORIES), count: found.length };
  }
  const wanted = counted.filter(({ count }) => count > 0);
  let tags: readonly Decision[] = [];
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE);
    const found = await Promise.all(some.map(({ name, count }) => tagsIn(reader, run.id, name, count)));
    tags = [...tags, ...found.flat()];
  }
  return { by: 'tag', tags };
}

/** So many tags to delete. They stand before the manifests, which are not read. */
async function tagsIn(
  reader: LedgerReader,
  id: string,
  repository: string,
  count: number,
): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  for await (const decision of reader.decisions(id, { repository, action: 'delete' }))
    if (decision.kind === 'tag' && found.push(decision) === count) break;
  return found;
}

/** The first decisions on a repository, deletions before what is kept. Any number may be recorded: no more is read. */
export async function openedOf(
  reader: LedgerReader,
  id: string,
  all: readonly RepositoryRecord[],
  repository: string,
): Promise<RepositoriesView['opened']> {
  const record = all.find(({ summary }) => summary.repository === repository);
  if (!record) return { absent: repository };
  const decisions: Decision[] = [];
  for (const action of ['delete', 'restore', 'keep'] as const) {
    if (decisions.length >= MAX_DECISIONS) break;
    for await (const decision of reader.decisions(id, { repository, action }))
      if (decisions.push(decision) === MAX_DECISIONS) break;
  }
  const { tags, manifests } = record.summary;
  return { record, decisions, count: decidedIn(tags) + decidedIn(manifests) };
}

function decidedIn(counts: RepositoryRecord['summary']['tags']): number {
  return toDeleteOf(counts) + counts.kept + (counts.restored ?? 0);
}

const FAILED: ReadonlySet<string> = new Set(['failed', 'refused', 'impossible']);

/** The first artifacts that failed or were refused. */
export async function failuresIn(
  reader: LedgerReader,
  { id, kind }: Pick<RunRecord, 'id' | 'kind'>,
  repositories: readonly string[],
  most: number,
): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  const action = kind === 'restore' ? 'restore' : 'delete';
  for (const repository of repositories) {
    for await (const decision of reader.decisions(id, { repository, action })) {
      if (decision.action === 'keep' || !FAILED.has(decision.outcome)) continue;
      found.push(decision);
      if (found.length === most) return found;
    }
  }
  return found;
}
