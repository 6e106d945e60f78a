import { isLockedAsBefore } from '../executor/locks.ts';
import type { RepositorySummary } from '../ledger/summary.ts';
import type { RepositoryQuarantine, WithoutLock } from '../ledger/quarantine.ts';
import { eachInTurns } from '../ledger/turns.ts';
import { type Decisions, keyOf } from '../planner/decision.ts';
import type { Inventory } from '../planner/types.ts';
import { timeOf } from '../registry/clock.ts';
import { RegistryError } from '../registry/errors.ts';
import type { LostLocks } from '../registry/lost-locks.ts';
import type { Registry } from '../registry/types.ts';
import { isWithoutLockWarning, withoutLockWarning } from '../report/warnings.ts';
import type { Quarantines } from './quarantine/quarantine.ts';

/*
 * Locks that runs took off, and could not put back. The registry shows their artifacts as unlocked: without a memory of
 * them, a command without --include-locked would delete what a person has locked.
 */

export function lostLocksOf({ withoutLock = [] }: Pick<RepositoryQuarantine, 'withoutLock'>): LostLocks {
  return new Map(withoutLock.map(({ key, ...lock }) => [key, lock]));
}

/** Remembers the locks that these deletions have lost: before anything else says that the deletions are over. */
export async function rememberLostLocks(
  quarantine: Quarantines,
  { repository, runId }: { readonly repository: string; readonly runId: string },
  made: Decisions,
): Promise<void> {
  const since = timeOf(quarantine.clock);
  const lost = new Map<string, WithoutLock>();
  await eachInTurns(made, (decision) => {
    if (decision.action !== 'delete' || !decision.lostLock) return;
    const { deleteEnabled, writeEnabled, restore } = decision.lostLock;
    const key = keyOf(decision);
    lost.set(key, { key, deleteEnabled, writeEnabled, restore, runId, since });
  });
  if (lost.size === 0) return;
  await quarantine.change(repository, ({ withoutLock = [] }) => ({
    withoutLock: [...withoutLock.filter(({ key }) => !lost.has(key)), ...lost.values()],
  }));
}

/**
 * Forgets the locks that are back, and those whose artifacts are gone: each is asked for by itself. What cannot be asked
 * for is remembered.
 *
 * @param registry as it is, without what is remembered
 */
export async function forgetLocks(
  registry: Registry,
  quarantine: Quarantines,
  { repository, withoutLock = [] }: RepositoryQuarantine,
): Promise<void> {
  const settled = new Set<string>();
  for (const one of withoutLock) if (await isSettled(registry, repository, one)) settled.add(one.key);
  if (settled.size === 0) return;
  await quarantine.change(repository, (now) => ({
    withoutLock: (now.withoutLock ?? []).filter(({ key }) => !settled.has(key)),
  }));
}

async function isSettled(registry: Registry, repository: string, { key, ...lock }: WithoutLock): Promise<boolean> {
  const name = key.slice(1);
  try {
    const there = key.startsWith(':')
      ? (await registry.lookAtTags(repository, [name], Infinity)).get(name)
      : await registry.manifestAttributes(repository, name);
    return !there || (await isLockedAsBefore(registry, repository, { name, lock }));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return false;
  }
}

/**
 * The same, without the warnings about locks that are not remembered any more: they are back, or their artifacts are gone.
 * Without this the record of a repository would repeat them for as long as its run is resumed.
 */
export async function withoutOldWarnings(
  quarantine: Quarantines,
  summary: RepositorySummary,
): Promise<RepositorySummary> {
  const { warnings = [], ...rest } = summary;
  if (!warnings.some((warning) => isWithoutLockWarning(warning))) return summary;
  const { withoutLock = [] } = await quarantine.of(summary.repository);
  const images = withoutLock.map(({ key }) => `${summary.repository}${key}`);
  const left = warnings.filter(
    (one) => !isWithoutLockWarning(one) || images.some((image) => isWithoutLockWarning(one, image)),
  );
  return { ...rest, ...(left.length > 0 && { warnings: left }) };
}

/**
 * What a run says of artifacts that are without their lock, with the command that puts it back.
 * @param isDeleted whether the plan deletes one: then there is nothing to put back
 */
export function lostLockWarnings(
  { repository, withoutLock = [] }: RepositoryQuarantine,
  { tags, manifests }: Pick<Inventory, 'tags' | 'manifests'>,
  isDeleted: (key: string) => boolean,
): readonly string[] {
  if (withoutLock.length === 0) return [];
  const isBack = (key: string): boolean => {
    const name = key.slice(1);
    if (key.startsWith(':')) return tags !== undefined && !tags.find((tag) => tag.name === name)?.withoutLock;
    return manifests !== undefined && !manifests.byDigest.get(name)?.withoutLock;
  };
  return withoutLock
    .filter(({ key }) => !isBack(key) && !isDeleted(key))
    .map(({ key, restore }) => withoutLockWarning(`${repository}${key}`, restore));
}
