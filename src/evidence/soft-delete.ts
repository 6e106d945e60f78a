import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../registry/clock.ts';
import type { AzureCloud } from './azure/clouds.ts';

/** Whether a registry keeps what is deleted, so that it can be restored. */
export type SoftDelete =
  | { readonly state: 'on'; readonly days: number }
  | { readonly state: 'off' }
  /** `why`: a part of a sentence. */
  | { readonly state: 'unknown'; readonly why: string };

export interface SoftDeleteSource {
  /**
   * Never throws: what cannot be read is not known.
   * @param registry its login server, `host[:port]`
   */
  readonly read: (registry: string, signal?: AbortSignal) => Promise<SoftDelete>;
}

export interface SoftDeleteOptions {
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
export function openSoftDelete(options: SoftDeleteOptions): SoftDeleteSource {
  return {
    read: async (registry, signal) =>
      (await import('./azure/soft-delete.ts')).softDeleteAtAzure(options).read(registry, signal),
  };
}
