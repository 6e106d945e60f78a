import { expect, test, vi } from 'vitest';
import { eachRegistry, type Share, type Together } from '../../src/engine/batch.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { newRunId } from '../../src/ledger/paths.ts';
import { HeldError } from '../../src/ledger/store/store.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import { parentStatus } from '../../src/engine/parent-status.ts';
import type { RegistrySettings } from '../../src/policy/registries.ts';
import { createLog } from '../../src/report/log.ts';
import type { RunSummary } from '../../src/ledger/summary.ts';
import { cancel, StopReason } from '../../src/index.ts';
import { newLedger } from '../support/ledger.ts';
import { recordOf } from '../support/review.ts';

const registries = ['a', 'b', 'c'].map((name): RegistrySettings => ({
  endpoint: new URL(`https://${name}.azurecr.io`),
  commands: [],
}));

const log = createLog('silent');
const budget = { text: '1h', milliseconds: 3_600_000 };

function together(ledger: Ledger, over: Partial<Together> = {}): Together {
  return { kind: 'scheduled', startedBy: 'schedule', ledger, log, timeBudget: budget, ...over };
}

/** Records a run as one that works does, and ends it. */
async function runOf(ledger: Ledger, { endpoint }: RegistrySettings, { parent, onBegin }: Share): Promise<RunSummary> {
  const record: RunRecord = {
    ...recordOf(new Date().toISOString(), [], { state: 'running' }).run,
    id: newRunId(new Date()),
    registry: endpoint.host,
    parent,
  };
  const written = await ledger.begin(record);
  onBegin(record.id);
  await written.end({ state: 'done' }, []);
  return { runId: record.id } as RunSummary;
}

const statesOf = async (ledger: Ledger, parent: string) =>
  (await parentStatus(ledger, parent))?.children.map(({ registry, state, notBegun, error }) => [
    registry[0],
    state,
    notBegun ?? error?.message,
  ]);

test('whatever one fails with, the next is done, and the ledger says why the first had no run', async () => {
  const ledger = newLedger();
  const worked: string[] = [];
  let id = '';
  const outcomes = await eachRegistry(
    registries,
    registries,
    together(ledger, { onBegin: (parent) => (id = parent) }),
    (one, share) => {
      worked.push(one.endpoint.host);
      if (worked.length === 1) throw new TypeError('that was a mistake');
      return worked.length === 2 ? Promise.reject(new HeldError('the registry', undefined)) : runOf(ledger, one, share);
    },
  );
  expect(worked).toEqual(['a.azurecr.io', 'b.azurecr.io', 'c.azurecr.io']);
  expect(outcomes.map((outcome) => ('error' in outcome ? outcome.cause.name : 'done'))).toEqual([
    'TypeError',
    'HeldError',
    'done',
  ]);
  expect(await statesOf(ledger, id)).toEqual([
    ['a', 'failed', 'that was a mistake'],
    ['b', 'failed', 'the registry is in use by another run; try again when it has ended'],
    ['c', 'done', undefined],
  ]);
});

test('a process that is told to end begins nothing else', async () => {
  const ledger = newLedger();
  const end = new AbortController();
  let id = '';
  const outcomes = await eachRegistry(
    registries,
    registries,
    together(ledger, { signal: end.signal, onBegin: (parent) => (id = parent) }),
    async (one, share) => {
      const summary = await runOf(ledger, one, share);
      end.abort(new StopReason('signal', 'the host shut down'));
      return summary;
    },
  );
  expect(outcomes.slice(1)).toMatchObject([{ notBegun: 'signal' }, { notBegun: 'signal' }]);
  expect(await statesOf(ledger, id)).toEqual([
    ['a', 'done', undefined],
    ['b', 'not-begun', 'signal'],
    ['c', 'not-begun', 'signal'],
  ]);
});

test('where nobody can be told any more nothing else is begun', async () => {
  const ledger = newLedger();
  let id = '';
  const told = together(ledger, {
    onBegin: (parent) => (id = parent),
    onOutcome: () => Promise.reject(new Error('the disk is full')),
  });
  const over = eachRegistry(registries, registries, told, (one, share) => runOf(ledger, one, share));
  await expect(over).rejects.toThrow('the disk is full');
  expect(await statesOf(ledger, id)).toEqual([
    ['a', 'done', undefined],
    ['b', 'not-begun', 'signal'],
    ['c', 'not-begun', 'signal'],
  ]);
});

test('a run that was begun while its parent was cancelled is cancelled, too', async () => {
  const ledger = newLedger();
  let id = '';
  const runs: string[] = [];
  await eachRegistry(
    registries,
    registries,
    together(ledger, { onBegin: (parent) => (id = parent) }),
    async (one, share) => {
      // Between the look at the parent and the record of the run: nobody else could know of it.
      await cancel(ledger, id, { now: new Date(), askedBy: 'request' });
      const record = { ...recordOf(new Date().toISOString(), [], { state: 'running' }).run, id: newRunId(new Date()) };
      const written = await ledger.begin({ ...record, registry: one.endpoint.host, parent: share.parent });
      runs.push(record.id);
      share.onBegin(record.id);
      while (!(await ledger.cancellation(record.id))) await new Promise((resolve) => setTimeout(resolve, 10));
      await written.end({ state: 'stopped' }, []);
      return { runId: record.id } as RunSummary;
    },
  );
  expect(runs).toHaveLength(1);
  expect(await statesOf(ledger, id)).toEqual([
    ['a', 'stopped', undefined],
    ['b', 'not-begun', 'cancel'],
    ['c', 'not-begun', 'cancel'],
  ]);
});

test('what waits for its turn uses nothing of the budget up, and each is given what is left', async () => {
  const ledger = newLedger();
  const given: number[] = [];
  let time = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => time);
  const pass = (): void => void (time += 300);
  const wait = <T>(work: () => Promise<T>): Promise<T> => {
    pass();
    return work();
  };
  for (const inTurn of [wait, undefined]) {
    given.length = 0;
    const outcomes = await eachRegistry(
      registries,
      registries,
      together(ledger, { timeBudget: { text: '200ms', milliseconds: 200 }, ...(inTurn && { inTurn }) }),
      (one, share) => {
        given.push(share.timeBudget.milliseconds);
        if (share.inTurn) return share.inTurn(() => runOf(ledger, one, share));
        pass();
        return runOf(ledger, one, share);
      },
    );
    const budgets = outcomes.filter((outcome) => 'notBegun' in outcome).length;
    // Waiting alone is longer than the budget: where it counted, the second would not be begun.
    expect(budgets).toBe(inTurn ? 0 : 2);
    expect(given).toEqual(inTurn ? [200, 200, 200] : [200]);
  }
  vi.restoreAllMocks();
});

test('a parent is written once, is no run, and is pruned as one', async () => {
  const ledger = newLedger();
  const id = '20260101T000000Z-000001';
  const record = {
    format: 1,
    id,
    kind: 'scheduled',
    startedBy: 'schedule',
    started: '2026-01-01T00:00:00Z',
    registries: ['a'],
  } as const;
  await ledger.beginParent(record);
  await ledger.beginParent({ ...record, registries: ['b'] });
  await ledger.child(id, { registry: 'a', error: { message: 'later, with password=hunter2x' } });
  await ledger.child(id, { registry: 'a', runId: '20260101T000000Z-000002' });
  expect(await ledger.parent(id)).toEqual({ record, children: [{ registry: 'a', runId: '20260101T000000Z-000002' }] });
  expect(await ledger.run(id)).toBeUndefined();
  for await (const run of ledger.runs()) expect(run).toBeUndefined();
  expect(await ledger.parent('../parent')).toBeUndefined();
  await ledger.prune(new Date('2026-02-01T00:00:00Z'));
  expect(await ledger.parent(id)).toBeUndefined();
});
