import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { writeJournal } from '../../src/ledger/journal.ts';
import { ConflictError, LedgerError, type Store } from '../../src/ledger/store/store.ts';
import { recordOf } from '../support/review.ts';

type Fault = 'none' | 'answer lost' | 'answer lost, and read in vain' | 'conflict with itself' | 'not written';

const FAULTS: readonly Fault[] = [
  'none',
  'answer lost',
  'answer lost, and read in vain',
  'conflict with itself',
  'not written',
];

/** A store of which writes go wrong, one after the other, as is said. */
function faulty(store: Store, faults: Fault[]): Store {
  let isDeaf = false;
  const failing = async <T>(write: () => Promise<T>): Promise<T> => {
    const fault = faults.shift() ?? 'none';
    if (fault === 'not written') throw new LedgerError('no answer');
    const written = await write();
    if (fault === 'none') return written;
    if (fault === 'conflict with itself') throw new ConflictError('has changed');
    isDeaf = fault === 'answer lost, and read in vain';
    throw new LedgerError('no answer');
  };
  return {
    ...store,
    write: (...about) => failing(() => store.write(...about)),
    append: (...about) => failing(() => store.append(...about)),
    read(path) {
      if (!isDeaf) return store.read(path);
      isDeaf = false;
      return Promise.reject(new LedgerError('no answer'));
    },
  };
}

const RECORD = recordOf('2026-11-24T01:00:00.000Z', [], { state: 'running', progress: { done: 0, of: 100 } }).run;
const ID = RECORD.id;

test('a record goes on after answers that were lost, and says in the end what it was to say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...FAULTS), { maxLength: 8 }), async (faults) => {
      const store = memoryStore();
      const queue: Fault[] = [];
      const written = await openLedger(faulty(store, queue)).begin(RECORD);
      for (const [n, fault] of faults.entries()) {
        queue.push(fault);
        const updating = written.update({ progress: { done: n + 1, of: 100 } });
        // What is lost and found again is no failure.
        if (fault === 'not written' || fault === 'answer lost, and read in vain')
          await expect(updating).rejects.toThrow('no answer');
        else await updating;
      }
      await written.end({ state: 'done' });
      expect(await openLedger(store).run(ID)).toMatchObject({
        state: 'done',
        progress: { done: faults.length, of: 100 },
      });
    }),
    { numRuns: 30 },
  );
});

test('a record that another process has written is not taken for its own', async () => {
  const store = memoryStore();
  const queue: Fault[] = [];
  const written = await openLedger(faulty(store, queue)).begin(RECORD);
  queue.push('answer lost, and read in vain');
  await expect(written.update({ progress: { done: 1, of: 100 } })).rejects.toThrow('no answer');
  await openLedger(store).changeRun(ID, (record) => ({ ...record, state: 'stopped' }));
  await expect(written.update({ progress: { done: 2, of: 100 } })).rejects.toThrow(ConflictError);
});

test.each(['answer lost', 'conflict with itself'] as const)('an intent that is durable is so: %s', async (fault) => {
  const store = memoryStore();
  const queue: Fault[] = [fault, 'none', fault];
  const journal = writeJournal(faulty(store, queue), 'runs/a/b', 'app');
  for (const key of [':a', ':b', ':c']) await journal.intend([key]);
  expect((await store.read('runs/a/b'))?.text.trim().split('\n')).toHaveLength(3);
});
