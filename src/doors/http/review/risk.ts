import { type LedgerReader, riskOf } from '../../../index.ts';
import { parseSince } from '../../../policy/since.ts';
import { renderRiskPage, type Setting } from '../../../report/page/index.ts';
import { readQuery, RISK_QUERY } from '../query.ts';
import { registriesOf } from './registries.ts';
import { slice } from './slice.ts';

/** Runs whose registries can be chosen. */
const RUNS = 60;
/** Decisions that are looked at while a page loads. */
const MOST_DECISIONS = 100_000;

/** The findings of a registry over time; of the one of the newest run where none is asked for. */
export async function riskView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { registry, since, top } = readQuery(query, RISK_QUERY);
  const last = (await slice(reader.runs(), 0, RUNS)).items;
  const host = registry ?? last.find(({ findings }) => findings)?.registry ?? last[0]?.registry;
  const { now } = setting;
  const registries = registriesOf(last, registry);
  if (host === undefined) return renderRiskPage(setting, { registries, since });
  const report = await riskOf(reader, host, {
    since: parseSince(since, now, 'since'),
    top,
    now,
    signal,
    mostDecisions: MOST_DECISIONS,
  });
  return renderRiskPage(setting, { registries, since, report });
}
