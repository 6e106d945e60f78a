import {
  compareWithLast,
  hasFailed,
  type LedgerReader,
  type RepositoryRecord,
  type RunRecord,
} from '../../../index.ts';
import { renderRun, type RunView, type Setting } from '../../../report/page/index.ts';
import { resumerOf } from '../../../report/runs.ts';
import { verdictOf } from '../../../report/verdict.ts';
import { PAGE_QUERY, parameterError, readQuery } from '../query.ts';

const REPOSITORIES = 200;
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
  const all = await Array.fromAsync(reader.repositories(run.id));
  const failed = all.filter(({ summary }) => hasFailed(summary));
  const withFailures = all.filter(({ summary: { tags, manifests } }) => tags.failed + manifests.failed > 0);
  return renderRun(setting, {
    run,
    verdict: verdictOf({ run, repositories: all, comparison: await compareWithLast(reader, run, all) }),
    resumer: await resumerOf(reader, run, setting.now),
    repositories: most(all, end).slice(end - REPOSITORIES),
    page,
    more: all.length > end && page < MAX_REPOSITORY_PAGES,
    count: all.length,
    failed: { first: failed.slice(0, MAX_FAILED_REPOSITORIES), count: failed.length },
    failures: await failuresIn(
      reader,
      run.id,
      withFailures.slice(0, MAX_FAILURES).map(({ summary }) => summary.repository),
    ),
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
