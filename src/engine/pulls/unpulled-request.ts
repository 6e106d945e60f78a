import type { Ledger } from '../../ledger/ledger.ts';
import { parseDuration } from '../../policy/duration.ts';
import { PolicyError } from '../../policy/errors.ts';
import { resourceOf } from '../../policy/pulls.ts';
import type { Configuration } from '../../policy/settings.ts';
import type { UnpulledReport } from '../../report/unpulled.ts';
import { openReader, type OpenRegistry, servedRegistry, settingsOf, targetOf } from '../registries.ts';
import { pullsFrom } from '../sources.ts';
import { unpulled, type UnpulledLimits } from './unpulled.ts';

/** Calls to the registry at once: runs ask it as well. */
const CONCURRENCY = 4;

/** What a client asks for. */
export interface UnpulledQuery extends UnpulledLimits {
  /** Of the registry; `undefined`: the only one. */
  readonly registry: string | undefined;
  /** For how long it was not pulled: `90d`. */
  readonly within: string;
}

/** How the registry and its log are reached. Absent: as they are configured. */
export interface UnpulledDoors {
  readonly open?: OpenRegistry | undefined;
  readonly openPulls?: typeof pullsFrom;
}

/**
 * What was not pulled of a registry that the app serves.
 * @throws {Misconfigured | PolicyError} where it cannot be asked; and whatever `unpulled` throws
 */
export async function requestedUnpulled(
  configuration: Configuration,
  { registry, within, ...limits }: UnpulledQuery,
  ledger: Ledger,
  signal?: AbortSignal,
  { open, openPulls = pullsFrom }: UnpulledDoors = {},
): Promise<UnpulledReport> {
  const settings = settingsOf(configuration);
  const served = servedRegistry(settings, registry);
  const { host } = served.endpoint;
  const { pullLog, identity } = settings;
  if (!resourceOf(pullLog.resources, host))
    throw new PolicyError(
      'REGISTRY_RESOURCE_ID',
      undefined,
      `names no resource of ${host}, so it is not known what was pulled of it; set it to the resource id of the registry (az acr show --name contoso --query id)`,
    );
  const { milliseconds } = parseDuration(within, '--for');
  if (milliseconds === 0) throw new PolicyError('--for', within, 'must be longer than nothing');
  const reader = await openReader(targetOf(settings, served, CONCURRENCY), open);
  const pulled = { ...pullLog, within, withinMilliseconds: milliseconds };
  return unpulled(reader, openPulls(pulled, identity, ledger.system.clock), ledger, signal, limits);
}

/** The registries of which it is looked up what was pulled: none where the settings are wrong. */
export function registriesWithPulls(configuration: Configuration): readonly string[] {
  if (configuration.state === 'invalid') return [];
  const { registries, pullLog } = configuration.settings;
  return registries.map(({ endpoint }) => endpoint.host).filter((host) => resourceOf(pullLog.resources, host));
}
