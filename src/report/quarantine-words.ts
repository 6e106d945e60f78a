import type { RunRecord } from '../ledger/records.ts';
import type { Counts, Totals } from '../ledger/summary.ts';
import type { Decision } from '../planner/decision.ts';
import { bytes, minute, plural } from './page/format.ts';

/* What is made unreadable, waits, and is released, in words. */

/** `until 2026-12-14 01:00 UTC` */
export function untilInWords(until: string): string {
  return `until ${minute(until)} UTC`;
}

/** What a decision says of quarantine besides its detail: nothing of what is deleted at once, or waits already. */
export function quarantineOfDecision(decision: Decision): string {
  if (decision.action !== 'delete' || !decision.quarantine) return '';
  const verb = decision.outcome === 'quarantined' ? 'quarantined' : 'to be quarantined';
  return `; ${verb} ${untilInWords(decision.quarantine.until)}`;
}

/** How many artifacts of both kinds are made unreadable, or would be. */
export function quarantinedIn({ tags, manifests }: { readonly tags: Counts; readonly manifests: Counts }): number {
  return (tags.quarantined ?? 0) + (manifests.quarantined ?? 0);
}

/** `at most 1.2 GB`, with a comma before it; nothing where no manifest is. */
export function sizeInWords({ quarantine }: Totals): string {
  return quarantine?.bytes ? `, at most ${bytes(quarantine.bytes)}` : '';
}

/** What is put into quarantine, what waits there, and what is released: a sentence each. */
export function quarantineInWords(totals: Totals, dryRun: boolean): readonly string[] {
  const { tags, manifests, quarantine } = totals;
  if (!quarantine) return [];
  const { waiting, released, needed = 0, until } = quarantine;
  const were = (count: number): string => (dryRun ? 'would be' : count === 1 ? 'was' : 'were');
  const made = `${plural(tags.quarantined ?? 0, 'tag')} and ${plural(manifests.quarantined ?? 0, 'manifest')}`;
  return [
    ...(until === undefined
      ? []
      : [
          `${made} ${dryRun ? 'would be quarantined' : 'quarantined'} ${untilInWords(until)}${sizeInWords(totals)}: unreadable, and deleted by a run after that.`,
        ]),
    ...(waiting === 0
      ? []
      : [
          `${plural(waiting, 'artifact')} ${waiting === 1 ? 'waits' : 'wait'} in quarantine since an earlier run; acr-retention quarantine lists ${waiting === 1 ? 'it' : 'them'}.`,
        ]),
    ...(released === 0
      ? []
      : [
          `${plural(released, 'artifact')} ${were(released)} released from quarantine${needed > 0 ? `, ${needed === released ? '' : `${needed} of them `}because a client asked for ${released === 1 ? 'it' : 'them'}, or a workload came to use ${released === 1 ? 'it' : 'them'}` : ''}.`,
        ]),
  ];
}

/** What a quarantine means for the person who looks at a plan, or at a run that has put something there. */
export function quarantineOfRun(
  { id, dryRun }: Pick<RunRecord, 'id' | 'dryRun'>,
  { quarantine }: Totals,
): readonly string[] {
  const { until, waiting = 0, needed = 0 } = quarantine ?? {};
  return [
    ...(until === undefined
      ? []
      : [
          dryRun
            ? 'What is made unreadable is not deleted before its time is over, and can be released until then.'
            : `A run after that deletes what was made unreadable. Until then it can be pulled again after: acr-retention release ${id}.`,
        ]),
    ...(waiting === 0
      ? []
      : [`${plural(waiting, 'artifact')} ${waiting === 1 ? 'waits' : 'wait'} in quarantine since an earlier run.`]),
    ...(needed === 0
      ? []
      : [
          `A client asked for ${plural(needed, 'artifact')} in quarantine, or a workload came to use ${needed === 1 ? 'it' : 'them'}: released.`,
        ]),
  ];
}

/** Whether its policy has a quarantine, of the whole or of a rule. */
export function hasQuarantine({ policy: { commands } }: RunRecord): boolean {
  return commands.some(
    ({ understood }) =>
      Number(understood['quarantineMilliseconds'] ?? 0) > 0 ||
      JSON.stringify(understood['policy'] ?? {}).includes('"quarantine":'),
  );
}
