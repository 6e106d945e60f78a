import type { Ledger } from '../ledger/ledger.ts';
import { memoryLedger } from '../ledger/open.ts';
import type { Difference } from '../ledger/plan-diff.ts';
import type { RunRecord } from '../ledger/records.ts';
import { type Decision, type Decisions, keyOf, type Reason } from '../planner/decision.ts';
import type { Use } from '../evidence/types.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { EvidenceOptions } from './evidence.ts';
import { recordedRegistry } from './recorded-registry.ts';
import { run } from './run.ts';

/** What a policy would do to a registry as a run saw it. */
export interface Trial {
  /** What it would delete, and what the run decided to delete. */
  readonly deletes: Deletions;
  readonly before: Deletions;
  /** Those that the run saw. */
  readonly repositories: number;
  /** Artifacts that are kept because the run did not record enough of them, by why. */
  readonly notKnown: Readonly<Record<NotKnown, number>>;
}

interface Deletions {
  readonly tags: number;
  readonly manifests: number;
}

/**
 * - `not recorded`: when it was updated, what it is or what it holds
 * - `pulls`: when it was pulled, which the policy asks for
 * - `use`: it was in use, or pulled lately, or that was not known; the policy would delete it otherwise
 */
type NotKnown = 'not recorded' | 'pulls' | 'use';

const NOT_RECORDED: ReadonlySet<Reason> = new Set(['unknown-time', 'unknown-media-type', 'unreadable']);
const USED: ReadonlySet<Reason> = new Set(['in-use', 'in-use-unknown', 'pulled-recently', 'pull-history-too-short']);

/**
 * Tries a policy on what a run has recorded, without a call to the registry. Ages are counted from the same moment.
 * @param onDifference takes what one of the two deletes, and the other does not
 */
export async function tryPolicy(
  ledger: Ledger,
  record: RunRecord,
  policy: PurgePolicy,
  onDifference: (difference: Difference) => Promise<void> | void,
): Promise<Trial> {
  const now = new Date(record.agesFrom);
  const deletes = { tags: 0, manifests: 0 };
  const before = { tags: 0, manifests: 0 };
  const notKnown = { 'not recorded': 0, pulls: 0, use: 0 };
  const count = (of: typeof deletes, { kind }: Decision): void => {
    of[kind === 'tag' ? 'tags' : 'manifests'] += 1;
  };
  const compare = async (repository: string, decisions: readonly Decision[]): Promise<void> => {
    const old = new Map<string, Decision>();
    for await (const decision of ledger.decisions(record.id, { repository })) old.set(keyOf(decision), decision);
    for (const decision of old.values()) if (decision.action === 'delete') count(before, decision);
    const seen = new Map<string, Decision>();
    for (const decision of decisions) {
      const other = old.get(keyOf(decision));
      seen.set(keyOf(decision), decision);
      if (decision.action === 'keep') {
        if (decision.reason === 'in-use') notKnown.use += 1;
        else if (decision.reason === 'pull-history-too-short') notKnown.pulls += 1;
        else if (NOT_RECORDED.has(decision.reason) && other?.reason !== decision.reason) notKnown['not recorded'] += 1;
        continue;
      }
      count(deletes, decision);
      if (other?.action !== 'delete') await onDifference({ change: 'added', goes: decision, other });
    }
    for (const [key, goes] of old) {
      const other = seen.get(key);
      if (goes.action === 'delete' && other?.action !== 'delete')
        await onDifference({ change: 'removed', goes, other });
    }
  };
  const evidence = await usedThen(ledger, record.id, record.agesFrom);
  const planned = new Set<string>();
  await run({
    reader: recordedRegistry(ledger, record),
    // One repository after the other: what is recorded of one is in memory.
    policies: [{ ...policy, dryRun: true, concurrency: 1 }],
    now,
    ledger: memoryLedger(now),
    ...(evidence && { evidence }),
    onDecisions: async (decisions: Decisions) => {
      const all = [...decisions];
      const [first] = all;
      if (!first) return;
      planned.add(first.repository);
      await compare(first.repository, all);
    },
  });
  // No rule is about these: what the run decided to delete there, the policy keeps.
  let repositories = 0;
  for await (const { summary } of ledger.repositories(record.id)) {
    repositories += 1;
    if (!planned.has(summary.repository)) await compare(summary.repository, []);
  }
  return { repositories, deletes, before, notKnown };
}

/** What the run kept because it was used, or because that was not known: it is used here, too. */
async function usedThen(ledger: Ledger, id: string, observedAt: string): Promise<EvidenceOptions | undefined> {
  const facts: Use[] = [];
  for await (const { repository, tag, digest, detail, reason } of ledger.decisions(id, { action: 'keep' }))
    if (USED.has(reason))
      facts.push({
        repository,
        where: detail,
        ...(tag !== undefined && { tag }),
        ...(digest !== undefined && { digest }),
      });
  if (facts.length === 0) return undefined;
  const about = { source: `run ${id}`, observedAt, scope: 'what it kept', complete: true, problems: [], facts };
  return { sources: [{ name: about.source, read: () => Promise.resolve(about) }], rememberMilliseconds: 0 };
}
