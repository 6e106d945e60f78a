import type { Decision, Decisions } from '../planner/decision.ts';
import type { Plan } from '../planner/types.ts';
import type { Clock } from '../registry/clock.ts';
import type { Lock, ManifestListing, Registry, TagRecord } from '../registry/types.ts';
import { BATCH, batches } from './batches.ts';
import { type Announce, type Context, type Hiding, type Names, namesOf, newRights, type Tell } from './context.ts';
import { deleteManifests } from './manifests.ts';
import { notAttempted, record, type Result, type Results } from './results.ts';
import { deleteTags } from './tags.ts';

export interface ExecuteOptions {
  /** The listing that the plan was made from: what is new since then is looked at before anything is deleted. */
  readonly inventory: ManifestListing | undefined;
  /** The tags that the repository had. */
  readonly tags: readonly TagRecord[];
  readonly includeLocked: boolean;
  readonly clock: Clock;
  /** Once aborted, no further deletion is begun. */
  readonly signal?: AbortSignal;
  /** Asked right before each batch: why everything that is left is kept. */
  readonly whyNoMore?: () => Promise<string | undefined>;
  /**
   * Is told the keys of artifacts right before they may be deleted (`keyOf`), with the locks that may be taken off for
   * that. Where it throws, none of them is.
   */
  readonly onIntent?: (keys: readonly string[], locks: Readonly<Record<string, Lock>>) => Promise<void>;
  /** Takes each decision to delete once, as soon as its outcome is known: the process may end before the repository is done. */
  readonly onSettled?: (decisions: readonly Decision[]) => Promise<void>;
  /** Keys of what no client could pull when the plan was made: in quarantine, or made unreadable by another client before that. */
  readonly mustBeUnreadable?: ReadonlySet<string>;
  /** Whether the quarantine of a key is not over by the clock as it is now; absent: each is over. */
  readonly isWaiting?: (key: string) => boolean;
  /** How what the plan hides is made unreadable. Absent: none of it is. */
  readonly hiding?: Hiding;
}

/**
 * Carries out the plan of one repository: looks again, deletes, and records the outcome of each decision.
 * Safe to repeat: what is gone already is found to be gone.
 *
 * Tags first, as `acr purge` does, then manifests, those that need others before the others; last the tags of images
 * that had to be deleted first. Never throws for what the registry answers: that is an outcome.
 *
 * @returns the decisions of the plan, each with its outcome
 * @throws what `onSettled` throws. Where `onIntent` throws, nothing more is deleted.
 */
export async function execute(registry: Registry, plan: Plan, options: ExecuteOptions): Promise<Decisions> {
  const { inventory } = options;
  const results: Results = { tags: new Map(), manifests: new Map() };
  const { tell, tellRest } = teller(plan, results, options.onSettled);
  const { announce, settled } = announcer(options.onIntent);
  const context: Context = {
    registry,
    repository: plan.repository,
    listedTags: new Map(options.tags.map(({ name, lastUpdated }) => [name, lastUpdated])),
    includeLocked: options.includeLocked,
    mustBeUnreadable: options.mustBeUnreadable ?? new Set(),
    isWaiting: options.isWaiting ?? (() => false),
    clock: options.clock,
    signal: options.signal,
    whyNoMore: options.whyNoMore ?? (() => Promise.resolve(undefined)),
    rights: newRights(),
    results,
    announce,
    async tell(names) {
      settled(names);
      await tell(names);
    },
  };
  const step = async ({ tags, manifests }: Pick<Plan, 'tags' | 'manifests'>, hiding?: Hiding): Promise<void> => {
    const about = { ...context, hiding };
    await deleteTags(
      about,
      tags.filter(({ after }) => after.length === 0),
    );
    if (inventory) await deleteManifests({ ...about, inventory }, manifests);
    await deleteTags(
      about,
      tags.filter(({ after }) => after.length > 0),
    );
  };
  // First: it can be taken back.
  if (plan.hides && options.hiding) await step(plan.hides, options.hiding);
  await step(plan);
  await tellRest();
  return {
    *[Symbol.iterator]() {
      for (const decision of plan.decisions) yield record(decision, results);
    },
  };
}

const keysOf = ({ tags, digests }: Names): readonly string[] => [
  ...tags.map((tag) => `:${tag}`),
  ...digests.map((digest) => `@${digest}`),
];

/**
 * Announces deletions, each once until it is settled, however often it is tried. The answer is why they may not be begun;
 * a ledger that failed once is not asked again.
 */
function announcer(onIntent: ExecuteOptions['onIntent'] = () => Promise.resolve()) {
  let failed: Result | undefined;
  /** By key, with the lock that was announced. */
  const open = new Map<string, string>();
  const announce: Announce = async (names, locked) => {
    if (failed) return failed;
    const locks = Object.fromEntries(
      locked.map(({ name, lock }) => [name.includes(':') ? `@${name}` : `:${name}`, lock] as const),
    );
    const said = (key: string): string => JSON.stringify(locks[key] ?? null);
    const keys = keysOf(names).filter((key) => open.get(key) !== said(key));
    if (keys.length === 0) return undefined;
    try {
      await onIntent(keys, locks);
      for (const key of keys) open.set(key, said(key));
    } catch (error) {
      failed = notAttempted(`nothing is deleted that is not recorded first: ${(error as Error).message}`);
    }
    return failed;
  };
  const settled = (names: Names): void => {
    for (const key of keysOf(names)) open.delete(key);
  };
  return { announce, settled };
}

/** Tells decisions as they are settled, and at the end the others that were to be deleted, each once. */
function teller(
  { deletionOf, hides, ...plan }: Plan,
  results: Results,
  onSettled: ExecuteOptions['onSettled'] = () => Promise.resolve(),
) {
  const tagDeletions = [...plan.tags, ...(hides?.tags ?? [])];
  const manifests = [...plan.manifests, ...(hides?.manifests ?? [])];
  const told = { tag: new Set<string>(), manifest: new Set<string>() };
  const settled = (kind: Decision['kind'], names: readonly string[]): readonly Decision[] =>
    names.flatMap((name) => {
      if (told[kind].has(name)) return [];
      told[kind].add(name);
      const decision = deletionOf(kind, name);
      return decision ? [record(decision, results)] : [];
    });
  const tell: Tell = ({ tags, digests }) => onSettled([...settled('tag', tags), ...settled('manifest', digests)]);
  return {
    tell,
    tellRest: async (): Promise<void> => {
      for (const some of batches(tagDeletions, BATCH)) await tell({ tags: some.map(({ tag }) => tag), digests: [] });
      for (const some of batches(manifests, BATCH))
        await tell(namesOf(some.flatMap((deletion) => [deletion, ...deletion.referrers])));
    },
  };
}
