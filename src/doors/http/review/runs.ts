import { type LedgerReader, parentStatus, type RunQuery } from '../../../index.ts';
import { renderRuns, type Setting } from '../../../report/page/index.ts';
import { runsAsked } from '../query.ts';
import { registriesOf } from './registries.ts';
import { slice } from './slice.ts';

const RUNS = 25;
/** Runs that the charts show, and among which plans that wait are looked for. */
const RECENT_RUNS = 60;

/** The list of runs. */
export async function runsView(reader: LedgerReader, query: URLSearchParams, setting: Setting): Promise<string> {
  const { filter, runs: asked } = runsAsked(query);
  const { before, registry } = asked;
  const lastRuns = async (of: RunQuery = {}) => (await slice(reader.runs(of), 0, RECENT_RUNS)).items;
  const last = before === undefined ? await lastRuns() : undefined;
  const recent = last && registry !== undefined ? await lastRuns({ registry }) : last;
  const page = await slice(reader.runs(asked), 0, RUNS);
  const ids = new Set(page.items.map(({ parent }) => parent).filter((id) => id !== undefined));
  const parents = (await Promise.all(Array.from(ids, (id) => parentStatus(reader, id)))).filter(
    (one) => one !== undefined,
  );
  return renderRuns(setting, {
    filter,
    before,
    recent,
    registries: registriesOf([...(last ?? []), ...page.items], registry),
    runs: page.items,
    parents,
    more: page.more,
  });
}
