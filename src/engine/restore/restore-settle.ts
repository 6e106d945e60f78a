import { fromError } from '../../executor/results.ts';
import type { OpenRepository } from '../../ledger/journal.ts';
import { type Decision, keyOf, type Restored } from '../../planner/decision.ts';
import type { Registry } from '../../registry/types.ts';
import { lockedAgain, withoutLock } from './restore-locks.ts';
import { ENDED } from '../settle.ts';

/** What the restores came to that were under way when a process ended: the registry is asked, one by one. */
export async function settleRestored(
  registry: Registry,
  { repository, open }: Pick<OpenRepository, 'repository' | 'open'>,
  decisions: readonly Decision[],
): Promise<readonly Decision[]> {
  const settled: Decision[] = [];
  /** Manifests of which something was under way, and those of which a tag is not back. */
  const [touched, unfinished] = [new Set<string>(), new Set<string>()];
  for (const decision of decisions) {
    const isOpen = decision.action === 'restore' && open.has(keyOf(decision)) && decision.outcome === 'not-attempted';
    const now = isOpen ? await settledOne(registry, repository, decision) : decision;
    settled.push(now);
    if (now.action !== 'restore' || now.digest === undefined) continue;
    if (isOpen) touched.add(now.digest);
    if (now.kind === 'tag' && !isThere(now) && now.reason !== 'pushed-since') unfinished.add(now.digest);
  }
  const locked: Decision[] = [];
  for (const decision of settled) {
    const { action, kind, digest = '' } = decision;
    const isComplete = action === 'restore' && kind === 'manifest' && isThere(decision) && !unfinished.has(digest);
    // Where a tag is not back, the registry would not take it any more: the next restore locks it.
    locked.push(isComplete && touched.has(digest) ? await lockedLast(registry, repository, decision) : decision);
  }
  return locked;
}

function isThere({ outcome }: Restored): boolean {
  return outcome === 'restored' || outcome === 'already-there';
}

async function lockedLast(registry: Registry, repository: string, decision: Restored): Promise<Restored> {
  const { lock, digest = '' } = decision;
  const error = lock && (await withoutLock(registry, repository, digest, lock));
  return error ? { ...decision, outcome: 'failed', error } : decision;
}

async function settledOne(registry: Registry, repository: string, decision: Restored): Promise<Restored> {
  const { kind, tag = '', digest = '' } = decision;
  const { error: _, ...about } = decision;
  try {
    const now =
      kind === 'tag'
        ? (await registry.lookAtTags(repository, [tag], Infinity)).get(tag)?.digest
        : (await registry.manifestAttributes(repository, digest))?.digest;
    if (now !== digest) return { ...about, outcome: 'not-attempted', error: { message: ENDED } };
    const back: Restored = { ...about, outcome: 'restored' };
    return kind === 'tag' ? await lockedAgain(registry, repository, back) : back;
  } catch (error) {
    // A restore that is done again finds it out.
    const why = fromError(error).error?.message ?? (error as Error).message;
    return {
      ...about,
      outcome: 'failed',
      error: { message: `${ENDED}, and it is not known whether it was restored: ${why}` },
    };
  }
}
