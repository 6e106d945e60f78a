import type { HttpResponseInit } from '@azure/functions';
import type { Configuration } from '../../policy/settings.ts';
import { type Ledger, type RegistryCheck, requestedCheck, requestedLastCheck } from '../../index.ts';
import { newPlaces } from './in-time.ts';
import { RequestError } from './problem.ts';
import { REGISTRY_QUERY, readQuery } from './query.ts';
import { jsonResponse } from './responses.ts';

/** What the last check has found, as the review page asks for it. */
export interface CheckView {
  /** The registries that the app serves. */
  readonly registries: readonly string[];
  /** `undefined`: nothing was checked yet. */
  readonly last: (registry: string | undefined) => Promise<RegistryCheck | undefined>;
}

/** For a program. Azure ends a request after 230 s: half of this time after it the answer is there. */
const REQUEST_MS = 120_000;
/** For a person who waits for a page. */
const PAGE_MS = 60_000;

/** Registries that are checked at once: each check lists a whole registry. */
const AT_ONCE = 2;
const places = newPlaces(AT_ONCE);

type Reached = Parameters<typeof requestedCheck>[3];

/** `GET /api/check` */
export async function answerLastCheck(
  configuration: Configuration,
  ledger: Pick<Ledger, 'lastCheck'>,
  query: URLSearchParams,
): Promise<HttpResponseInit> {
  const { registry } = readQuery(query, REGISTRY_QUERY);
  const check = await requestedLastCheck(configuration, ledger, registry);
  if (!check)
    throw new RequestError(
      404,
      'this registry was not checked yet; send POST /api/check, or give acr-retention check the storage of this app',
    );
  return jsonResponse(check);
}

/** `POST /api/check` */
export async function answerCheck(
  configuration: Configuration,
  ledger: Parameters<typeof requestedCheck>[1],
  query: URLSearchParams,
  signal: AbortSignal,
  { milliseconds = REQUEST_MS, open }: { readonly milliseconds?: number; readonly open?: Reached } = {},
): Promise<HttpResponseInit> {
  const { registry } = readQuery(query, REGISTRY_QUERY);
  return jsonResponse(
    await inPlace(() => requestedCheck(configuration, ledger, { registry, milliseconds, signal }, open)),
  );
}

/** The same for a person: the result is kept, and the page shows it. */
export async function checkForPage(
  configuration: Configuration,
  ledger: Parameters<typeof requestedCheck>[1],
  registry: string,
  signal: AbortSignal,
): Promise<void> {
  await inPlace(() => requestedCheck(configuration, ledger, { registry, milliseconds: PAGE_MS, signal }));
}

async function inPlace<T>(work: () => Promise<T>): Promise<T> {
  const leave = places.take();
  if (!leave)
    throw new RequestError(429, `${AT_ONCE} registries are being checked already; ask again when one is done`);
  try {
    return await work();
  } finally {
    leave();
  }
}

/** @returns `undefined` where the settings are wrong, so that it is not known which registries there are */
export function checkView(configuration: Configuration, ledger: Pick<Ledger, 'lastCheck'>): CheckView | undefined {
  if (configuration.state === 'invalid') return undefined;
  const registries = configuration.settings.registries.map(({ endpoint }) => endpoint.host);
  return { registries, last: (registry) => requestedLastCheck(configuration, ledger, registry ?? registries[0]) };
}
