import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { apply, dryRun, type Ledger, purge, readOnly, rejectPlan, resume } from '../../../src/index.ts';
import { cancelRun } from '../../../src/engine/cancel.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { pathsOf } from '../../../src/ledger/paths.ts';
import type { PlanRecord, RunRecord } from '../../../src/ledger/records.ts';
import { LOCK_TIMES } from '../../../src/ledger/store/lease.ts';
import { memoryStore, newMemory } from '../../../src/ledger/store/memory.ts';
import { LedgerError, type Store } from '../../../src/ledger/store/store.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { connectTo, policyOf, USER, withEmulator } from '../../support/registry.ts';

/** `FC_RUNS=2000 npx vitest run test/engine/runs/approvals.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 60);

const NAMES = ['a', 'b', 'c'] as const;
const repositories = Object.fromEntries(
  NAMES.map((name) => [name, repositoryOf(...images(name, 2, 'dev'), ...images(`${name}-kept`, 1, 'v'))]),
);

/** Nothing may be deleted without an approval: guards hold back all of it. */
const GUARDS = { maxDeletions: 1 };

/** What a person or a machine does about a plan, in a process of its own. */
type Act =
  | { readonly do: 'approve'; readonly of: readonly string[] | undefined; readonly wrong: boolean }
  | { readonly do: 'apply' | 'reject' | 'cancel' | 'resume the last run' | 'resume the run of the plan' };

interface Step {
  readonly act: Act;
  /** The process is killed after so many uses of the ledger. */
  readonly killedAt: number | undefined;
  /** Before so many uses of the ledger another process does something else. */
  readonly between: { readonly at: number; readonly act: Act } | undefined;
  /** The run is told to end after so many deletions. */
  readonly stopAt: number | undefined;
}

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const approve: fc.Arbitrary<Act> = fc.record({
  do: fc.constant('approve' as const),
  of: maybe(fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 })),
  wrong: fc.nat(7).map((one) => one === 0),
});
const other: fc.Arbitrary<Act> = fc.record({
  do: fc.constantFrom('apply', 'reject', 'cancel', 'resume the last run', 'resume the run of the plan'),
});
const act: fc.Arbitrary<Act> = fc.oneof(approve, other);
const step: fc.Arbitrary<Step> = fc.record({
  act,
  killedAt: maybe(fc.integer({ min: 1, max: 60 })),
  between: maybe(fc.record({ at: fc.integer({ min: 1, max: 60 }), act })),
  stopAt: maybe(fc.integer({ min: 1, max: 4 })),
});
const origin: fc.Arbitrary<string> = fc.constantFrom('dry run', 'dry run that was stopped', 'purge that waits');

/** A run that was stopped, and then two decisions about its plan: the second one at each moment of the first. */
const RACES = (
  [
    ['resume the last run', 'reject'],
    ['reject', 'resume the last run'],
    ['apply', 'reject'],
    ['reject', 'apply'],
  ] as const
).flatMap(([first, second]) =>
  Array.from({ length: 16 }, (_, index): [string, Step[]] => {
    const all: Act = { do: 'approve', of: undefined, wrong: false };
    const actOf = (what: typeof first): Act => (what === 'apply' ? all : { do: what });
    const usually = { killedAt: undefined, between: undefined, stopAt: undefined };
    const race = { ...usually, act: actOf(first), between: { at: index + 1, act: actOf(second) } };
    return ['dry run', [{ ...usually, act: all, stopAt: 1 }, race]];
  }),
);

/** A ledger that several processes use; each of them can be killed. */
function newProcesses() {
  const memory = newMemory();
  const alive = new Set<string>();
  let count = 0;
  const start = (before: (use: number) => Promise<void>): { readonly ledger: Ledger; readonly end: () => void } => {
    const name = `process ${(count += 1)}`;
    alive.add(name);
    const store = memoryStore(memory, LOCK_TIMES, {
      ...realSystem,
      self: () => ({ host: 'test', pid: count, process: name }),
      stateOf: ({ process: one = '' }) => (alive.has(one) ? 'running' : 'ended'),
    });
    let uses = 0;
    const used =
      <A extends readonly unknown[], T>(use: (...about: A) => Promise<T>) =>
      async (...about: A): Promise<T> => {
        await before((uses += 1));
        return use(...about);
      };
    const { read, write, append, remove, lock } = store;
    const mortal: Store = {
      ...store,
      read: used(read),
      write: used(write),
      append: used(append),
      remove: used(remove),
      lock: used(lock),
    };
    return { ledger: openLedger(mortal), end: () => void alive.delete(name) };
  };
  /** As it is in the ledger at this moment. */
  const record = (id: string): RunRecord | undefined => {
    const file = memory.files.get(pathsOf(id).run);
    return file && (JSON.parse(file.bytes.toString()) as RunRecord);
  };
  return { start, record };
}

const usual = () => Promise.resolve();

async function makePlan(emulator: Emulator, from: string, ledger: Ledger): Promise<string> {
  const stop = new AbortController();
  let listed = 0;
  emulator.onRequest(({ kind }) => {
    if (kind === 'list-manifests' && (listed += 1) === 3) stop.abort();
  });
  const options = {
    policies: [policyOf(['-f', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '1'])],
    now: new Date(emulator.start.getTime() + 1),
    ledger,
    guards: GUARDS,
    onDecisions: () => undefined,
    ...(from === 'dry run that was stopped' && { signal: stop.signal }),
  };
  const { runId } =
    from === 'purge that waits'
      ? await purge(connectTo(emulator), options)
      : await dryRun(readOnly(connectTo(emulator)), options);
  emulator.onRequest(undefined);
  return runId;
}

test('whatever is done about a plan, at once and in whatever order, nothing is deleted that no approval covers', async () => {
  let deleted = 0;
  await fc.assert(
    fc.asyncProperty(origin, fc.array(step, { minLength: 1, maxLength: 5 }), async (from, steps) => {
      await withEmulator({ repositories }, async (emulator) => {
        const processes = newProcesses();
        const id = await makePlan(emulator, from, processes.start(usual).ledger);
        const plan = (): PlanRecord | undefined => processes.record(id)?.plan;
        const problems: string[] = [];
        let onDelete: (() => void) | undefined;
        emulator.onRequest(({ kind, repository = '' }) => {
          if (kind !== 'delete-manifest' && kind !== 'delete-tag') return;
          deleted += 1;
          onDelete?.();
          const approvals = (plan()?.reviews ?? []).filter(({ verdict }) => verdict === 'approved');
          if (plan()?.state === 'rejected') problems.push(`${repository} is deleted, and the plan was rejected`);
          if (!approvals.some(({ repositories: only = [repository] }) => only.includes(repository)))
            problems.push(`${repository} is deleted, and no approval covers it`);
          if (!approvals.some(({ runId = '' }) => processes.record(runId)?.state === 'running'))
            problems.push(`${repository} is deleted, and no run of an approval is at work`);
        });
        const target = () => ({ endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER });
        const about = { now: new Date(), planAgeMilliseconds: 86_400_000, onDecisions: () => undefined };

        const perform = async (one: Act, ledger: Ledger, signal?: AbortSignal): Promise<unknown> => {
          const { hash = '', appliedBy = id } = plan() ?? {};
          const options = { ...about, ledger, ...(signal && { signal }) };
          switch (one.do) {
            case 'approve': {
              const approval = one.wrong ? '0'.repeat(12) : hash.slice(0, 12);
              return apply(id, target, { ...options, guards: GUARDS, approve: approval, repositories: one.of });
            }
            case 'apply':
              return apply(id, target, { ...options, guards: GUARDS });
            case 'reject':
              return rejectPlan(ledger, id, { now: new Date(), reason: 'no' });
            case 'cancel':
              return cancelRun(ledger, appliedBy, { now: new Date(), askedBy: 'request' });
            case 'resume the last run':
              return resume(appliedBy, undefined, target, options);
            case 'resume the run of the plan':
              return resume(id, undefined, target, { ...options, guards: GUARDS });
          }
        };

        for (const { act: first, killedAt = Infinity, between, stopAt } of steps) {
          const known = plan();
          const stop = new AbortController();
          let deletions = 0;
          onDelete = () => {
            if ((deletions += 1) === stopAt) stop.abort();
          };
          const { ledger, end } = processes.start(async (use) => {
            if (use > killedAt) throw new LedgerError('the process was killed');
            if (use !== between?.at) return;
            const second = processes.start(usual);
            await perform(between.act, second.ledger).catch(() => undefined);
          });
          // What is refused is refused: what counts is what was deleted.
          await perform(first, ledger, stop.signal).catch(() => undefined);
          if (killedAt < Infinity) end();
          // No decision of a person is forgotten, and what was rejected stays so.
          expect(plan()?.reviews?.slice(0, known?.reviews?.length ?? 0) ?? []).toEqual(known?.reviews ?? []);
          if (known?.state === 'rejected') expect(plan()?.state).toBe('rejected');
        }
        expect(problems).toEqual([]);
        const kept = emulator.tagsLeft().filter((tag) => tag.includes(':v-'));
        expect(kept).toHaveLength(NAMES.length);
      });
    }),
    { numRuns: RUNS + RACES.length, examples: [...RACES] },
  );
  // Otherwise it shows nothing.
  expect(deleted).toBeGreaterThan(0);
}, 300_000);
