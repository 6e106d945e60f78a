import type { LedgerReader, RunRecord } from '../../../index.ts';
import { renderDecisions, type Setting } from '../../../report/page/index.ts';
import { decisionsAsked, PAGE_QUERY, readQuery } from '../query.ts';
import { slice } from './slice.ts';

const DECISIONS = 100;
const MAX_NAMES = 1000;

/** The decisions of one run that are asked for. */
export async function decisionsView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  run: RunRecord,
): Promise<string> {
  const { filter, decisions: asked } = decisionsAsked(query);
  const { page } = readQuery(query, PAGE_QUERY);
  const skipped = (page - 1) * DECISIONS;
  const { items, more } = await slice(reader.decisions(run.id, asked), skipped, DECISIONS);
  const repositories = await slice(reader.repositories(run.id), 0, MAX_NAMES);
  const names = repositories.items.map(({ summary }) => summary.repository);
  return renderDecisions(setting, { run, filter, decisions: items, names, page, skipped, more });
}
