import type { ManifestRecord, TagRecord } from '../registry/types.ts';
import { type Decision, type Deleted, mapped } from './decision.ts';
import type { Plan, Rule } from './types.ts';

/** Manifests of which a plan deletes every tag and that it keeps, with how many tags each has. */
export function untaggedBy(plan: Plan, tags: readonly TagRecord[]): ReadonlyMap<string, number> {
  const going = new Map<string, number>();
  for (const { digest } of plan.tags) going.set(digest, (going.get(digest) ?? 0) + 1);
  const all = new Map<string, number>();
  for (const { digest = '' } of tags) if (going.has(digest)) all.set(digest, (all.get(digest) ?? 0) + 1);
  return new Map([...going].filter(([digest, count]) => digest !== '' && all.get(digest) === count));
}

/**
 * The same plan, whose decisions say which manifests are left without a tag that `--untagged` would delete: neither
 * locked nor too young.
 */
export function withUntagged(
  plan: Plan,
  untagged: ReadonlyMap<string, number>,
  records: ReadonlyMap<string, ManifestRecord>,
  { cutOff, includeLocked }: Pick<Rule, 'cutOff' | 'includeLocked'>,
): Plan {
  const leaves = new Map<string, Deleted['leavesUntagged']>();
  for (const [digest, tags] of untagged) {
    const record = records.get(digest);
    if (record?.lastUpdated === undefined || !(record.lastUpdated < cutOff)) continue;
    if (record.locked && !includeLocked) continue;
    leaves.set(digest, { tags, bytes: record.size ?? 0 });
  }
  if (leaves.size === 0) return plan;
  const marked = <D extends Decision>(decision: D): D => {
    const leavesUntagged = decision.kind === 'tag' && leaves.get(decision.digest ?? '');
    return decision.action === 'delete' && leavesUntagged ? { ...decision, leavesUntagged } : decision;
  };
  return {
    ...plan,
    decisions: mapped(plan.decisions, marked),
    deletionOf: (kind, name) => {
      const decision = plan.deletionOf(kind, name);
      return decision && marked(decision);
    },
  };
}
