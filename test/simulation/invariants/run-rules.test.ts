import { expect, test } from 'vitest';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import type { Decision, Hold } from '../../../src/planner/decision.ts';
import { repositoryOf } from '../../support/contents.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { disagreements } from './agreement.ts';
import type { Change } from './history.ts';
import { begin, BEGUN, byWorker, changed, FLAGS, LOCKED, old, one, untag } from './one-change.ts';
import { aRun, deleted } from './one-run.ts';
import { forbiddenChanges, forgottenCancellations, unapproved, unfinished, unguarded, untruths } from './run-rules.ts';
import { runsIn, type Told, unfinishedIn } from './told.ts';
import { describeRules, type TriedRule } from './tried-rules.ts';

const dev1 = { tag: 'dev-1', digest: one.digest };
const dev2 = { tag: 'dev-2', digest: one.digest };
const HOLD: Hold = { breaker: 'max-deletions', found: 2, limit: 1, detail: 'too many' };
const CANCELLED = { at: '2026-03-01T00:00:10.000Z', askedBy: 'request' } as const;

const gone = [deleted(dev1), deleted(one, 'already-gone')];
const failure = [deleted(dev1), deleted(one, 'failed')];
const held = [deleted(dev1, 'held')];
const WITHOUT_LOCK = 'app:dev-1 is without its lock, which could not be put back: az acr repository update';
const lost = [deleted(dev1, 'deleted', { lostLock: { deleteEnabled: false, writeEnabled: true, restore: '' } })];
const spared: readonly Decision[] = [
  {
    ...{ repository: 'app', kind: 'tag', ...dev1, locked: true, withoutLock: true },
    ...{ action: 'keep', reason: 'locked', detail: '', beyondAcrPurge: false },
  },
];

const states: Readonly<Record<string, TriedRule>> = {
  'done is what is done': {
    right: () => untruths([aRun(gone)]),
    wrong: () => untruths([aRun(failure)]),
    because: /run \(scheduled, done\): app@sha256:\w+ is failed/,
  },
  'a run is not done where a repository is not': {
    right: () => untruths([aRun(gone, { state: 'failed' }, { state: 'failed', error: { message: 'no' } })]),
    wrong: () => untruths([aRun(gone, {}, { state: 'failed', error: { message: 'no' } })]),
    because: /app is failed/,
  },
  'a run is not done before its repositories are': {
    right: () => untruths([aRun(gone, { progress: { done: 2, of: 2 } })]),
    wrong: () => untruths([aRun(gone, { progress: { done: 1, of: 2 } })]),
    because: /it is done, and 1 repositories are not/,
  },
  'a run that could not put a lock back has failed': {
    right: () => untruths([aRun(gone, { state: 'failed', warnings: ['app:v1 could not be put back'] })]),
    wrong: () => untruths([aRun(gone, { warnings: ['app:v1 could not be put back'] })]),
    because: /it failed/,
  },
  'a run that lost a lock has failed, also where it did all of its own': {
    right: () => untruths([aRun(lost, { state: 'failed' })]),
    wrong: () => untruths([aRun(lost)]),
    because: /it failed/,
  },
  'a run that could not put back the lock of another one has failed': {
    right: () => untruths([aRun(gone, { state: 'failed', locksLost: 1 })]),
    wrong: () => untruths([aRun(gone, { locksLost: 1 })]),
    because: /it failed/,
  },
  'a run that repeats which lock an earlier one lost is done': {
    right: () => untruths([aRun(lost, { state: 'failed' }), aRun(spared, { warnings: [WITHOUT_LOCK] })]),
    wrong: () => untruths([aRun(gone, { state: 'done' }), aRun(gone, { warnings: [WITHOUT_LOCK] })]),
    because: /it failed/,
  },
  'a run that counts as locked what an earlier one left without its lock is done': {
    right: () => untruths([aRun(spared, { warnings: [WITHOUT_LOCK] })]),
    wrong: () => untruths([aRun(spared, { state: 'failed', warnings: [WITHOUT_LOCK] })]),
    because: /everything was done/,
  },
  'failed is what failed': {
    right: () => untruths([aRun(failure, { state: 'failed' })]),
    wrong: () => untruths([aRun(gone, { state: 'failed' })]),
    because: /everything was done/,
  },
  'waiting is what a guard holds back': {
    right: () => untruths([aRun(held, { state: 'waiting', breakers: [HOLD] }, { state: 'held' })]),
    wrong: () => untruths([aRun(held, { state: 'waiting' }, { state: 'held' })]),
    because: /nothing holds it back/,
  },
  'a repository is held by a guard': {
    right: () =>
      untruths([aRun(held, { state: 'failed', breakers: [{ ...HOLD, repository: 'app' }] }, { state: 'held' })]),
    wrong: () =>
      untruths([aRun(held, { state: 'failed', breakers: [{ ...HOLD, repository: 'web' }] }, { state: 'held' })]),
    because: /app is held, and no guard of the run holds it back/,
  },
  'a run in which something failed does not wait': {
    right: () => untruths([aRun([...failure, deleted(dev2, 'held')], { state: 'failed', breakers: [HOLD] })]),
    wrong: () => untruths([aRun([...failure, deleted(dev2, 'held')], { state: 'waiting', breakers: [HOLD] })]),
    because: /is failed/,
  },
  'what was held back is done once its plan is applied': {
    right: () =>
      untruths([
        aRun(held, { plan: { hash: '', deletions: 1, state: 'applied' }, breakers: [HOLD] }, { state: 'held' }),
      ]),
    wrong: () => untruths([aRun(held, {}, { state: 'held' })]),
    because: /app:dev-1 is held/,
  },
  'a run that was stopped says why': {
    right: () => untruths([aRun(gone, { state: 'stopped', stopped: { by: 'budget', detail: '' } })]),
    wrong: () => untruths([aRun(gone, { state: 'stopped' })]),
    because: /it does not say why/,
  },
  'a run that was cancelled is stopped': {
    right: () =>
      untruths([aRun(gone, { state: 'stopped', cancelled: CANCELLED, stopped: { by: 'cancel', detail: '' } })]),
    wrong: () => untruths([aRun(gone, { state: 'interrupted', cancelled: CANCELLED })]),
    because: /it was cancelled/,
  },
  'a dry run deletes nothing': {
    right: () => untruths([aRun([deleted(dev1, 'planned')], { dryRun: true })]),
    wrong: () => untruths([aRun(gone, { dryRun: true })]),
    because: /it was a dry run, and tells of deletions/,
  },
  'totals are those of the decisions': {
    right: () => untruths([aRun(gone)]),
    wrong: () => untruths([{ ...aRun(gone), run: aRun([deleted(dev1), deleted(dev2)]).run }]),
    because: /tags: 2 deleted, .* are told, and decided 1 deleted/,
  },
  'so are those of a repository': {
    right: () => untruths([aRun(gone)]),
    wrong: () => untruths([aRun(gone, {}, { tags: aRun([]).run.totals?.tags ?? missing() })]),
    because: /tags of app: 0 deleted, .* are told, and decided 1 deleted/,
  },
};

function missing(): never {
  throw new Error('it has totals');
}

const nothing = { files: [], locks: [] };

const ends: Readonly<Record<string, TriedRule>> = {
  'no run is left at work': {
    right: () => unfinished([aRun(gone)], nothing),
    wrong: () => unfinished([aRun(gone, { state: 'running' })], nothing),
    because: /run is still running/,
  },
  'a dry run whose process died counts as running': {
    right: () => unfinished([aRun([], { state: 'running', dryRun: true })], nothing),
    wrong: () => unfinished([aRun([], { state: 'running' })], nothing),
    because: /run is still running/,
  },
  'nothing is left open': {
    right: () => unfinished([], nothing),
    wrong: () => unfinished([], { files: ['open/registry/run'], locks: [] }),
    because: /open\/registry\/run is left/,
  },
  'no lock is left': {
    right: () => unfinished([], nothing),
    wrong: () => unfinished([], { files: [], locks: ['registry'] }),
    because: /registry is held/,
  },
};

const at = (seconds: number): number => BEGUN + seconds * 1000;
const history = (...changes: readonly Change[]) => {
  const made = begin([old(one, 'dev-1', 'dev-2')]);
  for (const change of changes) made.record(change);
  return made;
};
const sent = (seconds: number, take = 0) => history(byWorker(at(seconds + take), untag('dev-1'), at(seconds)));
const cancelled = { run: 'run', at: at(10) };
/** A process that could not read in these seconds whether the run was cancelled. */
const unread = (process: string) => ({ ...cancelled, hidden: [{ process, from: at(11), to: at(12) }] });

const changes: Readonly<Record<string, TriedRule>> = {
  'a dry run changes nothing': {
    right: () => forbiddenChanges(sent(5), [aRun([])], []),
    wrong: () => forbiddenChanges(sent(5), [aRun([], { dryRun: true })], []),
    because: /app:dev-1: delete-tag by run, which is a dry run/,
  },
  'each change is that of a run that is told': {
    right: () => forbiddenChanges(sent(5), [aRun([])], []),
    wrong: () => forbiddenChanges(sent(5), [], []),
    because: /of which the ledger does not tell/,
  },
  'a run that was cancelled sends nothing more': {
    right: () => forbiddenChanges(sent(14, 60), [aRun([])], [cancelled]),
    wrong: () => forbiddenChanges(sent(16), [aRun([])], [cancelled]),
    because: /sent 6\.0 s after it was cancelled/,
  },
  'unless it could not read that it was cancelled': {
    right: () => forbiddenChanges(sent(16), [aRun([])], [unread('worker')]),
    wrong: () => forbiddenChanges(sent(16), [aRun([])], [unread('another worker')]),
    because: /sent 6\.0 s after it was cancelled/,
  },
  'unless a person resumed it': {
    right: () => forbiddenChanges(sent(16), [aRun([])], [{ ...cancelled, resumedAt: at(15.5) }]),
    wrong: () => forbiddenChanges(sent(16), [aRun([])], [{ ...cancelled, resumedAt: at(17) }]),
    because: /after it was cancelled/,
  },
  'but it puts locks back': {
    right: () =>
      forbiddenChanges(history(byWorker(at(20), changed({ tag: 'dev-1' }, LOCKED))), [aRun([])], [cancelled]),
    wrong: () => forbiddenChanges(history(byWorker(at(20), changed({ tag: 'dev-1' }, {}))), [aRun([])], [cancelled]),
    because: /attributes by run, sent 10\.0 s after/,
  },
  'a cancelled run says so': {
    right: () => forgottenCancellations([aRun([], { state: 'stopped', cancelled: CANCELLED })], [cancelled]),
    wrong: () => forgottenCancellations([aRun([], { state: 'stopped' })], [cancelled]),
    because: /run was cancelled, and is stopped/,
  },
};

const limited = (guards: object, decisions = gone, about: object = {}): Told =>
  aRun(decisions, { guards, breakersAsked: true, ...about });
const none: ReadonlySet<string> = new Set();
const plan = aRun(held, { id: 'plan', state: 'waiting', breakers: [HOLD] });

const guards: Readonly<Record<string, TriedRule>> = {
  'what is held back does not go': {
    right: () => unguarded(sent(5), [aRun(gone)], none),
    wrong: () => unguarded(sent(5), [aRun(held)], none),
    because: /app:dev-1 was held back, and was deleted/,
  },
  'no more goes than is allowed': {
    right: () => unguarded(sent(5), [limited({ maxDeletions: 1 })], none),
    wrong: () => unguarded(sent(5), [limited({ maxDeletions: 1 }, [deleted(dev1), deleted(one)])], none),
    because: /it deleted 2, and 1 are allowed/,
  },
  'no more of a repository goes than is allowed': {
    right: () => unguarded(sent(5), [limited({ maxDeletionPercent: 25 })], none),
    wrong: () => unguarded(sent(5), [limited({ maxDeletionPercent: 24 })], none),
    because: /it deleted 25 % of the tags of app, and 24 % are allowed/,
  },
  'one tag is left': {
    right: () => unguarded(sent(5), [limited({ keepLastTag: true })], none),
    wrong: () =>
      unguarded(
        sent(5),
        [aRun(gone, { guards: { keepLastTag: true }, breakersAsked: true }, { listed: { tags: 1 } })],
        none,
      ),
    because: /it deleted every tag of app/,
  },
  'a plan that is held back is carried out once it is approved': {
    right: () => unguarded(sent(5), [plan, aRun(gone, { kind: 'apply', applies: 'plan' })], new Set(['plan'])),
    wrong: () => unguarded(sent(5), [plan, aRun(gone, { kind: 'apply', applies: 'plan' })], none),
    because: /it carries out plan, which was held back, and not approved/,
  },
};

const applied = aRun(gone, { kind: 'apply', applies: 'plan' });
const approvedFor = (repository: string): Told =>
  aRun(held, {
    id: 'plan',
    plan: {
      hash: '',
      deletions: 1,
      state: 'open',
      reviews: [
        {
          verdict: 'approved',
          at: '',
          by: { kind: 'key', name: '' },
          hash: '',
          repositories: [repository],
          runId: applied.run.id,
        },
      ],
    },
  });

const reviews: Readonly<Record<string, TriedRule>> = {
  'of a part nothing else goes': {
    right: () => unapproved(sent(5), [approvedFor('app'), applied], []),
    wrong: () => unapproved(sent(5), [approvedFor('web'), applied], []),
    because: /it changed app, and web were approved/,
  },
  'of a rejected plan nothing more goes': {
    right: () => unapproved(sent(5), [plan, applied], [{ plan: 'plan', at: Infinity }]),
    wrong: () => unapproved(sent(5), [plan, applied], [{ plan: 'plan', at: 0 }]),
    because: /it changed app, and its plan plan had been rejected/,
  },
};

describeRules({ ...states, ...reviews, ...ends, ...changes, ...guards });

test('a run of the product keeps all of them, as its ledger tells it', async () => {
  const store = memoryStore();
  const ledger = openLedger(store);
  const has = [old(one, 'dev-1', 'v1')];
  await withEmulator({ repositories: { app: repositoryOf(...has) } }, async (emulator) => {
    await run(emulator, FLAGS, undefined, ledger);
    const runs = await runsIn(ledger, emulator.loginServer);
    expect(runs).toHaveLength(1);
    const made = begin(has);
    made.record(byWorker(at(9), untag('dev-1'), at(9), runs[0]?.run.id));
    expect([
      ...untruths(runs),
      ...disagreements(made, runs),
      ...forbiddenChanges(made, runs, []),
      ...unguarded(made, runs, none),
      ...unfinished(runs, { files: await unfinishedIn(store), locks: [] }),
    ]).toEqual([]);
  });
});
