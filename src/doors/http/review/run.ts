import {
  compareWithLast,
  hasFailed,
  type LedgerReader,
  type RepositoryRecord,
  type RunRecord,
} from '../../../index.ts';
import { renderRun, type Setting } from '../../../report/page/index.ts';
import { resumerOf } from '../../../report/runs.ts';
import { type RepositorySelection, selectRepositories } from '../../../report/select-repositories.ts';
import { verdictOf } from '../../../report/verdict.ts';
import type { QuarantineView } from '../quarantine.ts';
import { PAGE_QUERY, readQuery, REPOSITORIES_QUERY } from '../query.ts';
import { waitingOf } from './quarantine.ts';
import { deletionsOf, failuresIn, openedOf } from './run-decisions.ts';

const REPOSITORIES = 200;
const MAX_NAMES = 1000;
const MAX_FAILED_REPOSITORIES = 50;
const MAX_FAILURES = 20;

/** One run with its plan. */
export async function runView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  run: RunRecord,
  quarantine: QuarantineView | undefined,
): Promise<string> {
  const { page } = readQuery(query, PAGE_QUERY);
  const { open, reverse, ...asked } = readQuery(query, REPOSITORIES_QUERY);
  const all = await Array.fromAsync(reader.repositories(run.id));
  const failed = all.filter(({ summary }) => hasFailed(summary));
  const withFailures = all.filter(({ summary: { tags, manifests } }) => tags.failed + manifests.failed > 0);
  const [comparison, resumer, deletions, failures, opened, waiting] = await Promise.all([
    compareWithLast(reader, run, all),
    resumerOf(reader, run, setting.now),
    deletionsOf(reader, run, all),
    failuresIn(reader, run, namesOf(withFailures.slice(0, MAX_FAILURES)), MAX_FAILURES),
    open === undefined ? undefined : openedOf(reader, run.id, all, open),
    waitingOf(run, all, quarantine),
  ]);
  return renderRun(setting, {
    run,
    verdict: verdictOf({ run, repositories: all, comparison, refused: setting.whyNotApplied?.(run) }),
    deletions,
    resumer,
    repositories: {
      ...rowsOf(all, run, { ...asked, reverse: reverse === 'yes' }, page, open),
      opened,
    },
    failed: { first: failed.slice(0, MAX_FAILED_REPOSITORIES), count: failed.length },
    failures,
    waiting,
  });
}

/** One page of the repositories that are asked for. The one that is opened is always among them, wherever it stands. */
function rowsOf(
  all: readonly RepositoryRecord[],
  run: RunRecord,
  asked: RepositorySelection,
  page: number,
  open: string | undefined,
) {
  const selected = selectRepositories(all, run, asked);
  const end = page * REPOSITORIES;
  const rows = selected.slice(end - REPOSITORIES, end);
  const isShown = (record: RepositoryRecord): boolean => record.summary.repository === open;
  const elsewhere = rows.some(isShown) ? [] : all.filter(isShown);
  return {
    asked,
    rows: [...elsewhere, ...rows],
    page,
    more: selected.length > end,
    matching: selected.length,
    all: all.length,
    names: namesOf(all.slice(0, MAX_NAMES)),
  };
}

function namesOf(records: readonly RepositoryRecord[]): readonly string[] {
  return records.map(({ summary }) => summary.repository);
}
