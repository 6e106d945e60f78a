import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type BlobLocation, blobStore, CONTAINER } from '../../src/ledger/store/blob.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { keepRenewed, LOCK_TIMES, type LockTimes } from '../../src/ledger/store/lease.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { processIdentity } from '../../src/ledger/store/system.ts';
import {
  ConflictError,
  HeldError,
  type Holder,
  LedgerError,
  type Lock,
  type Store,
} from '../../src/ledger/store/store.ts';
import { all } from '../dev/emulator/support.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

let azurite: Azurite;
let root: string;
beforeAll(async () => {
  [azurite, root] = await Promise.all([startAzurite(), mkdtemp(join(tmpdir(), 'ledger-'))]);
});
afterAll(() => Promise.all([azurite.close(), rm(root, { recursive: true, force: true })]));

const SMALL = { pageSize: 7, blockBytes: 1024 * 1024, appendBytes: 8 };
const memory = newMemory();
/** Renewed so often that a test sees it at once, and never lost by a slow machine. */
const QUICK: LockTimes = { seconds: 60, renewEvery: 0.02 };

interface Kind {
  readonly kind: string;
  readonly open: (lock?: LockTimes) => Store;
  /** Takes a lock away from its holder. */
  readonly steal: (name: string) => Promise<void>;
  /** An expression that opens the store in another process; absent: none sees it. */
  readonly elsewhere?: () => string;
}

const KINDS: readonly Kind[] = [
  {
    kind: 'folder',
    open: (lock) => folderStore(root, lock),
    async steal(name) {
      const file = join(root, 'locks', `${name}.json`);
      await writeFile(`${file}.new`, JSON.stringify(lockFile('another')));
      await rename(`${file}.new`, file);
    },
    elsewhere: () => `(await import(${source('folder')})).folderStore(${JSON.stringify(root)})`,
  },
  {
    kind: 'blob',
    open: (lock) => blobStore({ connectionString: azurite.connectionString }, { ...SMALL, ...(lock && { lock }) }),
    async steal(name) {
      const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
      await service.getContainerClient(CONTAINER).getBlobClient(`locks/${name}`).getBlobLeaseClient().breakLease(0);
    },
    elsewhere: () => {
      const location: BlobLocation = { connectionString: azurite.connectionString };
      return `(await import(${source('blob')})).blobStore(${JSON.stringify(location)})`;
    },
  },
  {
    kind: 'memory',
    open: (lock) => memoryStore(memory, lock),
    steal(name) {
      memory.locks.set(name, { id: 'another', holder: holder('thief'), until: Date.now() + 60_000 });
      return Promise.resolve();
    },
  },
];

/** Those whose locks may be as short as a test wants them: a lease of Blob Storage is for 15 seconds at least. */
const WITH_SHORT_LOCKS = KINDS.filter(({ kind }) => kind !== 'blob');

describe.each(KINDS)('a ledger in: $kind', ({ open, steal, elsewhere }) => {
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
    const paths = [...names, ...Array.from({ length: 40 }, (_, n) => `n${n % 13}/f${n}`)].map((name) => prefix + name);
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

  it('gives a lock to one at a time, and says who has it', async () => {
    const store = open();
    const name = `lock-${randomUUID()}`;
    const lock = await store.lock(name, holder('first'));
    const refused = open().lock(name, holder('second'));
    await expect(refused).rejects.toThrow(HeldError);
    await expect(refused).rejects.toThrow(/registry's ledger .* is in use by the run first \(started by schedule on /);
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
    await sleep(200);
    await expect(store.lock(name, holder('second'))).rejects.toThrow(HeldError);
    expect(lock.lost.aborted).toBe(false);
    await steal(name);
    await aborted(lock);
    expect(lock.lost.reason).toBeInstanceOf(LedgerError);
    await lock.release();
  });

  it.runIf(processIdentity(process.pid) !== undefined)('takes a lock at once whose process has ended', async () => {
    const name = `lock-${randomUUID()}`;
    const ended = { ...holder('first'), process: processIdentity(process.pid)?.replace(/\d+$/, '0') ?? '' };
    const lost = await open().lock(name, ended);
    await (await open().lock(name, holder('second'))).release();
    await lost.release();
  });

  it.runIf(elsewhere && processIdentity(process.pid) !== undefined).each(['is killed', 'ends'])(
    'takes a lock at once whose process %s',
    async (how) => {
      const name = `lock-${randomUUID()}`;
      const end = await lockElsewhere(elsewhere?.() ?? '', name, how === 'is killed');
      if (how === 'is killed') await expect(open().lock(name, holder('second'))).rejects.toThrow('elsewhere');
      await end();
      const locks = await winners(
        Array.from({ length: 5 }, (_, n) => open().lock(name, holder(String(n)))),
        HeldError,
      );
      expect(locks).toHaveLength(1);
      await Promise.all(locks.map((lock) => lock.release()));
    },
  );
});

describe.each(WITH_SHORT_LOCKS)('a lock in: $kind', ({ open }) => {
  it('runs out, and tells its holder', async () => {
    const name = `lock-${randomUUID()}`;
    const lock = await open({ seconds: 0.3, renewEvery: 1000 }).lock(name, stranger('first'));
    await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
    await aborted(lock);
    // Its holder counts from before it was written, and others from when it was.
    const next = await vi.waitFor(() => open().lock(name, holder('second')), { timeout: 10_000 });
    // It is not the first one's any more.
    await lock.release();
    await expect(open().lock(name, holder('third'))).rejects.toThrow('second');
    await next.release();
  });
});

/** Those that are for many processes, or look so. */
const FOR_MANY = KINDS.filter(({ kind }) => kind !== 'folder');

describe.each(FOR_MANY)('a shared lock in: $kind', ({ open, steal }) => {
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
    await sleep(500);
    await expect(open().lock(name, holder('second'))).rejects.toThrow('first');
    expect(lock.lost.aborted).toBe(false);
    await lock.release();
    await open().releaseShared(name, 'run');
    const stolen = await open(QUICK).lock(name, holder('first'), shared);
    await steal(name);
    await open()
      .lock(name, holder('thief'), { sharedBy: 'other' })
      .catch(() => undefined);
    await aborted(stolen);
  });
});

describe('a ledger in a folder', () => {
  it.each(['', '{', '{"token": "x"}', 'null'])(
    'holds the lock of a file that says %j, until it is old',
    async (said) => {
      const name = `lock-${randomUUID()}`;
      const file = join(root, 'locks', `${name}.json`);
      await mkdir(join(root, 'locks'), { recursive: true });
      await writeFile(file, said);
      await expect(folderStore(root).lock(name, holder())).rejects.toThrow('another run');
      await utimes(file, new Date(), new Date(Date.now() - 61_000));
      await (await folderStore(root).lock(name, holder())).release();
      await expect(stat(file)).rejects.toThrow('ENOENT');
    },
  );

  it.each([-3_000_000, -120_000, 120_000, 3_000_000])(
    'judges the age of a lock by the times of its file system, where the clock of this machine is %d ms off',
    async (off) => {
      const name = `lock-${randomUUID()}`;
      const file = join(root, 'locks', `${name}.json`);
      const lock = await folderStore(root, { seconds: 60, renewEvery: 1000 }).lock(name, stranger('first'));
      const clock = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + off);
      try {
        await expect(folderStore(root).lock(name, holder('second'))).rejects.toThrow('first');
        await utimes(file, new Date(), new Date(performance.timeOrigin + performance.now() - 55_000));
        await expect(folderStore(root).lock(name, holder('third'))).rejects.toThrow('first');
        await utimes(file, new Date(), new Date(performance.timeOrigin + performance.now() - 65_000));
        await (await folderStore(root).lock(name, holder('fourth'))).release();
      } finally {
        clock.mockRestore();
      }
      await lock.release();
    },
  );

  it('gives a lock that has run out to one of many', async () => {
    for (let round = 0; round < 20; round++) {
      const name = `lock-${randomUUID()}`;
      const old = await folderStore(root, { seconds: 0, renewEvery: 1000 }).lock(name, stranger('old'));
      const asking = Array.from({ length: 10 }, (_, n) => folderStore(root).lock(name, holder(String(n))));
      await Promise.all([old, ...(await winners(asking, HeldError))].map((lock) => lock.release()));
    }
  });

  it('removes what killed processes have left, a day later', async () => {
    const leftovers = ['old', 'new'].map((name) => join(root, '.tmp', name));
    await mkdir(join(root, '.tmp'), { recursive: true });
    await Promise.all(leftovers.map((file) => writeFile(file, 'x')));
    await utimes(leftovers[0] ?? '', new Date(), new Date(Date.now() - 25 * 3_600_000));
    await (await folderStore(root).lock(`lock-${randomUUID()}`, holder())).release();
    expect(await readdir(join(root, '.tmp'))).toEqual(['new']);
    await rm(leftovers[1] ?? '');
  });

  it('leaves nothing behind', async () => {
    const folder = await mkdtemp(join(root, 'own-'));
    const store = folderStore(join(folder, 'deep', 'ledger'));
    await store.write('a/b/c', 'x');
    await expect(store.write('a/b/c', 'y', 'absent')).rejects.toThrow(ConflictError);
    await expect(store.write('a/b/c', breaking())).rejects.toThrow();
    await store.append('a/d', Buffer.from('x'), 0);
    await (await store.lock('all', holder())).release();
    await store.remove('a/b/c');
    expect(await readdir(join(folder, 'deep', 'ledger'), { recursive: true })).toEqual(['.tmp', 'a', 'locks', 'a/d']);
  });

  it('says what it cannot do', async () => {
    const file = join(root, randomUUID());
    await writeFile(file, '');
    const store = folderStore(file);
    await expect(store.read('a/b')).rejects.toThrow(
      `the ledger in ${file} cannot be read: a/b: ENOTDIR: not a directory`,
    );
    await expect(store.write('a/b', '')).rejects.toThrow(`the ledger in ${file} cannot be written: a/b: ENOTDIR`);
    await expect(store.append('a/b', Buffer.from('x'), 1)).rejects.toThrow('ENOTDIR');
    await expect(store.lock('a', holder())).rejects.toThrow('cannot be written: locks/a.json: ENOTDIR');
    await expect(all(store.list('a/'))).rejects.toThrow(LedgerError);
    await expect(store.read('a/b')).rejects.toHaveProperty('cause.code', 'ENOTDIR');
    const other = folderStore(root);
    const blocked = `${randomUUID()}/file`;
    await other.write(blocked, '');
    const within = other.write(`${blocked}/x`, '', 'absent');
    await expect(within).rejects.toThrow(LedgerError);
    await expect(within).rejects.not.toThrow(ConflictError);
  });

  it('says that it is read-only', async () => {
    const folder = await mkdtemp(join(root, 'own-'));
    await folderStore(folder).write('a/b', 'x');
    await chmod(folder, 0o555);
    await chmod(root, 0o755);
    await unprivileged(async () => {
      expect((await folderStore(folder).read('a/b'))?.text).toBe('x');
      await expect(folderStore(folder).write('c/d', '')).rejects.toThrow(/cannot be written: c\/d: EACCES: permission/);
    });
    await chmod(folder, 0o755);
  });
});

describe('a ledger in a storage account', () => {
  it('goes on where an answer was lost', async () => {
    const { connectionString, losing } = await losingAnswers();
    const store = blobStore({ connectionString }, SMALL);
    await store.write(`${randomUUID()}/x`, '');
    const path = `${randomUUID()}/run.json`;
    losing('PUT', 'run.json');
    const etag = await store.write(path, 'one', 'absent');
    losing('PUT', 'run.json');
    expect(await store.write(path, 'two', { etag })).toBe((await store.read(path))?.etag);
    losing('PUT', 'comp=blocklist');
    await store.write(`${path}.gz`, chunks('three'), 'absent');
    losing('PUT', 'journal');
    expect(await store.append(`${path}/journal`, Buffer.from('four'), 0)).toBe(4);
    losing('PUT', 'comp=appendblock');
    expect(await store.append(`${path}/journal`, Buffer.from('five'), 4)).toBe(8);
    losing('GET', 'journal');
    expect((await store.read(`${path}/journal`))?.text).toBe('fourfive');
    losing('DELETE', 'journal');
    await store.remove(`${path}/journal`);
    losing('PUT', 'comp=lease');
    const lock = await store.lock(`lock-${randomUUID()}`, holder());
    await lock.release();
    expect(losing()).toBe(8);
  });

  it('does not take the same content of somebody else for its own', async () => {
    const store = blobStore({ connectionString: azurite.connectionString });
    const path = `${randomUUID()}/journal`;
    await store.append(path, Buffer.from('same'), 0);
    await store.append(path, Buffer.from('same'), 4);
    await expect(store.append(path, Buffer.from('same'), 4)).rejects.toThrow(ConflictError);
  });

  it('says quickly that nobody answers, and no secret', async () => {
    const key = Buffer.from('a secret').toString('base64');
    const at = 'BlobEndpoint=http://127.0.0.1:1/account';
    const store = blobStore({ connectionString: `AccountName=account;AccountKey=${key};${at}` });
    const failed = await failure(store.read('a/b'));
    expect(failed.message).toBe(
      'the ledger in 127.0.0.1:1/account/retention-runs cannot be read: a/b: connect ECONNREFUSED 127.0.0.1:1',
    );
    const wrong = blobStore({ connectionString: azurite.connectionString.replace(azurite.key, key) });
    const refused = await failure(wrong.write('a/b', ''));
    expect(refused).not.toBeInstanceOf(ConflictError);
    expect(refused.message).toMatch(/cannot be written: a\/b: 403 \w+: Server failed to authenticate/);
    for (const { message, cause } of [failed, refused]) expect(message + String(cause)).not.toContain(key);
  });

  it.each([
    ['', 'no AccountName'],
    ['secret', 'no AccountName'],
    ['AccountName=a;AccountKy=secret', 'neither AccountKey nor SharedAccessSignature'],
    ['AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=secret', 'no usable BlobEndpoint'],
    ['AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=https://a/?sig=secret', 'no usable BlobEndpoint'],
    ['AccountName=a b;AccountKey=c2VjcmV0', 'no usable BlobEndpoint'],
  ])('refuses the connection string %j without repeating it', (connectionString, problem) => {
    const opening = (): unknown => blobStore({ connectionString });
    expect(opening).toThrow(LedgerError);
    expect(opening).toThrow(problem);
    expect(opening).not.toThrow(/secret|c2VjcmV0/);
  });

  it.each(['http://a.blob.core.windows.net', 'a.blob.core.windows.net', 'https://a/?sig=secret', ''])(
    'refuses the address %j',
    (accountUrl) => {
      expect(() => blobStore({ accountUrl })).toThrow(LedgerError);
      expect(() => blobStore({ accountUrl })).not.toThrow('secret');
    },
  );

  it.each([
    [
      {
        connectionString:
          'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2Vj==;EndpointSuffix=core.windows.net',
      },
    ],
    [{ connectionString: 'AccountName=a;AccountKey=c2Vj' }],
    [{ connectionString: 'BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=secret' }],
    [{ accountUrl: 'https://a.blob.core.windows.net/' }],
  ])('has a place without secrets: %j', (location) => {
    expect(blobStore(location).place).toBe('a.blob.core.windows.net/retention-runs');
  });

  it('is reached with an identity', async () => {
    const secured = await startAzurite({ oauth: true });
    onTestFinished(() => secured.close());
    const { url: accountUrl, certificate } = secured;
    const claims = {
      nbf: 0,
      iat: 0,
      exp: 4e9,
      iss: 'https://sts.windows.net/tests/',
      aud: 'https://storage.azure.com',
    };
    const token = [{ alg: 'none', typ: 'JWT' }, claims, {}]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const asked: unknown[] = [];
    const store = blobStore({
      accountUrl,
      certificate,
      credential: {
        getToken(scopes) {
          asked.push(scopes);
          return Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
        },
      },
    });
    await store.append('runs/x/journal', Buffer.from('x'), 0);
    expect(await all(store.list('runs/'))).toEqual(['runs/x/journal']);
    await (await store.lock('all', holder())).release();
    expect(asked).toContainEqual(['https://storage.azure.com/.default']);
    const unavailable = Object.assign(new Error('no identity\nfound'), { name: 'CredentialUnavailableError' });
    const nobody = { getToken: () => Promise.reject(unavailable) };
    const denied = await failure(blobStore({ accountUrl, certificate, credential: nobody }).read('a/b'));
    expect(denied.message).toMatch(/cannot be read: a\/b: no identity$/);
  });
});

describe('a lock', () => {
  it('is lost when it could not be renewed until it must have run out', async () => {
    let asked = 0;
    const renew = (): Promise<boolean> => {
      asked += 1;
      return Promise.reject(new Error('no answer'));
    };
    const lease = { renew, release: () => Promise.reject(new Error('no answer')) };
    const lock = keepRenewed('it', lease, Date.now() + 300, { seconds: 0.3, renewEvery: 0.05 }, systemClock);
    await aborted(lock);
    expect(asked).toBeGreaterThan(1);
    await lock.release();
  });
});

function holder(runId = 'run'): Holder {
  const identity = processIdentity(process.pid);
  const since = '2026-11-24T01:00:00.000Z';
  const known = identity === undefined ? {} : { process: identity };
  return { runId, startedBy: 'schedule', host: hostname(), pid: process.pid, since, ...known };
}

/** One of whom nobody here knows whether it has ended. */
function stranger(runId: string): Holder {
  return { runId, startedBy: 'schedule', host: 'elsewhere', pid: 1, since: '2026-11-24T01:00:00.000Z' };
}

function lockFile(token: string): unknown {
  return { holder: holder('thief'), token, expires: new Date(Date.now() + 60_000).toISOString() };
}

function source(name: string): string {
  return JSON.stringify(new URL(`../../src/ledger/store/${name}.ts`, import.meta.url).href);
}

/** Those that succeed; of the others, all must have lost against them. */
async function winners<T>(doing: readonly Promise<T>[], error: typeof LedgerError | typeof HeldError = ConflictError) {
  const settled = await Promise.allSettled(doing);
  const won = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const one of settled) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(error);
  expect(won).toHaveLength(1);
  return won;
}

async function aborted({ lost }: Lock): Promise<void> {
  // The lock's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1000);
  if (!lost.aborted) await once(lost, 'abort');
  clearInterval(alive);
}

async function failure(doing: Promise<unknown>): Promise<Error> {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LedgerError);
  return error as Error;
}

/** Also what is thrown before there is a promise. */
async function attempting<T>(act: () => Promise<T>): Promise<T> {
  return act();
}

async function streamed(store: Store, path: string): Promise<string | undefined> {
  const stream = await store.stream(path);
  return stream && text(stream);
}

function chunks(content: string): AsyncIterable<Uint8Array> {
  return Readable.from([Buffer.from(content)]);
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(3 * 1024 * 1024);
  throw new Error('broken off');
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* large(size: number, hash: { update: (bytes: Uint8Array) => unknown }): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < size;) {
    const piece = Buffer.alloc(Math.min(size - sent, 700_001), String(sent));
    hash.update(piece);
    yield piece;
    sent += piece.length;
  }
}

/** Takes a lock in a process of its own; gives back what ends it. */
async function lockElsewhere(store: string, name: string, stays: boolean): Promise<() => Promise<void>> {
  const code = `
    const { processIdentity } = await import(${source('system')});
    const store = ${store};
    const holder = { ...${JSON.stringify(holder('elsewhere'))}, pid: process.pid, process: processIdentity(process.pid) };
    await store.lock(${JSON.stringify(name)}, holder);
    console.log('locked');
    ${stays ? 'setInterval(() => {}, 1000);' : ''}`;
  const args = ['--experimental-strip-types', '--no-warnings', '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  await Promise.race([once(child.stdout, 'data'), exit.then(() => Promise.reject(new Error('it has not locked')))]);
  return async () => {
    if (stays) child.kill('SIGKILL');
    await exit;
  };
}

/** Does something as a user whom a folder may refuse to write: the tests may be run by root. */
async function unprivileged(act: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65534);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}

/** A way to Azurite on which an answer is lost now and then, after it was carried out. */
async function losingAnswers() {
  let lose: readonly [method: string, part: string] | undefined;
  let lost = 0;
  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    const outgoing = request(new URL(url, azurite.url), { method, headers }, (answer) => {
      void buffer(answer).then((body) => {
        if (lose?.[0] === method && url.includes(lose[1])) {
          lose = undefined;
          lost += 1;
          response.destroy();
        } else response.writeHead(answer.statusCode ?? 0, answer.rawHeaders).end(body);
      });
    });
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    connectionString: azurite.connectionString.replace(new URL(azurite.url).host, here),
    /** The next answer to such a request is lost. Gives back how many were. */
    losing: (method?: string, part = ''): number => {
      if (method !== undefined) lose = [method, part];
      return lost;
    },
  };
}
