import { foresee, type ImageName, type LedgerReader, usesOf } from '../../../index.ts';
import { forecastInWords } from '../../../report/forecast.ts';
import { renderHistory, type Setting } from '../../../report/page/index.ts';
import { PAGE_QUERY, readQuery } from '../query.ts';
import { slice } from './slice.ts';

const SIGHTINGS = 50;

/** What was decided about one image, run by run. */
export async function historyView(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  name: ImageName | undefined,
): Promise<string> {
  const image = query.get('image')?.trim() ?? '';
  if (!name) return renderHistory(setting, { image, sightings: [], forecast: [], uses: [], page: 1, more: false });
  const { page } = readQuery(query, PAGE_QUERY);
  const { items, more } = await slice(reader.explain(name), (page - 1) * SIGHTINGS, SIGHTINGS);
  const uses = page === 1 ? await usesOf(reader, name) : [];
  const { repository, tag } = name;
  const { now } = setting;
  const foreseen = page > 1 || tag === undefined ? undefined : await foresee(reader, { repository, tag }, { now });
  const forecast = foreseen ? forecastInWords(foreseen, now) : [];
  return renderHistory(setting, { image, sightings: items, forecast, uses, page, more });
}
