import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../registry/clock.ts';
import type { AzureCloud } from './azure/clouds.ts';
import type { Scan } from './findings.ts';

/** What Defender for Cloud says of the images of one registry. */
export interface DefenderFindings {
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** Everything was read. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly problems: readonly string[];
  /** How many images it says something of. */
  readonly images: number;
  /**
   * What it says of one image. `undefined`: nothing, which is not to say that nothing is wrong with it.
   * @param digest in small letters
   */
  readonly scanOf: (repository: string, digest: string) => Scan | undefined;
  /**
   * Whether it may say something else of an image than `scanOf` does, because what counts more could not be read.
   * @param digest in small letters
   */
  readonly isInDoubt: (repository: string, digest: string) => boolean;
}

/** Whether the identity may read them. */
export interface DefenderTrial {
  readonly state: 'granted' | 'missing' | 'unknown';
  readonly error?: string;
  /** Where the right has to be granted: a resource id. */
  readonly scope?: string;
}

export interface DefenderSource {
  /**
   * Reads all findings about a registry. Never throws: what cannot be read makes them incomplete.
   * @param registry its login server, `host[:port]`
   */
  readonly read: (registry: string, signal?: AbortSignal) => Promise<DefenderFindings>;
  /** Tries whether it could. Never throws. */
  readonly tried: (registry: string, signal?: AbortSignal) => Promise<DefenderTrial>;
}

export interface DefenderOptions {
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
export function openDefender(options: DefenderOptions): DefenderSource {
  const open = async (): Promise<DefenderSource> => (await import('./azure/defender.ts')).defender(options);
  return {
    read: async (registry, signal) => (await open()).read(registry, signal),
    tried: async (registry, signal) => (await open()).tried(registry, signal),
  };
}
