import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it as test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { LockTimes } from '../../src/ledger/store/lease.ts';
import { ConflictError, type Holder, LedgerError, type Store } from '../../src/ledger/store/store.ts';
import { all } from '../dev/emulator/support.ts';
import { attempting, breaking, chunks, large, streamed, winners } from './support.ts';

/** A kind of store, and what a test of it needs besides. */
export interface StoreKind {
  readonly kind: string;
  readonly open: (lock?: LockTimes) => Store;
  /** Takes a lock away from its holder. */
  readonly steal: (name: string) => Promise<void>;
  /** A process that has ended, as the store's system names it; `undefined`: the system names none. */
  readonly ended: string | undefined;
  /** Lets the store's time pass while a test is under way. Absent: it passes by itself. */
  readonly during?: (test: () => Promise<void>) => Promise<void>;
}

/** Limits that a test reaches. */
export const SMALL = { pageSize: 7, blockBytes: 1024 * 1024, appendBytes: 8 };

/** What every store promises. */
export function describeStore(kind: StoreKind): void {
  describe(`a ledger in: ${kind.kind}`, () => {
    const { open } = kind;
    const { it, holder } = toolsOf(kind);

    /** A folder that no other test has. */
    const at = (path: string): string => `${randomUUID()}/${path}`;

    it('gives back what was written', async () => {
      const store = open();
      const path = at('run.json');
      expect(await store.read(path)).toBeUndefined();
      expect(await store.stream(path)).toBeUndefined();
      const etag = await store.write(path, 'Grüße 🌍\n');
      expect(await store.read(path)).toEqual({ text: 'Grüße 🌍\n', etag });
      expect(await streamed(store, path)).toBe('Grüße 🌍\n');
      const next = await store.write(path, '', { etag });
      expect(next).not.toBe(etag);
      expect(await store.read(path)).toEqual({ text: '', etag: next });
      expect(await streamed(store, path)).toBe('');
    });

    it('has no file where there is a folder, and removes what is not there', async () => {
      const store = open();
      const path = at('a/b/run.json');
      await store.write(path, 'x');
      const folder = path.replace('/b/run.json', '');
      expect(await store.read(folder)).toBeUndefined();
      expect(await store.stream(folder)).toBeUndefined();
      await store.remove(path);
      await store.remove(path);
      expect(await store.read(path)).toBeUndefined();
      expect(await all(store.folders(path.replace('a/b/run.json', '')))).toEqual([]);
    });

    it('gives a message to one of those that claim it at the same time, and to none after that', async () => {
      const key = { of: 'overdue', registry: `${randomUUID()}.example`, since: new Date(0) } as const;
      const look = () => openLedger(open()).messages.look(key, 'receiver');
      const found = await Promise.all(Array.from({ length: 8 }, look));
      const claims = await Promise.all(
        found.map(async (one) => (one?.state === 'open' ? await one.claim() : undefined)),
      );
      const [mine, ...others] = claims.filter((one) => one !== undefined);
      expect(others).toEqual([]);
      expect(await look()).toBeUndefined();
      await mine?.record({ state: 'sent', status: 200 });
      expect(await look()).toBeUndefined();
    });

    it('refuses a write whose condition does not hold', async () => {
      const store = open();
      const path = at('run.json');
      await expect(store.write(path, 'x', { etag: 'none' })).rejects.toThrow(ConflictError);
      const etag = await store.write(path, 'first', 'absent');
      await expect(store.write(path, 'second', 'absent')).rejects.toThrow(ConflictError);
      await store.write(path, 'third', { etag });
      await expect(store.write(path, 'fourth', { etag })).rejects.toThrow(ConflictError);
      await expect(store.write(path, chunks('fifth'), { etag })).rejects.toThrow(ConflictError);
      await expect(store.write(path, chunks('sixth'), 'absent')).rejects.toThrow(ConflictError);
      expect((await store.read(path))?.text).toBe('third');
    });

    it('lets one of two writers win, however they come', async () => {
      const store = open();
      for (let round = 0; round < 20; round++) {
        const path = at('run.json');
        const writers = ['a', 'b'].map((content) => store.write(path, content, 'absent'));
        const [etag = ''] = await winners(writers);
        const again = ['c', 'd'].map((content) => store.write(path, content, { etag }));
        expect(await winners(again)).toHaveLength(1);
        const journal = at('journal');
        expect(await winners(['e\n', 'f\n'].map((line) => store.append(journal, Buffer.from(line), 0)))).toEqual([2]);
        expect(await winners(['g\n', 'h\n'].map((line) => store.append(journal, Buffer.from(line), 2)))).toEqual([4]);
        expect((await store.read(journal))?.text).toMatch(/^[ef]\n[gh]\n$/);
      }
    });

    it('appends where the file ends, and nowhere else', async () => {
      const store = open();
      const path = at('journal');
      const add = (line: string, length: number) => store.append(path, Buffer.from(line), length);
      await expect(add('x', 3)).rejects.toThrow(ConflictError);
      expect(await add('', 0)).toBe(0);
      expect(await store.read(path)).toBeUndefined();
      expect(await add('one\n', 0)).toBe(4);
      await expect(add('x', 0)).rejects.toThrow(ConflictError);
      await expect(add('x', 3)).rejects.toThrow(ConflictError);
      await expect(add('x', 5)).rejects.toThrow(ConflictError);
      // Longer than one call may be.
      expect(await add('two three four five\n', 4)).toBe(24);
      expect((await store.read(path))?.text).toBe('one\ntwo three four five\n');
      expect(await streamed(store, path)).toBe('one\ntwo three four five\n');
      await store.remove(path);
      await expect(add('x', 24)).rejects.toThrow(ConflictError);
    });

    it('streams what is large, in pieces', async () => {
      const store = open();
      const path = at('decisions');
      const sent = createHash('sha256');
      await store.write(path, large(20 * 1024 * 1024, sent));
      const received = createHash('sha256');
      let length = 0;
      for await (const piece of (await store.stream(path)) ?? []) {
        const bytes = piece as Uint8Array;
        expect(bytes.length).toBeLessThanOrEqual(SMALL.blockBytes);
        received.update(bytes);
        length += bytes.length;
      }
      expect(length).toBe(20 * 1024 * 1024);
      expect(received.digest('hex')).toBe(sent.digest('hex'));
      const left = await store.stream(path);
      left?.destroy();
    });

    it('keeps what was there when the content breaks off', async () => {
      const store = open();
      const path = at('decisions');
      await store.write(path, 'old');
      await expect(store.write(path, breaking())).rejects.toThrow('broken off');
      expect((await store.read(path))?.text).toBe('old');
    });

    it('lists files and folders in the order of their paths', async () => {
      const store = open();
      const prefix = at('');
      const names = ['a-b/x', 'a.b/x', 'a/x', 'a/y/z', 'a0/x', 'B/x', 'a.json', 'é/x', '%2F/x y+z#?&', '_/sha256:1'];
      const paths = [...names, ...Array.from({ length: 40 }, (_, n) => `n${n % 13}/f${n}`)].map(
        (name) => prefix + name,
      );
      await Promise.all(paths.map((path) => store.write(path, '')));
      expect(await all(store.list(prefix))).toEqual([...paths].sort());
      const folders = new Set(paths.map((path) => path.slice(prefix.length).split('/').slice(0, -1)[0] ?? ''));
      folders.delete('');
      const expected = [...folders].map((folder) => `${folder}/`).sort();
      expect(await all(store.folders(prefix))).toEqual(expected.map((folder) => folder.slice(0, -1)));
      expect(await all(store.list(`${prefix}a/`))).toEqual([`${prefix}a/x`, `${prefix}a/y/z`]);
      expect(await all(store.list(at('nothing/')))).toEqual([]);
      expect(await all(store.folders(at('nothing/')))).toEqual([]);
    });

    it('writes into folders that others empty meanwhile', async () => {
      const store = open();
      const prefix = at('');
      const paths = Array.from({ length: 40 }, (_, n) => `${prefix}a/b/${n}`);
      await Promise.all(paths.map((path) => store.write(path, '').then(() => store.remove(path))));
      expect(await all(store.list(prefix))).toEqual([]);
    });

    it('begins files where others come and go, again and again', async () => {
      const store = open();
      const prefix = at('');
      const comeAndGo = async (n: number): Promise<void> => {
        for (let round = 0; round < 50; round += 1) {
          const path = `${prefix}run/journal/${n}`;
          expect(await store.append(path, Buffer.from('x'), 0)).toBe(1);
          await store.remove(path);
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => comeAndGo(n)));
      expect(await all(store.list(prefix))).toEqual([]);
    });

    it.each([
      '',
      '/',
      '/etc/passwd',
      '../x',
      'a/../../x',
      'a/./x',
      'a//x',
      'a/',
      'a\\..\\x',
      'a\0',
      'a\n',
      '.tmp/x',
      'a.',
    ])('refuses the path %j', async (path) => {
      const store = open();
      const refused = async (doing: Promise<unknown>) => expect(doing).rejects.toThrow(LedgerError);
      await refused(attempting(() => store.read(path)));
      await refused(attempting(() => store.stream(path)));
      await refused(attempting(() => store.write(path, 'x')));
      await refused(attempting(() => store.append(path, Buffer.from('x'), 0)));
      await refused(attempting(() => store.remove(path)));
      await refused(all(store.list(`${path}/`)));
      await refused(all(store.folders(`${path}/`)));
      await refused(attempting(() => store.lock(`${path}/`, holder())));
    });
  });
}

export function toolsOf({ open, during = (body) => body() }: StoreKind) {
  const run = (body: () => Promise<void>) => () => during(body);
  const it = Object.assign(
    (name: string, body: () => Promise<void>) => {
      test(name, run(body));
    },
    {
      each: (cases: readonly string[]) => (name: string, body: (one: string) => Promise<void>) => {
        test.each(cases)(name, (one) => during(() => body(one)));
      },
      runIf: (isSo: boolean) => (name: string, body: () => Promise<void>) => {
        test.runIf(isSo)(name, run(body));
      },
    },
  );
  const holder = (runId = 'run'): Holder => ({
    runId,
    startedBy: 'schedule',
    since: '2026-11-24T01:00:00.000Z',
    ...open().system.self(),
  });
  return { it, holder };
}
