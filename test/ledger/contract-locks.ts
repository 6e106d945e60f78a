import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { LOCK_TIMES, type LockTimes } from '../../src/ledger/store/lease.ts';
import { HeldError, LedgerError, type Store } from '../../src/ledger/store/store.ts';
import { type StoreKind, toolsOf } from './contract.ts';
import { aborted, winners } from './support.ts';

/** Renewed so often that a test sees it at once, and never lost by a slow machine. */
const QUICK: LockTimes = { seconds: 60, renewEvery: 0.02 };

/** What every store promises of its locks. */
export function describeLock(kind: StoreKind): void {
  describe(`a lock in: ${kind.kind}`, () => {
    const { open, steal, ended } = kind;
    const { it, holder } = toolsOf(kind);

    it('gives a lock to one at a time, and says who has it', async () => {
      const store = open();
      const name = `lock-${randomUUID()}`;
      const lock = await store.lock(name, holder('first'));
      const refused = open().lock(name, holder('second'));
      await expect(refused).rejects.toThrow(HeldError);
      await expect(refused).rejects.toThrow(
        /registry's ledger .* is in use by the run first \(started by schedule on /,
      );
      await expect(refused).rejects.toHaveProperty('holder', holder('first'));
      await lock.release();
      await lock.release();
      const next = await store.lock(name, holder('second'));
      await expect(store.lock(name, holder('third'))).rejects.toThrow('second');
      expect([lock.lost.aborted, next.lost.aborted]).toEqual([false, false]);
      await next.release();
    });

    it('gives a lock to one of many who ask at once', async () => {
      const name = `lock-${randomUUID()}`;
      const locks = await winners(
        Array.from({ length: 10 }, (_, n) => open().lock(name, holder(String(n)))),
        HeldError,
      );
      expect(locks).toHaveLength(1);
      await Promise.all(locks.map((lock) => lock.release()));
    });

    it('keeps a lock while it is renewed, and says when it is lost', async () => {
      const store = open(QUICK);
      const name = `lock-${randomUUID()}`;
      const lock = await store.lock(name, holder('first'));
      await pause(open(), 200);
      await expect(store.lock(name, holder('second'))).rejects.toThrow(HeldError);
      expect(lock.lost.aborted).toBe(false);
      await steal(name);
      await aborted(lock);
      expect(lock.lost.reason).toBeInstanceOf(LedgerError);
      await lock.release();
    });

    it.runIf(ended !== undefined)('takes a lock at once whose process has ended', async () => {
      const name = `lock-${randomUUID()}`;
      const lost = await open().lock(name, { ...holder('first'), process: ended ?? '' });
      await (await open().lock(name, holder('second'))).release();
      await lost.release();
    });
  });
}

/** What stores promise that are for many processes, or look so. */
export function describeSharedLock(kind: StoreKind): void {
  describe(`a shared lock in: ${kind.kind}`, () => {
    const { open, steal } = kind;
    const { it, holder } = toolsOf(kind);
    const shared = { sharedBy: 'run' };

    it('is held by all that give the same name, until it is given up', async () => {
      const name = `lock-${randomUUID()}`;
      const locks = await Promise.all([1, 2].map(() => open().lock(name, holder('first'), shared)));
      await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
      await expect(open().lock(name, holder('second'), { sharedBy: 'other' })).rejects.toThrow(HeldError);
      // Neither knows whether it is the last.
      await Promise.all(locks.map((lock) => lock.release()));
      await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
      await open().releaseShared(name, 'other');
      await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
      await open().releaseShared(name, 'run');
      await (await open().lock(name, holder('second'))).release();
    });

    it('is held on after another has given it up, and lost to a thief', async () => {
      const name = `lock-${randomUUID()}`;
      const lock = await open({ ...LOCK_TIMES, renewEvery: 0.02 }).lock(name, holder('first'), shared);
      await open().releaseShared(name, 'run');
      // Renewed some twenty times meanwhile.
      await pause(open(), 500);
      await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
      expect(lock.lost.aborted).toBe(false);
      await lock.release();
      await open().releaseShared(name, 'run');
      const stolen = await open(QUICK).lock(name, holder('first'), shared);
      // Its holder may renew it before the thief takes it.
      while (!stolen.lost.aborted) {
        await steal(name);
        await open()
          .lock(name, holder('thief'), { sharedBy: 'other' })
          .catch(() => undefined);
        await pause(open(), 50);
      }
    });
  });
}

function pause({ system }: Store, milliseconds: number): Promise<void> {
  return system.clock.sleep(milliseconds);
}
