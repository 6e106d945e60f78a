import { type LedgerReader, sumsByRepository } from '../../../index.ts';
import { overTime } from '../../../report/over-time.ts';
import { renderTrends, type Setting } from '../../../report/page/index.ts';
import { readQuery, RUNS_QUERY } from '../query.ts';
import { registriesOf } from './registries.ts';
import { slice } from './slice.ts';

/** Runs that are looked at. */
const RUNS = 60;
/** Records of repositories that are read at most: those of 60 runs with 1,000 repositories each, and more. */
const MOST_RECORDS = 120_000;

/** What was deleted over time by repository, and what is there. */
export async function trendsView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { registry } = readQuery(query, RUNS_QUERY);
  const last = (await slice(reader.runs(), 0, RUNS)).items;
  const runs = registry === undefined ? last : (await slice(reader.runs({ registry }), 0, RUNS)).items;
  const time = overTime(runs, setting.now);
  const summed = await sumsByRepository(
    reader,
    time.counted.map(({ run: { id }, place }) => ({ id, place })),
    { places: time.spans.length, most: MOST_RECORDS, signal },
  );
  return renderTrends(setting, { registry, registries: registriesOf(last, registry), runs, time, summed });
}
