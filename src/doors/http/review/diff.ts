import {
  type Difference,
  differences,
  lastComparable,
  type LedgerReader,
  newDifferenceTotals,
  type RunRecord,
} from '../../../index.ts';
import { renderDiff, renderDiffOfOne, type Setting } from '../../../report/page/index.ts';
import { RequestError } from '../problem.ts';
import { DECISIONS_QUERY, PAGE_QUERY, readQuery, REVIEW_QUERY, UNPULLED_QUERY } from '../query.ts';
import { slice } from './slice.ts';

const DIFFERENCES = 100;
/** Where there are so few in all, each is shown. */
const FEW = 50;
/** Runs that can be chosen to compare with. */
const RUNS = 30;
/** After this no further repository is compared. */
const MOST_MS = 15_000;

/** What one run deletes, or would delete, and an earlier one does not, and the other way round. */
export async function diffView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  run: RunRecord,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { with: other } = readQuery(query, REVIEW_QUERY);
  const { repository } = readQuery(query, DECISIONS_QUERY.pick({ repository: true }));
  const before = other === undefined ? await lastComparable(reader, run) : await reader.run(other);
  if (!before && other !== undefined) throw new RequestError(404, `The ledger has no run ${other}`);
  const others = (await slice(reader.runs({ registry: run.registry }), 0, RUNS)).items.filter(
    ({ id }) => id !== run.id,
  );
  if (!before) return renderDiff(setting, { run, others });
  if (repository === undefined)
    return renderDiff(setting, { run, others, found: await compare(reader, query, before, run, signal) });
  const { page } = readQuery(query, PAGE_QUERY);
  const skipped = (page - 1) * DIFFERENCES;
  const all = differences(reader, before.id, run.id, { repository });
  const { items, more } = await slice(all, skipped, DIFFERENCES);
  return renderDiffOfOne(setting, { run, before, repository, differences: items, page, skipped, more });
}

async function compare(
  reader: LedgerReader,
  query: URLSearchParams,
  before: RunRecord,
  run: RunRecord,
  signal: AbortSignal | undefined,
) {
  const { after: behind } = readQuery(query, UNPULLED_QUERY.pick({ after: true }));
  const { clock } = reader.system;
  const until = clock.now() + MOST_MS;
  const totals = newDifferenceTotals();
  const first: Difference[] = [];
  let last: string | undefined;
  for await (const difference of differences(reader, before.id, run.id, { behind })) {
    signal?.throwIfAborted();
    const { repository } = difference.goes;
    if (last !== undefined && repository !== last && clock.now() > until)
      return { before, totals: totals.now(), first: [], behind, next: last };
    last = repository;
    totals.add(difference);
    if (first.length <= FEW) first.push(difference);
  }
  return { before, totals: totals.now(), first: first.length <= FEW ? first : [], behind };
}
