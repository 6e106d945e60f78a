import type { Registry } from '../../../src/index.ts';
import type { Store } from '../../../src/ledger/store/store.ts';

/** A process that is killed with the last of so many changes: that is made, and the process does not hear of it. */
export function process(changes: number) {
  let left = changes;
  const changing =
    <A extends readonly unknown[], T>(change: (...about: A) => Promise<T>) =>
    async (...about: A): Promise<T> => {
      if (left <= 0) throw new Killed();
      left -= 1;
      const result = await change(...about);
      if (left <= 0) throw new Killed();
      return result;
    };
  return {
    store: (store: Store): Store => ({
      ...store,
      write: changing(store.write),
      append: changing(store.append),
      remove: changing(store.remove),
    }),
    registry: (registry: Registry): Registry => ({
      ...registry,
      relock: changing(registry.relock),
      content: {
        ...registry.content,
        restoreDeleted: changing(registry.content.restoreDeleted),
        putBlob: changing(registry.content.putBlob),
        putManifest: changing(registry.content.putManifest),
      },
    }),
    isKilled: () => left <= 0,
  };
}

class Killed extends Error {}
