import { LedgerError, type Store } from '../../src/ledger/store/store.ts';

type Operation = 'write' | 'append' | 'remove';

/** A store that fails for good once it has done one operation that `isLast` names: as for a process that is killed. */
export function dying(store: Store, isLast: (operation: Operation) => boolean): Store {
  let isDead = false;
  const unlessDead =
    <A extends readonly unknown[], T>(operation: Operation, work: (...about: A) => Promise<T>) =>
    async (...about: A): Promise<T> => {
      if (isDead) throw new LedgerError('the disk is gone');
      const last = isLast(operation);
      const result = await work(...about);
      isDead ||= last;
      return result;
    };
  return {
    ...store,
    write: unlessDead('write', store.write),
    append: unlessDead('append', store.append),
    remove: unlessDead('remove', store.remove),
  };
}
