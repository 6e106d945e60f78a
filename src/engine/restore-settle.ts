import { fromError } from '../executor/results.ts';
import type { OpenRepository } from '../ledger/journal.ts';
import { type Decision, keyOf, type Restored } from '../planner/decision.ts';
import type { Registry } from '../registry/types.ts';
import { lockedAgain } from './restore-locks.ts';
import { ENDED } from './settle.ts';

/** What the restores came to that were under way when a process ended: the registry is asked, one by one. */
export async function settleRestored(
  registry: Registry,
  { repository, open }: Pick<OpenRepository, 'repository' | 'open'>,
  decisions: readonly Decision[],
): Promise<readonly Decision[]> {
  const settled: Decision[] = [];
  for (const decision of decisions) {
    const isOpen = decision.action === 'restore' && open.has(keyOf(decision)) && decision.outcome === 'not-attempted';
    settled.push(isOpen ? await settledOne(registry, repository, decision) : decision);
  }
  return settled;
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
    return await lockedAgain(registry, repository, { ...about, outcome: 'restored' });
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
