import type { Holder, Lock } from './store.ts';

type Take = (registry: string, holder: Holder, sharedBy: string) => Promise<Lock>;

interface Shared {
  readonly lock: Promise<Lock>;
  users: number;
}

/** Takes a lock once for all in this process that share it, and releases it after the last of them. */
export function shareLocks(take: Take): Take {
  const held = new Map<string, Shared>();
  return async (registry, holder, sharedBy) => {
    const key = `${registry} ${sharedBy}`;
    const shared = held.get(key) ?? { lock: take(registry, holder, sharedBy), users: 0 };
    held.set(key, shared);
    shared.users += 1;
    const leave = (): boolean => {
      shared.users -= 1;
      const isLast = shared.users === 0;
      if (isLast && held.get(key) === shared) held.delete(key);
      return isLast;
    };
    let lock: Lock;
    try {
      lock = await shared.lock;
    } catch (error) {
      leave();
      throw error;
    }
    // Whoever comes now must take it anew.
    lock.lost.addEventListener('abort', () => held.get(key) === shared && held.delete(key), { once: true });
    return {
      lost: lock.lost,
      async release() {
        if (leave()) await lock.release();
      },
    };
  };
}
