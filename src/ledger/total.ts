import type { Reason, Right } from '../planner/decision.ts';
import { type FindingSum, type FindingSums, NO_FINDINGS, plusFindings } from '../planner/findings.ts';
import type { ArchiveCounts } from './archive.ts';
import type { Counts, Missing, Totals } from './summary.ts';

export const NO_COUNTS: Counts = { deleted: 0, kept: 0, failed: 0, notAttempted: 0, alreadyGone: 0 };
const OUTCOMES = ['deleted', 'kept', 'failed', 'notAttempted', 'alreadyGone'] as const satisfies (keyof Counts)[];

/** What repositories, or runs, come to together. */
export function total(repositories: readonly Totals[]): Totals {
  const sum = (of: (summary: Totals) => number): number => repositories.reduce((all, one) => all + of(one), 0);
  const counts = (kind: 'tags' | 'manifests'): Counts => {
    const quarantined = sum((one) => one[kind].quarantined ?? 0);
    const restored = sum((one) => one[kind].restored ?? 0);
    const counted = OUTCOMES.reduce(
      (all, outcome) => ({ ...all, [outcome]: sum((one) => one[kind][outcome]) }),
      NO_COUNTS,
    );
    return { ...counted, ...(quarantined > 0 && { quarantined }), ...(restored > 0 && { restored }) };
  };
  const reasons: Partial<Record<Reason, number>> = {};
  for (const one of repositories)
    for (const [reason, count] of Object.entries(one.reasons) as [Reason, number][])
      reasons[reason] = (reasons[reason] ?? 0) + count;
  // What an older version recorded has fewer of these.
  const of = (when: 'listed' | 'afterwards', kind: keyof Totals['listed']) =>
    repositories.some((one) => one[when]?.[kind] !== undefined) && { [kind]: sum((one) => one[when]?.[kind] ?? 0) };
  const there = (when: 'listed' | 'afterwards') => ({
    ...of(when, 'tags'),
    ...of(when, 'manifests'),
    ...of(when, 'bytes'),
  });
  const missing = repositories.reduce((all, one) => plus(all, one.missing ?? {}), {});
  const archived = repositories.reduce<ArchiveCounts | undefined>(
    (all, one) => plusArchived(all, one.archived),
    undefined,
  );
  return {
    ...(Object.keys(missing).length > 0 && { missing }),
    ...quarantineOf(repositories),
    ...findingsOf(repositories),
    ...(archived && { archived }),
    listed: there('listed'),
    afterwards: there('afterwards'),
    leftUntagged: {
      manifests: sum((one) => one.leftUntagged?.manifests ?? 0),
      bytes: sum((one) => one.leftUntagged?.bytes ?? 0),
    },
    leftSignatures: sum((one) => one.leftSignatures ?? 0),
    tags: counts('tags'),
    manifests: counts('manifests'),
    bytes: sum((one) => one.bytes),
    reasons,
    beyondAcrPurge: sum((one) => one.beyondAcrPurge),
  };
}

/** Those in use are not known where they are not of one of them. */
function findingsOf(repositories: readonly Totals[]): Pick<Totals, 'findings'> {
  const all = repositories.flatMap(({ findings }) => findings ?? []);
  if (all.length === 0) return {};
  const of = (sum: (one: FindingSums) => FindingSum | undefined): FindingSum =>
    all.reduce((both, one) => plusFindings(both, sum(one) ?? NO_FINDINGS), NO_FINDINGS);
  return {
    findings: {
      removed: of(({ removed }) => removed),
      kept: of(({ kept }) => kept),
      ...(all.every(({ inUse }) => inUse) && { inUse: of(({ inUse }) => inUse) }),
    },
  };
}

function quarantineOf(repositories: readonly Totals[]): Pick<Totals, 'quarantine'> {
  const all = repositories.flatMap(({ quarantine }) => quarantine ?? []);
  const [first, ...others] = all;
  if (!first) return {};
  return {
    quarantine: others.reduce((some, one) => {
      const needed = (some.needed ?? 0) + (one.needed ?? 0);
      const until = [some.until ?? '', one.until ?? ''].sort()[1] ?? '';
      return {
        waiting: some.waiting + one.waiting,
        tagsWaiting: some.tagsWaiting + one.tagsWaiting,
        released: some.released + one.released,
        ...(needed > 0 && { needed }),
        ...(until !== '' && { until, bytes: (some.bytes ?? 0) + (one.bytes ?? 0) }),
      };
    }, first),
  };
}

/** What was archived in both. */
export function plusArchived(
  one: ArchiveCounts | undefined,
  other: ArchiveCounts | undefined,
): ArchiveCounts | undefined {
  if (!one || !other) return one ?? other;
  return {
    manifests: one.manifests + other.manifests,
    blobs: one.blobs + other.blobs,
    bytes: one.bytes + other.bytes,
    milliseconds: one.milliseconds + other.milliseconds,
  };
}

/** Both together. */
export function plus(some: Missing, more: Missing): Missing {
  const sum = { ...some };
  for (const [right, { refused, notAttempted }] of Object.entries(more) as [Right, Missing[Right] & object][]) {
    const before = sum[right] ?? { refused: 0, notAttempted: 0 };
    sum[right] = { refused: before.refused + refused, notAttempted: before.notAttempted + notAttempted };
  }
  return sum;
}
