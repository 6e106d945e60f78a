import type { RunRecord } from '../../ledger/records.ts';
import type { Settings } from '../../policy/settings.ts';
import type { Clock } from '../../registry/clock.ts';
import { archiveFrom, whyNotWithoutArchive } from '../archive/archive.ts';
import { whyNotWithout } from '../evidence.ts';
import { whyNotWithoutFindings } from '../findings/rests-on-findings.ts';
import { wantedOf } from '../scheduled.ts';
import { StopReason } from '../stop.ts';

/**
 * Why nothing more may be done for a run, as the settings are now: an operator who turns deleting off, or changes the
 * policy, does not mean to have the rest deleted. Such a run is left, as it would be by the next tick.
 */
export function whyCutShort(settings: Settings, record: RunRecord, clock: Clock): StopReason | undefined {
  if (millisecondsLeft(settings, record, clock) <= 0)
    return new StopReason('timeout', `the timeouts of the task file (${settings.timeLimitSeconds ?? 0} s) were over`);
  if (record.kind !== 'scheduled') return undefined;
  const changed = (why: string): StopReason => new StopReason('settings', why);
  const served = settings.registries.find(({ endpoint }) => endpoint.host === record.registry);
  if (!served) return changed(`the app does not serve ${record.registry} any more`);
  const { dryRun, policyHash, sources, findings } = wantedOf(settings, served);
  if (dryRun !== record.dryRun)
    return changed(record.dryRun ? 'it was a dry run, and is none any more' : 'only dry runs are wanted now');
  if (policyHash !== record.policy.hash) return changed('the policy was changed');
  const unasked =
    whyNotWithout(record, sources) ??
    whyNotWithoutFindings(record, findings) ??
    whyNotWithoutArchive(record, archiveFrom(settings));
  return unasked === undefined ? undefined : changed(unasked);
}

/** What is left of the time that the task file allows a scheduled run. */
export function millisecondsLeft(
  { timeLimitSeconds }: Settings,
  { kind, started, resumed }: RunRecord,
  clock: Clock,
): number {
  const since = Date.parse(resumed?.at(-1)?.at ?? started);
  return timeLimitSeconds === undefined || kind !== 'scheduled'
    ? Infinity
    : since + timeLimitSeconds * 1000 - clock.now();
}
