import { openSources } from '../evidence/open.ts';
import type { InUse } from '../policy/in-use.ts';
import { type Clock, systemClock } from '../registry/clock.ts';
import { cloudOf, entraOf, type IdentitySettings } from '../registry/identity.ts';
import type { EvidenceOptions } from './evidence.ts';

/** How sources are reached. */
export type OpenSources = typeof openSources;

interface Asking {
  readonly inUse: InUse | undefined;
  readonly identity: Pick<IdentitySettings, 'audience' | 'clientId'>;
}

/** What the configured sources are asked with: the Entra identity, also where a user name is shown to the registry. */
export function evidenceFrom(
  { inUse, identity }: Asking,
  clock: Clock = systemClock,
  open: OpenSources = openSources,
): EvidenceOptions | undefined {
  if (!inUse) return undefined;
  const sources = open(inUse, { credential: entraOf(identity), clock, cloud: cloudOf(identity.audience) });
  return { sources, rememberMilliseconds: inUse.rememberMilliseconds };
}
