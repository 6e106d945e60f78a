import type { Decision } from '../planner/decision.ts';
import type { Plan } from '../planner/types.ts';
import type { ManifestListing, Registry } from '../registry/types.ts';
import { deleteManifests } from './manifests.ts';
import { record, type Results } from './results.ts';
import { deleteTags } from './tags.ts';

export interface ExecuteOptions {
  /** The inventory that the plan was made from: what is new since then is looked at before anything goes. */
  readonly inventory: ManifestListing | undefined;
  /** How many tags the repository had. */
  readonly tagCount: number;
  readonly includeLocked: boolean;
  /** Once aborted, no further deletion is begun. */
  readonly signal?: AbortSignal;
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
  const { repository } = plan;
  await deleteTags(
    { registry, repository, ...options },
    plan.tags.filter((tag) => tag.after.length === 0),
    results,
  );
  if (options.inventory) {
    await deleteManifests({ registry, repository, ...options, inventory: options.inventory }, plan.manifests, results);
  }
  await deleteTags(
    { registry, repository, ...options },
    plan.tags.filter((tag) => tag.after.length > 0),
    results,
  );
  return plan.decisions.map((decision) => record(decision, results));
}
