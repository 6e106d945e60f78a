import { expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openRuns, pathsOf } from '../../src/ledger/paths.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { ConflictError } from '../../src/ledger/store/store.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { whileHeld, writeRun } from '../../src/ledger/writer.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { recordOf } from '../support/review.ts';

const RUN = '20261124T010000Z-3f9a0c';
const KEPT: Decision = {
  repository: 'app',
  kind: 'tag',
  tag: 'v1',
  action: 'keep',
  reason: 'too-young',
  detail: 'young',
  beyondAcrPurge: false,
};

test('what was decided is not recorded where the lock runs out while it is written', async () => {
  const store = memoryStore();
  const ledger = openLedger(store);
  const recorded = () => store.read(pathsOf(RUN).decisions('app'));
  const summary = summarize('app', [KEPT]);
  await ledger.writer(RUN).repository('app').write(summary, [KEPT]);
  const before = await recorded();
  let isHeld = true;
  const late = whileHeld(ledger.writer(RUN), [{ isHeld: () => isHeld }]).repository('app');
  const decisions = {
    *[Symbol.iterator]() {
      yield { ...KEPT, tag: 'v2' };
      isHeld = false;
    },
  };
  await expect(late.write(summary, decisions)).rejects.toThrow(ConflictError);
  expect(before).toBeDefined();
  expect(await recorded()).toEqual(before);
});

test('a run whose record comes after its process was killed is found by the next one', async () => {
  const store = memoryStore();
  const ledger = openLedger(store);
  const { run } = recordOf(new Date().toISOString(), [], { state: 'running' });
  // The store is told of the run, and of its record too late.
  await store.write(openRuns(run.registry) + run.id, '');
  expect(await ledger.unfinished(run.registry)).toEqual([]);
  await writeRun(store, run);
  expect(await ledger.unfinished(run.registry)).toEqual([run.id]);
});

test('a run that never came to have a record is forgotten after an hour', async () => {
  const store = memoryStore();
  const { run } = recordOf('2026-11-24T01:00:00.000Z', [], { state: 'running' });
  await store.write(openRuns(run.registry) + run.id, '');
  expect(await openLedger(store).unfinished(run.registry)).toEqual([]);
  expect(await Array.fromAsync(store.list(openRuns(run.registry)))).toEqual([]);
});

test('a dry run that was resumed while its first process stood still has the list of the second', async () => {
  const store = memoryStore();
  const { run } = recordOf(new Date().toISOString(), [], { state: 'running', dryRun: true, kind: 'dry-run' });
  const nothing = { deletions: 0, hash: '' };
  const slow: typeof store = {
    ...store,
    async write(path, content, condition) {
      if (path === pathsOf(run.id).repositories) await resumed;
      return store.write(path, content, condition);
    },
  };
  const first = await openLedger(slow).begin(run);
  const second = openLedger(store);
  const summary = summarize('app', [KEPT]);
  let resumed = Promise.resolve();
  // The list of the first is on its way, and its record says that it was stopped.
  let written = (): void => undefined;
  resumed = new Promise((resolve) => (written = resolve));
  const ended = first.end({ state: 'stopped' }, [{ summary: { ...summary, state: 'stopped' }, planned: nothing }]);
  while ((await second.run(run.id))?.state !== 'stopped');
  const { written: again } = await second.resume(run.id, (record) => ({ ...record, state: 'running' }));
  const planned = await again.repository('app').write(summary, [KEPT]);
  await again.end({ state: 'done' }, [planned]);
  written();
  await ended;
  expect((await Array.fromAsync(second.repositories(run.id))).map((one) => one.summary.state)).toEqual(['done']);
});
