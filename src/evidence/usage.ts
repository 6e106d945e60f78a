import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../registry/clock.ts';
import type { AzureCloud } from './azure/clouds.ts';

/** How much a registry uses, as Azure says. */
export type Usage =
  /** Bytes. `included`: what its tier includes in its price. */
  | { readonly state: 'known'; readonly bytes: number; readonly included?: number }
  /** `why`: a part of a sentence. */
  | { readonly state: 'unknown'; readonly why: string };

export interface UsageSource {
  /**
   * Never throws: what cannot be read is not known.
   * @param registry its login server, `host[:port]`
   */
  readonly read: (registry: string, signal?: AbortSignal) => Promise<Usage>;
}

export interface UsageOptions {
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** That the identity signs in to. */
  readonly cloud: AzureCloud;
  /** The resource id of a registry; `undefined` where none is configured. */
  readonly resourceOf: (registry: string) => string | undefined;
  /** Where it is asked instead of the cloud's own address. For tests. */
  readonly at?: { readonly endpoint: string; readonly certificate: string };
}

/** Nothing is loaded or contacted before it is read. */
export function openUsage(options: UsageOptions): UsageSource {
  return {
    read: async (registry, signal) => (await import('./azure/usage.ts')).usageAtAzure(options).read(registry, signal),
  };
}
