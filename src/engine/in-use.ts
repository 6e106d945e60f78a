import type { Ledger } from '../ledger/ledger.ts';
import type { Configuration } from '../policy/settings.ts';
import type { InUseReport } from '../report/in-use.ts';
import type { EvidenceOptions } from './evidence.ts';
import { withForgotten } from './forgotten.ts';
import { observe } from './observe.ts';
import { servedRegistry, settingsOf } from './registries.ts';
import { evidenceFrom } from './sources.ts';

/** How long the sources may take for a request: Azure ends it after 230 s. */
const REQUEST_MINUTES = 3;

/**
 * Asks the configured sources what is in use at a registry, and says what earlier runs saw. Remembers nothing: a source
 * can be tried out before it counts.
 * @param registry its login server
 * @param minutes a source that takes longer is incomplete; absent: what it may take in a run
 * @throws {LedgerError} where what earlier runs saw cannot be read: a run would fail there
 */
export async function inUseAt(
  registry: string,
  evidence: EvidenceOptions | undefined,
  ledger: Pick<Ledger, 'used' | 'system'>,
  signal?: AbortSignal,
  minutes?: number,
): Promise<InUseReport> {
  const { clock } = ledger.system;
  const used = await ledger.used(registry);
  if (!evidence || evidence.sources.length === 0)
    return { registry, state: 'not-configured', sources: [], remembered: [] };
  const said = await Promise.all(evidence.sources.map((source) => observe(source, registry, clock, signal, minutes)));
  const since = new Date(clock.now() - evidence.rememberMilliseconds).toISOString();
  const observed = withForgotten(said, used, since);
  const seen = new Set(observed.flatMap((one) => one.facts.map((use) => keyOf({ ...use, source: one.source }))));
  return {
    registry,
    state: observed.every(({ complete }) => complete) ? 'complete' : 'incomplete',
    sources: observed.map(({ facts, ...about }) => ({ ...about, images: facts.length, uses: facts })),
    remembered: used.images.filter((image) => image.last >= since && !seen.has(keyOf(image))),
  };
}

/**
 * The same for a registry that the app serves.
 * @param name of the registry; `undefined`: the only one
 * @throws {Misconfigured | PolicyError | LedgerError}
 */
export function requestedInUse(
  configuration: Configuration,
  name: string | undefined,
  ledger: Pick<Ledger, 'used' | 'system'>,
  signal?: AbortSignal,
): Promise<InUseReport> {
  const settings = settingsOf(configuration);
  const { host } = servedRegistry(settings, name).endpoint;
  return inUseAt(host, evidenceFrom(settings, ledger.system.clock), ledger, signal, REQUEST_MINUTES);
}

interface Named {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly config?: string;
  readonly source: string;
}

const keyOf = ({ repository, tag, digest, config, source }: Named): string =>
  JSON.stringify([repository, tag, digest, config, source]);
