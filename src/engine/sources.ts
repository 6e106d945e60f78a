import type { AskedSource } from '../ledger/records.ts';
import { type DefenderSource, openDefender } from '../evidence/defender.ts';
import { openSoftDelete, type SoftDeleteSource } from '../evidence/soft-delete.ts';
import { openPulls, openSources, PULL_LOG } from '../evidence/open.ts';
import type { FindingSource } from '../policy/findings.ts';
import type { InUse } from '../policy/in-use.ts';
import { type Pulled, type PullLogSettings, resourceOf } from '../policy/pulls.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { pullWindowsOf } from '../policy/rules.ts';
import type { Settings } from '../policy/settings.ts';
import { type Clock, systemClock } from '../registry/clock.ts';
import { cloudOf, entraOf, type IdentitySettings, logsEndpointOf } from '../registry/identity.ts';
import type { EvidenceOptions } from './evidence.ts';
import {
  attachedReports,
  defenderFindings,
  type DefenderOf,
  type FindingsOptions,
  type FindingsSource,
} from './findings/findings.ts';
import { newFresh } from './fresh.ts';
import { observedDefender, observedPulls, observedTries } from './observe.ts';
import type { PullOptions } from './pulls/pulls.ts';
import type { TriedOptions } from './quarantine/tried.ts';

/** How sources are reached. */
export type OpenSources = typeof openSources;

interface Asking {
  readonly inUse: InUse | undefined;
  readonly pulled: Pulled | undefined;
  /** How long an image is kept that was released because it is used, where no source says it. */
  readonly rememberMilliseconds?: number;
  /** Where the log is found that says what of a quarantine was asked for. */
  readonly pullLog?: PullLogSettings | undefined;
  readonly identity: Pick<IdentitySettings, 'audience' | 'clientId' | 'username'>;
}

/** What the configured sources are asked with: the Entra identity, also where a user name is shown to the registry. */
export function evidenceFrom(
  { inUse, rememberMilliseconds = 0, pulled, pullLog, identity }: Asking,
  clock: Clock = systemClock,
  open: OpenSources = openSources,
): EvidenceOptions | undefined {
  const isLogFound = pullLog !== undefined && pullLog.resources.length > 0;
  if (!inUse && !pulled && !isLogFound) return undefined;
  const sources = inUse ? open(inUse, { credential: entraOf(identity), clock, cloud: cloudOf(identity.audience) }) : [];
  return {
    sources,
    rememberMilliseconds: inUse?.rememberMilliseconds ?? rememberMilliseconds,
    ...(pulled && { pulls: pullsFrom(pulled, identity, clock) }),
    ...(isLogFound && {
      tried: triedFrom(pullLog, identity, clock),
      softDelete: softDeleteFrom(pullLog, identity, clock),
    }),
  };
}

/** How Azure is asked whether a registry keeps what is deleted. */
const softDeleteFrom = (pullLog: PullLogSettings, identity: Asking['identity'], clock: Clock): SoftDeleteSource =>
  openSoftDelete(atAzure(pullLog, identity, clock));

/** How Azure is asked about the resource of a registry. */
const atAzure = ({ resources }: Pick<PullLogSettings, 'resources'>, identity: Asking['identity'], clock: Clock) => ({
  credential: entraOf(identity),
  clock,
  cloud: cloudOf(identity.audience),
  resourceOf: (registry: string) => resourceOf(resources, registry)?.id,
});

interface AskingFindings {
  readonly findings: readonly FindingSource[];
  readonly pullLog: Pick<PullLogSettings, 'resources'>;
  readonly identity: Asking['identity'];
}

/**
 * What the configured sources of findings are asked with; nothing where none is.
 * @param defenderOf what Defender said of late; absent: it is asked once for all that is asked with this
 */
export function findingsFrom(
  { findings, ...asking }: AskingFindings,
  clock: Clock = systemClock,
  defenderOf: DefenderOf = newFresh(clock),
): FindingsOptions | undefined {
  const sources = findings.flatMap((source): readonly FindingsSource[] => {
    switch (source) {
      case 'defender':
        return [defenderFindings(observedDefender(defenderFrom(asking, clock), clock), defenderOf)];
      case 'referrers':
        return [attachedReports];
    }
  });
  return sources.length > 0 ? { sources } : undefined;
}

/** Defender for Cloud, as the identity of the app asks it. */
export const defenderFrom = (
  { pullLog, identity }: Omit<AskingFindings, 'findings'>,
  clock: Clock = systemClock,
): DefenderSource => openDefender(atAzure(pullLog, identity, clock));

/** The same where a policy file of a request asks for pulls, for longer than the settings, too. */
export function pulledFor(
  { pulled, pullLog }: Pick<Settings, 'pulled' | 'pullLog'>,
  policies: readonly PurgePolicy[],
): Pulled | undefined {
  const asked = pullWindowsOf(policies);
  // Without a resource the log is found nowhere: what the rules ask for stays.
  if (!asked || pullLog.resources.length === 0) return pulled;
  const { shortest, longest } = pulled?.byRules ?? asked;
  const byRules = { shortest: Math.min(shortest, asked.shortest), longest: Math.max(longest, asked.longest) };
  return { within: '', withinMilliseconds: 0, ...pullLog, ...pulled, byRules };
}

/** What evidence calls the sources that are configured. */
export function sourcesNamed({ inUse, pulled }: Pick<Asking, 'inUse' | 'pulled'>): readonly AskedSource[] {
  const log = pulled ? [{ source: PULL_LOG, ...(pulled.within !== '' && { within: pulled.within }) }] : [];
  return [...(inUse?.sources.map(({ text }) => ({ source: text })) ?? []), ...log];
}

/** How the log of a registry is asked when something was pulled. */
export function pullsFrom(pulled: Pulled, identity: Asking['identity'], clock: Clock = systemClock): PullOptions {
  const { within, withinMilliseconds, byRules, ignored } = pulled;
  const { source, key } = logFrom(pulled, identity, clock);
  return { source: observedPulls(source, clock), within, withinMilliseconds, byRules, ignored, key };
}

/** The same for what of a quarantine was asked for. */
function triedFrom(pullLog: PullLogSettings, identity: Asking['identity'], clock: Clock): TriedOptions {
  const { resources, ignored } = pullLog;
  const { source, key } = logFrom(pullLog, identity, clock);
  return {
    source: observedTries(source, clock),
    asks: (registry) => resourceOf(resources, registry) !== undefined,
    key: JSON.stringify([key, ignored]),
  };
}

function logFrom(pullLog: PullLogSettings, identity: Asking['identity'], clock: Clock) {
  const { ignored, maxSilenceMilliseconds, resources } = pullLog;
  const source = openPulls({
    credential: entraOf(identity),
    clock,
    endpoint: logsEndpointOf(identity),
    resourceOf: (registry) => resourceOf(resources, registry)?.id,
    ignored,
    maxSilenceMilliseconds,
    username: identity.username,
  });
  return { source, key: JSON.stringify([resources, maxSilenceMilliseconds, identity.clientId, identity.username]) };
}
