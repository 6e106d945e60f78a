import { hasFailed, type LedgerReader, type RepositoryRecord, type RunRecord } from '../../../index.ts';
import { renderRun, type RunView, type Setting } from '../../../report/page/index.ts';
import { resumerOf } from '../../../report/runs.ts';
import { PAGE_QUERY, parameterError, readQuery } from '../query.ts';

const REPOSITORIES = 200;
/** Sorting by deletions keeps every page up to the one asked for in memory. */
const MAX_REPOSITORY_PAGES = 25;
const MAX_FAILED_REPOSITORIES = 50;
const MAX_FAILURES = 20;

/** One run with its plan. */
export async function runView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  run: RunRecord,
): Promise<string> {
  const { page } = readQuery(query, PAGE_QUERY);
  if (page > MAX_REPOSITORY_PAGES)
    throw parameterError(
      'page',
      `a number from 1 to ${MAX_REPOSITORY_PAGES} for repositories; search the rest by name`,
    );
  const end = page * REPOSITORIES;
  const failed: RepositoryRecord[] = [];
  const withFailures: string[] = [];
  let top: RepositoryRecord[] = [];
  let count = 0;
  let failedCount = 0;
  for await (const one of reader.repositories(run.id)) {
    const { repository, tags, manifests } = one.summary;
    count += 1;
    if (hasFailed(one.summary)) failedCount += 1;
    if (hasFailed(one.summary) && failed.length < MAX_FAILED_REPOSITORIES) failed.push(one);
    if (tags.failed + manifests.failed > 0 && withFailures.length < MAX_FAILURES) withFailures.push(repository);
    top.push(one);
    // Sorted now and then, so that at most two pages too many are held.
    if (top.length >= end + 2 * REPOSITORIES) top = most(top, end);
  }
  return renderRun(setting, {
    run,
    resumer: await resumerOf(reader, run, setting.now),
    repositories: most(top, end).slice(end - REPOSITORIES),
    page,
    more: count > end && page < MAX_REPOSITORY_PAGES,
    count,
    failed: { first: failed, count: failedCount },
    failures: await failuresIn(reader, run.id, withFailures),
  });
}

/** The repositories with most deletions; equal ones in their order, by name. */
function most(repositories: readonly RepositoryRecord[], count: number): RepositoryRecord[] {
  const deletions = ({ summary: { tags, manifests }, planned }: RepositoryRecord): number =>
    Math.max(tags.deleted + manifests.deleted, planned.deletions);
  return repositories.toSorted((a, b) => deletions(b) - deletions(a)).slice(0, count);
}

/** The first artifacts that failed or were refused. */
async function failuresIn(
  reader: LedgerReader,
  id: string,
  repositories: readonly string[],
): Promise<RunView['failures']> {
  const found: RunView['failures'][number][] = [];
  for (const repository of repositories) {
    for await (const decision of reader.decisions(id, { repository, action: 'delete' })) {
      if (decision.action !== 'delete' || !['failed', 'refused'].includes(decision.outcome)) continue;
      found.push(decision);
      if (found.length === MAX_FAILURES) return found;
    }
  }
  return found;
}
