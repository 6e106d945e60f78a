import { describe, expect, test } from 'vitest';
import type { Attributes, Call, Emulator } from '../../src/dev/emulator/index.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { recover } from '../../src/engine/recover.ts';
import { purge, type Registry, RegistryError } from '../../src/index.ts';
import type { Sending } from '../../src/registry/types.ts';
import { withoutLocks } from '../../src/executor/locks.ts';
import { repositoryOf } from '../support/contents.ts';
import { calm } from '../support/durable.ts';
import { dying } from '../support/dying.ts';
import { hall, scheduled } from '../support/orchestration.ts';
import { behindProxy } from '../support/proxy.ts';
import { connectTo, policyOf, reference, run, withEmulator, withServedEmulator } from '../support/registry.ts';

const ARGS = ['--filter', 'app:dev', '--ago', '30d', '--untagged', '--include-locked'];

const LOCKS: readonly Attributes[] = [
  { deleteEnabled: false },
  { writeEnabled: false },
  { deleteEnabled: false, writeEnabled: false },
];

const child = { ...image('child'), architecture: 'amd64', os: 'linux' };
const kept = image('kept');

/** Manifests and tags that are locked in each of the ways, of every kind of deletion. */
const contents = repositoryOf(
  ...LOCKS.flatMap((locked, n) => [
    { built: image(`tagged/${n}`), days: 90, tags: [`dev-${n}`], locked, lockedTags: locked },
    { built: image(`untagged/${n}`), days: 90, locked },
  ]),
  { built: index([child]), days: 90, tags: ['dev-index'], locked: LOCKS[0] ?? {}, lockedTags: LOCKS[1] ?? {} },
  { built: child, days: 90, locked: LOCKS[2] ?? {} },
  // A tag that is deleted by itself, because its image has another.
  { built: kept, days: 90, tags: ['v1'] },
);
const repositories = {
  app: {
    ...contents,
    tags: [
      ...contents.tags,
      { name: 'dev-alone', digest: kept.digest, age: 90 * 86_400, locked: { deleteEnabled: false } },
    ],
  },
};

/** By name: whether it may be deleted, and written. */
function locksIn(emulator: Emulator): Readonly<Record<string, readonly [boolean, boolean]>> {
  const state = emulator.repositories()['app'];
  const of = ({ deleteEnabled = true, writeEnabled = true }: Attributes = {}) => [deleteEnabled, writeEnabled] as const;
  return Object.fromEntries([
    ...(state?.tags ?? []).map(({ name, locked }) => [name, of(locked)] as const),
    ...(state?.manifests ?? []).map(({ body, locked }) => [body, of(locked)] as const),
  ]);
}

const isDelete = ({ method }: Pick<Call, 'method'>): boolean => method === 'DELETE';

describe('what is unlocked and not deleted is locked again, as it was', () => {
  test('and what another client has locked meanwhile stays locked', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const failing = (request: { readonly method: string; readonly path: string }): number | undefined => {
        if (!isDelete(request) || !request.path.includes('dev-alone')) return undefined;
        emulator.lock('app', 'dev-alone', { writeEnabled: false });
        return 405;
      };
      emulator.faults({ failing });
      await run(emulator, ARGS);
      expect(locksIn(emulator)['dev-alone']).toEqual([false, false]);
    });
  });

  test.each([403, 405, 409, 500] as const)('where its deletion is answered with %i', async (status) => {
    await withEmulator({ repositories }, async (emulator) => {
      const before = locksIn(emulator);
      emulator.faults({ failing: (call) => (isDelete(call) ? status : undefined) });
      const { summary, decisions } = await run(emulator, ARGS);
      expect(emulator.counts()['update-tag']).toBeGreaterThan(0);
      expect(locksIn(emulator)).toEqual(before);
      expect(summary.succeeded).toBe(false);
      expect(decisions.some((one) => one.action === 'delete' && one.lostLock)).toBe(false);
    });
  });

  test('where it is tagged once it is unlocked, and the answer is 503', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const before = locksIn(emulator);
      emulator.faults({
        failing(call) {
          if (!isDelete(call)) return undefined;
          const subject = decodeURIComponent(call.path.split('?')[0]?.split('/').at(-1) ?? '');
          if (subject.startsWith('sha256:')) emulator.tag('app', `rescued-${subject.slice(7, 19)}`, subject);
          else emulator.tag('app', subject, child.digest);
          return 503;
        },
      });
      await run(emulator, ARGS);
      const after = locksIn(emulator);
      for (const [name, lock] of Object.entries(before))
        if (name !== 'dev-alone') expect([name, after[name]]).toEqual([name, lock]);
    });
  });

  test('what could not be put back, and is locked by now, is unlocked again before it is deleted', async () => {
    const calls: string[] = [];
    const registry = {
      unlock: (_: string, name: string) => {
        calls.push(`unlock ${name}`);
        return Promise.resolve({ state: 'unlocked' as const });
      },
      lookAtTags: () => Promise.resolve(new Map()),
      relock: (_: string, name: string, lock: object) => {
        calls.push(`lock ${name} ${JSON.stringify(lock)}`);
        return Promise.resolve({ state: 'locked' as const });
      },
    } as unknown as Registry;
    const before = { name: 'v1', lock: { deleteEnabled: true, writeEnabled: false } };
    const now = { name: 'v1', lock: { deleteEnabled: false, writeEnabled: true } };
    const refused = { state: 'refused' as const, error: new RegistryError('delete app:v1', { message: 'no' }) };
    const { lost } = await withoutLocks(
      registry,
      'app',
      { locks: [now], lost: [before], isManifest: false },
      {} as Sending,
      () => {
        calls.push('delete');
        return Promise.resolve(refused);
      },
    );
    expect(calls).toEqual(['unlock v1', 'delete', 'lock v1 {"deleteEnabled":false,"writeEnabled":false}']);
    expect(lost).toEqual([]);
  });

  test('what was deleted is recorded as deleted, also where nothing may be read after that; and the run has failed', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      let isOver = false;
      emulator.faults({
        failing(call) {
          if (isOver) return 403;
          isOver = isDelete(call) && call.path.includes(index([child]).digest.slice('sha256:'.length));
          return undefined;
        },
      });
      const { summary, decisions } = await run(emulator, [...ARGS.slice(0, 1), 'app:dev-index', ...ARGS.slice(2)]);
      const about = decisions.filter(({ digest }) => digest === index([child]).digest);
      expect(about).toMatchObject([
        { tag: 'dev-index', outcome: 'deleted', lostLock: { deleteEnabled: true, writeEnabled: false } },
        { kind: 'manifest', outcome: 'deleted' },
      ]);
      expect(summary.warnings.join()).toContain('if another client moved it right before, it is without its lock');
      expect(summary.succeeded).toBe(false);
    });
  });

  test('a tag that another client has moved, and that cannot be locked again, is said to be without its lock', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      let isMoved = false;
      emulator.faults({
        failing(call) {
          if (isMoved) return call.method === 'PATCH' && call.path.includes('dev-index') ? 403 : undefined;
          if (!isDelete(call) || !call.path.includes(index([child]).digest.slice('sha256:'.length))) return undefined;
          isMoved = true;
          emulator.tag('app', 'dev-index', kept.digest);
          return 503;
        },
      });
      const { summary, decisions } = await run(emulator, [...ARGS.slice(0, 1), 'app:dev-index', ...ARGS.slice(2)]);
      expect(decisions.find(({ tag }) => tag === 'dev-index')).toMatchObject({
        action: 'delete',
        outcome: 'failed',
        lostLock: { deleteEnabled: true, writeEnabled: false },
      });
      expect(summary.warnings.join()).toContain('app:dev-index is without its lock');
      expect(summary.succeeded).toBe(false);
    });
  });

  test('what another client locks while it is put back stays locked, also where that takes several attempts', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      let changes = 0;
      emulator.faults({
        failing(call) {
          if (isDelete(call)) return 409;
          if (call.method !== 'PATCH' || !call.path.includes('dev-index')) return undefined;
          changes += 1;
          if (changes !== 2) return undefined;
          emulator.lock('app', 'dev-index', { deleteEnabled: false });
          return 503;
        },
      });
      await run(emulator, ARGS);
      expect(changes).toBeGreaterThan(2);
      expect(locksIn(emulator)['dev-index']).toEqual([false, false]);
    });
  });

  test('where another client has moved a tag since: it does not go along with the manifest', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const isMoved = ({ method, path }: Pick<Call, 'method' | 'path'>): boolean =>
        method === 'PATCH' && path.includes('dev-index');
      emulator.faults({
        failing(call) {
          if (isMoved(call)) emulator.tag('app', 'dev-index', kept.digest);
          return undefined;
        },
      });
      const before = locksIn(emulator)['dev-index'];
      await run(emulator, ARGS);
      expect(locksIn(emulator)['dev-index']).toEqual(before);
    });
  });

  test('where the answer to the unlocking is lost', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const before = locksIn(emulator);
      let cut = 0;
      const stop = new AbortController();
      const off = new Set<string>();
      await behindProxy(
        emulator,
        ({ method, path }) => {
          // The first of each two takes the lock off, the second puts it back.
          if (method !== 'PATCH') return undefined;
          if (off.delete(path)) return undefined;
          off.add(path);
          cut += 1;
          if (cut === 8) stop.abort();
          return 'cut off';
        },
        async (proxy) => {
          const { summary } = await run(proxy, ARGS, stop.signal);
          expect(summary.succeeded).toBe(false);
        },
      );
      expect(cut).toBeGreaterThan(5);
      expect(emulator.counts()['delete-manifest'] + emulator.counts()['delete-tag']).toBe(0);
      expect(locksIn(emulator)).toEqual(before);
    });
  });
});

test('what is locked is unlocked by itself, right before its deletion', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const { summary } = await run(emulator, ARGS);
    expect(summary.succeeded).toBe(true);
    const changes = emulator.requests().filter(({ method }) => method === 'PATCH' || method === 'DELETE');
    // At most a tag and its manifest, and then the deletion.
    let unlocked = 0;
    for (const call of changes) {
      unlocked = call.method === 'PATCH' ? unlocked + 1 : 0;
      expect(unlocked).toBeLessThanOrEqual(2);
    }
    expect(changes.at(-1)?.method).toBe('DELETE');
    expect(emulator.tagsLeft()).toEqual(['app:v1']);
  });
});

test('a lock that cannot be put back is said by name, and how to put it back', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const off = new Set<string>();
    emulator.faults({
      failing(call) {
        if (isDelete(call)) return 409;
        if (call.method !== 'PATCH') return undefined;
        if (off.has(call.path)) return 403;
        off.add(call.path);
        return undefined;
      },
    });
    const { summary, decisions } = await run(emulator, ARGS);
    const lost = decisions.filter((one) => one.action === 'delete' && one.lostLock);
    expect(lost.length).toBe(off.size);
    for (const decision of lost) {
      const sentence = summary.warnings.find((warning) =>
        warning.startsWith(`${reference(decision)} is without its lock`),
      );
      expect(sentence).toContain('az acr repository update --name 127');
      expect(sentence).toContain(`--image ${reference(decision)} --delete-enabled `);
      expect(decision).toMatchObject({
        outcome: 'refused',
        error: { message: expect.stringContaining('could not be put back') as unknown },
      });
    }
    const first = lost.find(({ tag }) => tag === 'dev-1');
    expect(first).toMatchObject({ lostLock: { deleteEnabled: true, writeEnabled: false } });
    expect(summary.succeeded).toBe(false);
  });
});

test.each([
  ['deleteTag', 'nothing'],
  ['deleteManifest', 'nothing'],
  // What it locks stays locked, and so does what was.
  ['deleteTag', 'the other lock'],
] as const)(
  'a process that is killed before %s leaves it to the next one to lock again; another client sets %s meanwhile',
  async (method, meanwhile) => {
    await withEmulator({ repositories }, async (emulator) => {
      const before = locksIn(emulator);
      const store = memoryStore();
      let isDead = false;
      const killed = (): Promise<never> => {
        isDead = true;
        return new Promise(() => undefined);
      };
      const real = connectTo(emulator);
      const registry: Registry = { ...real, [method]: killed, relock: killed };
      const options = {
        policies: [policyOf(ARGS)],
        now: new Date(emulator.start.getTime() + 1),
        onDecisions: () => undefined,
      };
      // Nothing more is done by it: it waits for ever.
      void purge(registry, { ...options, ledger: openLedger(dying(store, () => isDead)) });
      await expect.poll(() => isDead, { timeout: 10_000 }).toBe(true);
      const during = locksIn(emulator);
      expect(Object.keys(during).some((name) => String(during[name]) !== String(before[name]))).toBe(true);
      const isMore = meanwhile !== 'nothing';
      if (isMore) emulator.lock('app', 'dev-alone', { writeEnabled: false });
      const ledger = openLedger(store);
      const [id = ''] = await ledger.unfinished(emulator.loginServer);
      const record = await ledger.run(id);
      expect(record).toBeDefined();
      expect(await recover(ledger, real, [], undefined)).toMatchObject({ locksLost: 0 });
      const after = locksIn(emulator);
      for (const name of Object.keys(after)) {
        const wanted = isMore && name === 'dev-alone' ? [false, false] : before[name];
        expect([name, after[name]]).toEqual([name, wanted]);
      }
    });
  },
);

const NEXT = ['--filter', 'app:nothing', '--ago', '30d'];

test.each(['inline', 'durable'] as const)(
  'of a process that was killed, only what is off is locked again; where that fails, the next run does, too (%s)',
  async (engine) => {
    await withEmulator({ repositories }, async (emulator) => {
      const store = memoryStore();
      let isDead = false;
      const killed = (): Promise<never> => {
        isDead = true;
        return new Promise(() => undefined);
      };
      const real = connectTo(emulator);
      const options = {
        policies: [policyOf(ARGS)],
        now: new Date(emulator.start.getTime() + 1),
        onDecisions: () => undefined,
      };
      const before = locksIn(emulator);
      // A process that is really killed holds no lock of the ledger any more.
      const free = { lost: new AbortController().signal, isHeld: () => true, release: () => Promise.resolve() };
      void purge(
        { ...real, deleteTag: killed, relock: killed },
        { ...options, ledger: { ...openLedger(dying(store, () => isDead)), lock: () => Promise.resolve(free) } },
      );
      await expect.poll(() => isDead, { timeout: 10_000 }).toBe(true);
      const after = locksIn(emulator);
      const off = Object.keys(after).filter((name) => String(after[name]) !== String(before[name]));
      expect(off).toHaveLength(1);
      const [id] = await openLedger(store).unfinished(emulator.loginServer);
      const asked = emulator.requests().filter(({ method }) => method === 'PATCH').length;
      emulator.faults({ failing: ({ method }) => (method === 'PATCH' ? 403 : undefined) });
      const ledger = openLedger(store);
      if (engine === 'inline') {
        const { succeeded } = await purge(real, { ...options, policies: [policyOf(NEXT)], ledger });
        expect(succeeded).toBe(false);
      } else {
        const settings = { PURGE_COMMAND: NEXT.join(' '), PURGE_DRY_RUN: 'false' };
        const durable = hall({ emulators: [emulator], ledger, options: { choices: calm }, settings });
        durable.start('retention', { instanceId: 'one', input: scheduled([emulator], 'one') });
        await durable.run();
      }
      const next = (await Array.fromAsync(ledger.runs())).find((one) => one.id !== id);
      expect(emulator.requests().filter(({ method }) => method === 'PATCH')).toHaveLength(asked + 1);
      expect(next?.warnings.filter((warning) => warning.includes('is without its lock'))).toHaveLength(1);
      // What it was asked for itself is done; what it could not put back is its failure all the same.
      expect(next).toMatchObject({ state: 'failed', totals: { tags: { failed: 0 }, manifests: { failed: 0 } } });
    });
  },
);
