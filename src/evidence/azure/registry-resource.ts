import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../../registry/clock.ts';
import { type Arm, openArm } from './arm.ts';
import { type AzureCloud, endpointOf } from './clouds.ts';
import { ArmError } from './errors.ts';

/** How the resource of a registry is found and asked. */
interface ResourceOptions {
  readonly credential: TokenCredential;
  readonly clock: Clock;
  readonly cloud: AzureCloud;
  /** The resource id of a registry; `undefined` where none is configured. */
  readonly resourceOf: (registry: string) => string | undefined;
  /** Where it is asked instead of the cloud's own address. For tests. */
  readonly at?: { readonly endpoint: string; readonly certificate: string };
}

/** `why`: a part of a sentence. */
interface Unknown {
  readonly state: 'unknown';
  readonly why: string;
}

/**
 * Asks Azure Resource Manager something about a registry. Never throws: what cannot be read is not known.
 * @param name the login server of the registry
 * @param what is asked, as the beginning of a sentence: `how much it uses`
 */
export async function askResource<T>(
  { credential, clock, cloud, resourceOf, at }: ResourceOptions,
  name: string,
  what: string,
  ask: (arm: Arm, id: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T | Unknown> {
  const id = resourceOf(name);
  if (id === undefined) return { state: 'unknown', why: `REGISTRY_RESOURCE_ID names no resource of ${name}` };
  const audience = endpointOf(cloud);
  const endpoint = at?.endpoint ?? audience;
  const arm = openArm({ endpoint, audience, credential, clock, certificate: at?.certificate }, signal);
  try {
    return await ask(arm, id);
  } catch (error) {
    // Of other errors the message may hold anything.
    const why = error instanceof ArmError ? error.message : `it cannot be read (${(error as Error).name})`;
    return { state: 'unknown', why: `${what} cannot be read: ${why}` };
  }
}
