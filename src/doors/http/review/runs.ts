import { type LedgerReader, parentStatus } from '../../../index.ts';
import { renderRuns, type Setting } from '../../../report/page/index.ts';
import { runsAsked } from '../query.ts';
import { slice } from './slice.ts';

const RUNS = 25;
/** Runs that the charts show, and among which plans that wait are looked for. */
const RECENT_RUNS = 60;
/** Registries that can be chosen. */
const MAX_REGISTRIES = 200;
/** What the name of a registry is made of. A record may hold anything. */
const HOST = /^[\w.:-]{1,300}$/;

/** The list of runs. */
export async function runsView(reader: LedgerReader, query: URLSearchParams, setting: Setting): Promise<string> {
  const { filter, runs: asked } = runsAsked(query);
  const { before } = asked;
  const { registry } = asked;
  const last = before === undefined ? (await slice(reader.runs(), 0, RECENT_RUNS)).items : [];
  const recent = registry === undefined ? last : (await slice(reader.runs({ registry }), 0, RECENT_RUNS)).items;
  const page = await slice(reader.runs(asked), 0, RUNS);
  const ids = new Set(page.items.map(({ parent }) => parent).filter((id) => id !== undefined));
  const parents = (await Promise.all(Array.from(ids, (id) => parentStatus(reader, id)))).filter(
    (one) => one !== undefined,
  );
  const registries = new Set([...last, ...page.items].map((run) => run.registry));
  if (registry !== undefined) registries.add(registry);
  return renderRuns(setting, {
    filter,
    before,
    recent: before === undefined ? recent : undefined,
    registries: [...registries]
      .filter((one) => HOST.test(one))
      .sort()
      .slice(0, MAX_REGISTRIES),
    runs: page.items,
    parents,
    more: page.more,
  });
}
