import type { HttpResponseInit } from '@azure/functions';
import type { Configuration } from '../../policy/settings.ts';
import { type Ledger, requestedInUse } from '../../index.ts';
import { newPlaces } from './in-time.ts';
import { RequestError } from './problem.ts';
import { REGISTRY_QUERY, readQuery } from './query.ts';
import { jsonResponse } from './responses.ts';

/** How often the sources are asked at once: Azure takes few questions in a short time, and runs ask with the same identity. */
const AT_ONCE = 2;
const places = newPlaces(AT_ONCE);

/** Images of one source that are answered, and those that are remembered: some 3 MB. */
export const MOST_IMAGES = 10_000;

/** `GET /api/in-use` */
export async function answerInUse(
  configuration: Configuration,
  ledger: Pick<Ledger, 'used' | 'system'>,
  query: URLSearchParams,
  signal?: AbortSignal,
): Promise<HttpResponseInit> {
  const { registry } = readQuery(query, REGISTRY_QUERY);
  const leave = places.take();
  if (!leave)
    throw new RequestError(
      429,
      `the sources are being asked by ${AT_ONCE} requests already; ask again when one is done`,
    );
  try {
    const report = await requestedInUse(configuration, registry, ledger, signal);
    const sources = report.sources.map((source) => ({ ...source, uses: source.uses.slice(0, MOST_IMAGES) }));
    return jsonResponse({ ...report, sources, remembered: report.remembered.slice(0, MOST_IMAGES) });
  } finally {
    leave();
  }
}
