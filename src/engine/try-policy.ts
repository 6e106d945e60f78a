import type { Ledger } from '../ledger/ledger.ts';
import { memoryLedger } from '../ledger/open.ts';
import type { Difference } from '../ledger/plan-diff.ts';
import type { RunRecord } from '../ledger/records.ts';
import { type Decision, type Decisions, keyOf, type Reason } from '../planner/decision.ts';
import type { ImageFindings } from '../evidence/findings.ts';
import { USE_UNKNOWN } from '../planner/vulnerable.ts';
import type { Use } from '../evidence/types.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { EvidenceOptions } from './evidence.ts';
import type { FindingsOptions } from './findings/findings.ts';
import { recordedRegistry } from './recorded-registry.ts';
import { isUseKnownIn } from './findings/rests-on-findings.ts';
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
 * - `findings`: what a scan names, or when it is out of support, which the policy asks for
 * - `use`: it was in use, or pulled lately, or that was not known; the policy would delete it otherwise
 */
type NotKnown = 'not recorded' | 'pulls' | 'findings' | 'use';

const NOT_RECORDED: ReadonlySet<Reason> = new Set(['unknown-time', 'unknown-media-type', 'unreadable']);
const UNFOUND: ReadonlySet<Reason> = new Set(['not-scanned', 'end-of-life-unknown']);
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
  const notKnown = { 'not recorded': 0, pulls: 0, findings: 0, use: 0 };
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
        if (decision.reason === 'in-use' || decision.reason === 'in-use-unknown') notKnown.use += 1;
        else if (UNFOUND.has(decision.reason)) notKnown.findings += 1;
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
  const evidence = await usedThen(ledger, record);
  const findings = foundThen(ledger, record);
  const planned = new Set<string>();
  await run({
    reader: recordedRegistry(ledger, record),
    // One repository after the other: what is recorded of one is in memory.
    policies: [{ ...policy, dryRun: true, concurrency: 1 }],
    now,
    ledger: memoryLedger(now),
    ...(evidence && { evidence }),
    ...(findings && { findings }),
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

/**
 * What the run kept because it was used, or because that was not known: it is used here, too. And what it knew to be used,
 * and kept for something else. Where it knew of all use, a rule may rest on that; else it is not said to be known.
 */
async function usedThen(ledger: Ledger, record: RunRecord): Promise<EvidenceOptions | undefined> {
  const facts: Use[] = [];
  for await (const { repository, tag, digest, detail, reason, findings } of ledger.decisions(record.id, {}))
    // Of another rule it says nothing that no source was asked.
    if ((USED.has(reason) && !detail.endsWith(USE_UNKNOWN.detail)) || findings?.inUse)
      facts.push({
        repository,
        where: detail,
        ...(tag !== undefined && { tag }),
        ...(digest !== undefined && { digest }),
      });
  const isKnown = isUseKnownIn(record);
  if (facts.length === 0 && !isKnown) return undefined;
  const source = `run ${record.id}`;
  const about = { source, observedAt: record.agesFrom, scope: 'what it kept', complete: true, problems: [], facts };
  return {
    sources: [{ name: source, read: () => Promise.resolve(about) }],
    rememberMilliseconds: 0,
    ...(!isKnown && { isPartial: true }),
  };
}

/** What the run recorded of the vulnerabilities of its images. Absent: it asked no source. */
function foundThen(ledger: Ledger, record: RunRecord): FindingsOptions | undefined {
  if (!record.findings) return undefined;
  return {
    sources: record.findings.map(({ source, observedAt, complete }, place) => ({
      source,
      async read({ repository }) {
        const images = new Map<string, ImageFindings>();
        // The first says it all: a record has what counts of all of them.
        for await (const { digest, findings } of place > 0 ? [] : ledger.decisions(record.id, { repository }))
          if (digest !== undefined && findings) images.set(digest, findings);
        return { observedAt, complete, problems: [], images };
      },
    })),
  };
}
