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
