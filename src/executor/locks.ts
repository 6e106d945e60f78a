import type { DeletionResult, Lock, Registry, Sending } from '../registry/types.ts';
import type { Sent } from './hide.ts';
import type { Result } from './results.ts';

/** A tag, or a manifest by its digest, and the lock that it had when it was looked at. */
export interface Locked {
  readonly name: string;
  readonly lock: Lock;
}

/** A lock that was taken off, and could not be put back; of a tag that is deleted: if that is there all the same. */
export interface NotRestored extends Locked {
  readonly why: string;
}

export interface Unlocked {
  readonly result: Sent;
  /** Whether it was the unlocking that was refused, or failed. */
  readonly isUnlocking: boolean;
  readonly lost: readonly NotRestored[];
}

/**
 * Deletes what is locked: takes the locks off right before, one after the other, and puts them back where it is not
 * deleted after all, also where the run is stopped.
 *
 * @param lost taken off before, and not put back so far
 * @param isManifest whether its tags go along with it: one that another client has moved since does not
 */
export async function withoutLocks(
  registry: Registry,
  repository: string,
  {
    locks,
    lost,
    isManifest,
  }: { readonly locks: readonly Locked[]; readonly lost: readonly Locked[]; readonly isManifest: boolean },
  sending: Sending,
  send: () => Promise<Sent>,
): Promise<Unlocked> {
  const off = new Map(lost.map(({ name, lock }) => [name, lock]));
  let result: Sent | undefined;
  for (const { name, lock } of locks) {
    const before = off.get(name);
    // What could not be put back may be back all the same, or another client has locked it since.
    const unlocked = await registry.unlock(repository, name, sending);
    // Where the answer was lost it may be off.
    if (unlocked.state === 'unlocked' || isInDoubt(unlocked)) off.set(name, before ? bothOf(before, lock) : lock);
    if (unlocked.state === 'unlocked') continue;
    result = unlocked;
    break;
  }
  const isUnlocking = result !== undefined;
  result ??= await send();
  if (result.state === 'deleted' || result.state === 'already-gone') {
    const moved = isManifest ? await tagsThere(registry, repository, lockedOf(off)) : [];
    return { result, isUnlocking, lost: await relock(registry, repository, moved) };
  }
  return { result, isUnlocking, lost: await relock(registry, repository, lockedOf(off)) };
}

/** Those that are tags, and there. */
async function tagsThere(
  registry: Registry,
  repository: string,
  locked: readonly Locked[],
): Promise<readonly Locked[]> {
  const tags = locked.filter(({ name }) => !name.includes(':'));
  if (tags.length === 0) return [];
  const names = tags.map(({ name }) => name);
  // Where that cannot be read, each is tried: one that is gone is told to be.
  const found = await registry.lookAtTags(repository, names, Infinity).catch(() => undefined);
  return found ? tags.filter(({ name }) => found.has(name)) : tags;
}

function lockedOf(locks: ReadonlyMap<string, Lock>): readonly Locked[] {
  return Array.from(locks, ([name, lock]) => ({ name, lock }));
}

/** Whether the registry may have done it, or may do so later, although no answer said so. */
export function isInDoubt(result: DeletionResult | { readonly state: 'unlocked' }): boolean {
  if (result.state === 'again') return result.tried.inDoubt;
  return 'inDoubt' in result && result.inDoubt;
}

/**
 * Puts locks back. What another client has locked meanwhile stays locked as well.
 * @returns those that could not be put back
 */
export async function relock(
  registry: Registry,
  repository: string,
  locks: readonly Locked[],
): Promise<readonly NotRestored[]> {
  const lost: NotRestored[] = [];
  for (const { name, lock } of locks) {
    const now = await lockNow(registry, repository, name);
    const wanted = now ? bothOf(lock, now) : lock;
    const became = await registry.relock(repository, name, wanted);
    if (became.state === 'failed') lost.push({ name, lock: wanted, why: became.error.message });
  }
  return lost;
}

/** How a tag, or a manifest by its digest, is locked now; `undefined` where it is not, or where that cannot be read. */
async function lockNow(registry: Registry, repository: string, name: string): Promise<Lock | undefined> {
  const look = name.includes(':')
    ? registry.manifestAttributes(repository, name)
    : registry.lookAtTags(repository, [name], Infinity).then((tags) => tags.get(name));
  return (await look.catch(() => undefined))?.lock;
}

function bothOf(one: Lock, other: Lock): Lock {
  return {
    deleteEnabled: one.deleteEnabled && other.deleteEnabled,
    writeEnabled: one.writeEnabled && other.writeEnabled,
  };
}

/** Whether everything is locked that was: it was not taken off, or is back. */
export async function isLockedAsBefore(
  registry: Registry,
  repository: string,
  { name, lock }: Locked,
): Promise<boolean> {
  const now = await lockNow(registry, repository, name);
  if (!now) return false;
  const both = bothOf(lock, now);
  return both.deleteEnabled === now.deleteEnabled && both.writeEnabled === now.writeEnabled;
}

/** The image of a tag or digest of a repository, as `az acr` takes it. */
export function imageIn({ loginServer }: Registry, repository: string): (name: string) => string {
  return (name) => `${loginServer}/${repository}${name.includes(':') ? '@' : ':'}${name}`;
}

/** The command that gives a repository, or an image without its registry (`app:v1`), these attributes. */
export function attributesCommand(
  loginServer: string,
  what: { readonly repository: string } | { readonly image: string },
  { deleteEnabled, writeEnabled }: Lock,
): string {
  const registry = loginServer.split('.')[0] ?? loginServer;
  const subject = 'image' in what ? `--image ${what.image}` : `--repository ${what.repository}`;
  const attributes = `--delete-enabled ${deleteEnabled} --write-enabled ${writeEnabled}`;
  return `az acr repository update --name ${registry} ${subject} ${attributes}`;
}

/** Refuses to unlock what could not be locked again: its attributes cannot be read. */
export const UNREADABLE_LOCK: Result = {
  state: 'refused',
  error: { message: 'its lock cannot be read, so that it could not be put back' },
};

export function isUnreadable(record: { readonly locked: boolean; readonly lock?: Lock } | undefined): boolean {
  return record?.locked === true && record.lock === undefined;
}
