import { asChanged, byKey, readerAsChanged, type RecordChange } from './as-changed.ts';
import type { Lock, Registry, RegistryReader } from './types.ts';

/** Locks that runs took off, and could not put back, by the key of the artifact: `:tag` or `@digest`. */
export type LostLocks = ReadonlyMap<string, Lock>;

/** One repository in which what is without its lock counts as locked, as it was. */
export function readerWithLocks(registry: RegistryReader, locks: LostLocks): RegistryReader {
  return locks.size === 0 ? registry : readerAsChanged(registry, changeOf(locks));
}

/** The same, as it is looked at right before something is deleted. */
export function withLocks(registry: Registry, locks: LostLocks): Registry {
  return locks.size === 0 ? registry : asChanged(registry, readerWithLocks(registry, locks), changeOf(locks));
}

function changeOf(locks: LostLocks): RecordChange {
  return byKey((key, record) => {
    const lost = locks.get(key);
    // How it is locked is not known: then the run does not take the lock off.
    if (!lost || (record.locked && !record.lock)) return record;
    const { deleteEnabled = true, writeEnabled = true } = record.lock ?? {};
    const lock = {
      deleteEnabled: deleteEnabled && lost.deleteEnabled,
      writeEnabled: writeEnabled && lost.writeEnabled,
    };
    const isBack = lock.deleteEnabled === deleteEnabled && lock.writeEnabled === writeEnabled;
    return isBack ? record : { ...record, locked: true, lock, withoutLock: true };
  });
}
