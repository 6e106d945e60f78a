import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { settle } from '../../../src/engine/settle.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { type Deleted, keyOf } from '../../../src/planner/decision.ts';
import { systemClock } from '../../../src/registry/clock.ts';
import { repositoryOf } from '../../support/contents.ts';
import { dying } from '../../support/dying.ts';
import { connectTo, run, withEmulator } from '../../support/registry.ts';

const [dev, other] = [image('dev'), image('other')];
const repositories = {
  app: repositoryOf({ built: dev, days: 90, tags: ['dev'] }, { built: other, days: 1, tags: ['v1'] }),
};
const TAGS = ['--filter', 'app:dev', '--ago', '30d'];
const ALL = [...TAGS, '--untagged'];
const HIDDEN = { listEnabled: false };

const again = (emulator: Emulator): void => void emulator.push('app', dev.body, { tag: 'dev' });

/** What the recovery of a run says of a deletion whose process ended before it could record the outcome. */
async function recovered(args: readonly string[], meanwhile: (emulator: Emulator) => void, isDeleted = true) {
  return withEmulator({ repositories }, async (emulator) => {
    const store = memoryStore();
    // The intent is the last thing that it records.
    const broken = openLedger(dying(store, (operation) => operation === 'append'));
    if (!isDeleted) emulator.faults({ failing: ({ kind }) => (kind.startsWith('delete-') ? 405 : undefined) });
    await expect(run(emulator, args, undefined, broken)).rejects.toThrow('the disk is gone');
    emulator.faults({});
    meanwhile(emulator);
    const ledger = openLedger(store);
    const [id = ''] = await ledger.unfinished(emulator.loginServer);
    await run(emulator, ['--filter', 'app:nothing', '--ago', '30d'], undefined, ledger);
    return Array.fromAsync(ledger.decisions(id, { action: 'delete' }));
  });
}

const ENDED = 'the process ended before it was done';
const deleted = { outcome: 'deleted' };
const untouched = { outcome: 'not-attempted', error: { message: ENDED } };
const inDoubt = (why: string) => ({
  outcome: 'failed',
  error: { message: `${ENDED}, and it is not known whether it was deleted: ${why}` },
});

test.each<[string, readonly string[], (emulator: Emulator) => void, boolean, object]>([
  ['a tag that is gone', TAGS, () => undefined, true, deleted],
  ['a tag that is as it was', TAGS, () => undefined, false, untouched],
  ['a tag that was set again on the same manifest', TAGS, again, true, inDoubt('it was pushed again')],
  [
    'a tag that was set again on another manifest',
    TAGS,
    (emulator) => emulator.tag('app', 'dev', other.digest),
    true,
    inDoubt(`it names ${other.digest} now`),
  ],
  ['a manifest that is gone, with its tag', ALL, () => undefined, true, deleted],
  ['a manifest that is as it was, with its tag', ALL, () => undefined, false, untouched],
  ['a manifest that was pushed again, with its tag', ALL, again, true, inDoubt('it was pushed again')],
  [
    'a manifest that was pushed again, and hidden with its tag',
    ALL,
    (emulator) => {
      again(emulator);
      for (const name of [dev.digest, 'dev']) emulator.lock('app', name, HIDDEN);
    },
    true,
    inDoubt('it was pushed again'),
  ],
  [
    'a manifest that was only hidden, with its tag',
    ALL,
    (emulator) => {
      for (const name of [dev.digest, 'dev']) emulator.lock('app', name, HIDDEN);
    },
    false,
    untouched,
  ],
])('of a deletion whose process ended the registry is asked: %s', async (_, args, meanwhile, isDeleted, said) => {
  const decisions = await recovered(args, meanwhile, isDeleted);
  expect(decisions).toMatchObject(Array(args === ALL ? 2 : 1).fill(said));
});

test.each([
  ['gone, was deleted', 'gone', { outcome: 'deleted' }],
  ['there, is still without its lock', 'dev', { outcome: 'failed', lostLock: { writeEnabled: false } }],
])('what lost its lock before, and was tried again when the process ended: where it is %s', async (_, tag, said) => {
  await withEmulator({ repositories }, async (emulator) => {
    const decision: Deleted = {
      repository: 'app',
      kind: 'tag',
      tag,
      digest: dev.digest,
      action: 'delete',
      reason: 'matched-and-expired',
      detail: 'old',
      beyondAcrPurge: false,
      outcome: 'failed',
      error: { message: 'the lock was taken off' },
      lostLock: { deleteEnabled: true, writeEnabled: false, restore: 'az' },
    };
    const open = { repository: 'app', decisions: new Map(), open: new Set([keyOf(decision)]), locks: new Map() };
    const [now] = await settle(connectTo(emulator), systemClock, open, [decision], 0);
    expect(now).toMatchObject(said);
    expect(now !== undefined && 'lostLock' in now).toBe(tag === 'dev');
  });
});

const pullDoubt = (why: string) => ({
  outcome: 'failed',
  error: { message: `${ENDED}, and it is not known whether it can be pulled: ${why}` },
});

test.each<[string, (emulator: Emulator) => void, object]>([
  ['is as it was', () => undefined, untouched],
  [
    'is unreadable',
    (emulator) => {
      emulator.lock('app', 'dev', { readEnabled: false });
    },
    { outcome: 'quarantined' },
  ],
  ['was set again', again, pullDoubt('it was pushed again')],
  [
    'was set on another manifest',
    (emulator) => {
      emulator.tag('app', 'dev', other.digest);
    },
    pullDoubt(`it names ${other.digest} now`),
  ],
])('what was to be made unreadable when the process ended: a tag that %s', async (_, meanwhile, said) => {
  await withEmulator({ repositories }, async (emulator) => {
    const registry = connectTo(emulator);
    const listed = await registry.lookAtTags('app', ['dev'], Infinity);
    const lastUpdateTime = listed.get('dev')?.lastUpdated;
    const decision: Deleted = {
      repository: 'app',
      kind: 'tag',
      tag: 'dev',
      digest: dev.digest,
      ...(lastUpdateTime !== undefined && { lastUpdateTime }),
      action: 'delete',
      reason: 'matched-and-expired',
      detail: 'old',
      beyondAcrPurge: false,
      outcome: 'not-attempted',
      quarantine: { until: '2026-12-31T00:00:00.000Z' },
    };
    meanwhile(emulator);
    const open = { repository: 'app', decisions: new Map(), open: new Set([keyOf(decision)]), locks: new Map() };
    expect(await settle(registry, systemClock, open, [decision], 0)).toMatchObject([said]);
  });
});

test('a run that was closed because its lock was lost counts the deletion that the next run completes', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const store = memoryStore();
    const lost = new AbortController();
    const ledger = openLedger(store);
    const losing = openLedger({
      ...store,
      lock: async (...about) => {
        const lock = await store.lock(...about);
        return { ...lock, lost: lost.signal, isHeld: () => !lost.signal.aborted && lock.isHeld() };
      },
    });
    // It cannot record the outcome any more, and the list of its repositories says that nothing was tried.
    emulator.onRequest(({ kind }) => {
      if (kind === 'delete-manifest') lost.abort();
    });
    const { summary } = await run(emulator, ALL, undefined, losing);
    emulator.onRequest(undefined);
    const counted = async () => ({
      record: await ledger.run(summary.runId),
      list: await Array.fromAsync(ledger.repositories(summary.runId)),
    });
    const none = { deleted: 0, notAttempted: 1 };
    const before = await counted();
    expect(before.record).toMatchObject({ state: 'stopped', totals: { tags: none, manifests: none } });
    expect(before.list).toMatchObject([{ summary: { repository: 'app', tags: none, manifests: none } }]);
    expect(emulator.tagsLeft()).toEqual(['app:v1']);

    await run(emulator, ['--filter', 'app:nothing', '--ago', '30d'], undefined, ledger);
    const one = { deleted: 1, notAttempted: 0 };
    const after = await counted();
    expect(after.record).toMatchObject({ state: 'stopped', totals: { tags: one, manifests: one } });
    expect(after.list).toMatchObject([{ summary: { repository: 'app', state: 'done', tags: one, manifests: one } }]);
    expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
  });
});
