import type { HttpResponseInit } from '@azure/functions';
import type { Configuration } from '../../policy/settings.ts';
import { type Ledger, registriesWithPulls, requestedUnpulled, type UnpulledReport } from '../../index.ts';
import { newPlaces } from './in-time.ts';
import { RequestError } from './problem.ts';
import { readQuery, UNPULLED_QUERY } from './query.ts';
import { jsonResponse } from './responses.ts';

/** What was not pulled, as the review page asks for it. */
export interface UnpulledView {
  /** The registries that it can be asked of. */
  readonly registries: readonly string[];
  readonly read: (query: URLSearchParams, signal?: AbortSignal) => Promise<UnpulledReport>;
}

/** For a program. Azure ends a request after 230 s: half of this time after it the answer is there. */
const REQUEST_MS = 120_000;
/** For a person who looks at a page that loads. */
const PAGE_MS = 20_000;

/** Registries that are looked at at once, by requests and pages: each asks for every manifest of a registry. */
const AT_ONCE = 2;
const places = newPlaces(AT_ONCE);

/** `GET /api/unpulled` */
export async function answerUnpulled(
  configuration: Configuration,
  ledger: Ledger,
  query: URLSearchParams,
  signal?: AbortSignal,
): Promise<HttpResponseInit> {
  return jsonResponse(await inPlace(configuration, ledger, query, REQUEST_MS, signal));
}

/** @returns `undefined` where it is configured for no registry how its pulls are looked up */
export function unpulledView(configuration: Configuration, ledger: Ledger): UnpulledView | undefined {
  const registries = registriesWithPulls(configuration);
  if (registries.length === 0) return undefined;
  return { registries, read: (query, signal) => inPlace(configuration, ledger, query, PAGE_MS, signal) };
}

async function inPlace(
  configuration: Configuration,
  ledger: Ledger,
  query: URLSearchParams,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<UnpulledReport> {
  const { registry, for: within, after, limit } = readQuery(query, UNPULLED_QUERY);
  const leave = places.take();
  if (!leave)
    throw new RequestError(429, `${AT_ONCE} registries are being looked at already; ask again when one is done`);
  try {
    const asked = { registry, within, after, most: limit, milliseconds };
    return await requestedUnpulled(configuration, asked, ledger, signal);
  } finally {
    leave();
  }
}
