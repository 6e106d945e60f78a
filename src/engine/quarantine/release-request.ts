import type { Configuration } from '../../policy/settings.ts';
import type { RunSummary } from '../../ledger/summary.ts';
import { openRegistry, servedRegistry, settingsOf, targetOf, type Trigger } from '../registries.ts';
import { releaseQuarantine, type ToRelease } from './release-now.ts';

/** Calls in flight at once. */
const CONCURRENCY = 8;

/** What a client asks for. */
export interface ReleaseAsked {
  /** Of the registry; `undefined`: the only one that the app serves. */
  readonly registry: string | undefined;
  readonly toRelease: ToRelease;
}

/**
 * Releases what is in quarantine in a registry that the app serves.
 * @throws {Misconfigured | PolicyError} where the app does not serve it; and whatever `releaseQuarantine` throws
 */
export async function requestedRelease(
  configuration: Configuration,
  { registry: name, ...asked }: ReleaseAsked,
  { open = openRegistry, ...trigger }: Trigger,
): Promise<RunSummary> {
  const settings = settingsOf(configuration);
  const registry = await open(targetOf(settings, servedRegistry(settings, name), CONCURRENCY));
  const { rememberMilliseconds: keepReleasedMilliseconds } = settings;
  return releaseQuarantine({ reader: registry, writer: registry }, { ...trigger, ...asked, keepReleasedMilliseconds });
}
