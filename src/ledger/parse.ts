import { DamagedError, type Store } from './store/store.ts';

/** @throws {DamagedError} for what is no JSON */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what a path holds is known to who asks
export function parse<T>(store: Store, path: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw unreadable(store, path, cause);
  }
}

/** What was read is not what it should be. */
export function unreadable(store: Store, path: string, cause: unknown): DamagedError {
  return new DamagedError(`the ledger in ${store.place} cannot be read: ${path}: ${(cause as Error).message}`, {
    cause,
  });
}
