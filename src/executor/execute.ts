import { type Decision, keyOf } from '../planner/decision.ts';
import type { Plan } from '../planner/types.ts';
import type { ManifestListing, Registry } from '../registry/types.ts';
import { deleteManifests } from './manifests.ts';
import { type Intend, notAttempted, record, type Result, type Results } from './results.ts';
import { deleteTags } from './tags.ts';

export interface ExecuteOptions {
  /** The inventory that the plan was made from: what is new since then is looked at before anything goes. */
  readonly inventory: ManifestListing | undefined;
  /** How many tags the repository had. */
  readonly tagCount: number;
  readonly includeLocked: boolean;
  /** Once aborted, no further deletion is begun. */
  readonly signal?: AbortSignal;
  /** Is told the keys of artifacts right before they may be deleted (`keyOf`). Where it throws, none of them is. */
  readonly onIntent?: (keys: readonly string[]) => Promise<void>;
  /** Takes each decision once, as soon as it is known what became of it: a process may end before the repository does. */
  readonly onSettled?: (decisions: readonly Decision[]) => Promise<void>;
}

/**
 * Carries out the plan of one repository: looks again, deletes, and records what became of each decision.
 * Safe to do again: what is gone already is found to be gone.
 *
 * Tags first, as `acr purge` does, then manifests, those that need others before the others; last the tags of images
 * that had to go first. Never throws for what the registry does: that is an outcome.
 */
export async function execute(registry: Registry, plan: Plan, options: ExecuteOptions): Promise<readonly Decision[]> {
  const results: Results = { tags: new Map(), manifests: new Map() };
  const { tell, tellRest } = teller(plan, results, options.onSettled);
  const intend = intents(options.onIntent);
  const context = { registry, repository: plan.repository, ...options, tell, intend };
  await deleteTags(
    context,
    plan.tags.filter((tag) => tag.after.length === 0),
    results,
  );
  if (options.inventory) {
    await deleteManifests({ ...context, inventory: options.inventory }, plan.manifests, results);
  }
  await deleteTags(
    context,
    plan.tags.filter((tag) => tag.after.length > 0),
    results,
  );
  await tellRest();
  return plan.decisions.map((decision) => record(decision, results));
}

/** Announces deletions. The answer is why they may not be begun; a ledger that failed once is not asked again. */
function intents(onIntent: ExecuteOptions['onIntent'] = () => Promise.resolve()): Intend {
  let failed: Result | undefined;
  return async (tags, digests) => {
    if (failed || tags.length + digests.length === 0) return failed;
    try {
      await onIntent([...tags.map((tag) => `:${tag}`), ...digests.map((digest) => `@${digest}`)]);
    } catch (error) {
      failed = notAttempted(`nothing is deleted that is not recorded first: ${(error as Error).message}`);
    }
    return failed;
  };
}

/** Tells decisions as they are settled, and at the end the others, each once. */
function teller(
  { decisions }: Plan,
  results: Results,
  onSettled: ExecuteOptions['onSettled'] = () => Promise.resolve(),
) {
  const waiting = new Map(decisions.map((decision) => [keyOf(decision), decision]));
  return {
    tell: async (tags: readonly string[], digests: readonly string[]): Promise<void> => {
      const keys = [...tags.map((tag) => `:${tag}`), ...digests.map((digest) => `@${digest}`)];
      const settled = keys.map((key) => waiting.get(key)).filter((decision) => decision?.action === 'delete');
      for (const key of keys) waiting.delete(key);
      await onSettled(settled.map((decision) => record(decision, results)));
    },
    tellRest: () => onSettled(Array.from(waiting.values(), (decision) => record(decision, results))),
  };
}
