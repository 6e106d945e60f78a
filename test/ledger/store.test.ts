import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type BlobLocation, blobStore, CONTAINER } from '../../src/ledger/store/blob.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { keepRenewed } from '../../src/ledger/store/lease.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { processIdentity, realSystem } from '../../src/ledger/store/system.ts';
import { ConflictError, HeldError, type Holder, LedgerError } from '../../src/ledger/store/store.ts';
import { all } from '../dev/emulator/support.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { describeStore, SMALL, type StoreKind } from './contract.ts';
import { describeLock, describeSharedLock } from './contract-locks.ts';
import { aborted, breaking, chunks, winners } from './support.ts';

let azurite: Azurite;
let root: string;
beforeAll(async () => {
  [azurite, root] = await Promise.all([startAzurite(), mkdtemp(join(tmpdir(), 'ledger-'))]);
});
afterAll(() => Promise.all([azurite.close(), rm(root, { recursive: true, force: true })]));

const memory = newMemory();
const ended = processIdentity(process.pid)?.replace(/\d+$/, '0');

interface Kind extends StoreKind {
  /** An expression that opens the store in another process; absent: none sees it. */
  readonly elsewhere?: () => string;
}

const KINDS: readonly Kind[] = [
  {
    kind: 'folder',
    ended,
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
    ended,
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
    ended,
    open: (lock) => memoryStore(memory, lock),
    steal(name) {
      memory.locks.set(name, { id: 'another', holder: holder('thief'), until: Date.now() + 60_000 });
      return Promise.resolve();
    },
  },
];

/** Those whose locks may be as short as a test wants them: a lease of Blob Storage is for 15 seconds at least. */
const WITH_SHORT_LOCKS = KINDS.filter(({ kind }) => kind !== 'blob');

for (const kind of KINDS) {
  describeStore(kind);
  describeLock(kind);
}

describe.each(KINDS)('a lock in: $kind', ({ open, elsewhere }) => {
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
    const lock = await open({ seconds: 2, renewEvery: 1000 }).lock(name, stranger('first'));
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

for (const kind of KINDS.filter(({ kind: name }) => name !== 'folder')) describeSharedLock(kind);

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
      const old = await folderStore(root).lock(name, stranger('old'));
      const then = new Date(Date.now() - 61_000);
      await utimes(join(root, 'locks', `${name}.json`), then, then);
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
    const lock = keepRenewed('it', lease, systemClock.ticks(), { seconds: 2, renewEvery: 0.05 }, systemClock);
    await aborted(lock);
    expect(asked).toBeGreaterThan(1);
    await lock.release();
  });

  it('is held no longer because the clock is set back while it is taken', async () => {
    let asked = 0;
    const clock = { ...systemClock, now: () => Date.now() - (asked++ === 0 ? 0 : 3_600_000) };
    const store = folderStore(
      await mkdtemp(join(root, 'own-')),
      // Long enough to be taken on a machine that is busy.
      { seconds: 5, renewEvery: 60 },
      { ...realSystem, clock },
    );
    const lock = await store.lock('registry', holder());
    await aborted(lock);
    expect(lock.isHeld()).toBe(false);
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

async function failure(doing: Promise<unknown>): Promise<Error> {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LedgerError);
  return error as Error;
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

it('compares an etag again where the process stood still since: another one may have written', async () => {
  const folder = await mkdtemp(join(root, 'still-'));
  const file = join(folder, 'runs', 'run.json');
  let stands = false;
  let ticks = 0;
  const clock = {
    ...systemClock,
    ticks() {
      // Between the comparison and what comes after it.
      if (stands && (ticks += 60_000) > 60_000) writeFileSync(file, 'of another process');
      return ticks;
    },
  };
  const store = folderStore(folder, undefined, { ...realSystem, clock });
  const etag = await store.write('runs/run.json', 'first');
  stands = true;
  await expect(store.write('runs/run.json', 'second', { etag })).rejects.toThrow(ConflictError);
  expect(readFileSync(file, 'utf8')).toBe('of another process');
});
