import { appendFile, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import type * as FileSystem from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { LOCK_TIMES } from '../../src/ledger/store/lease.ts';
import { ConflictError, HeldError, type Holder, type Lock } from '../../src/ledger/store/store.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { processIdentity, realSystem, type System } from '../../src/ledger/store/system.ts';

/** A call of the system that fails: `open r+`, `unlink`, `datasync`; those to come, counted. */
interface Fault {
  readonly call: string;
  /** What the path holds, in case of a name. */
  readonly of?: string;
  /** Absent: an I/O error. */
  readonly code?: string;
  times: number;
}

interface Faults {
  next: Fault | undefined;
  /** Is done right before something is added to a file. */
  beforeAppend: (file: string) => Promise<void>;
  /** Is done right after a file has got its place: the process stands still. */
  afterLink: (file: string) => Promise<void>;
  /** The same after a file has been read. */
  afterLook: () => Promise<void>;
}

const faults = vi.hoisted((): Faults => {
  const nothing = (): Promise<void> => Promise.resolve();
  return { next: undefined, beforeAppend: nothing, afterLink: nothing, afterLook: nothing };
});

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FileSystem>();
  const check = (call: string, path = ''): void => {
    const { next } = faults;
    if (!next || next.times === 0 || next.call !== call || !path.includes(next.of ?? '')) return;
    next.times -= 1;
    const { code = 'EIO' } = next;
    throw Object.assign(new Error(`${code}: it failed, ${call}`), { code, syscall: call });
  };
  return {
    ...real,
    async open(...[path, flags, mode]: Parameters<typeof real.open>) {
      check(`open ${String(flags)}`, String(path));
      const handle = await real.open(path, flags, mode);
      const datasync = handle.datasync.bind(handle);
      handle.datasync = async () => {
        check('datasync', String(path));
        await datasync();
      };
      const read = handle.readFile.bind(handle) as (encoding: 'utf8') => Promise<string>;
      if (flags === 'r')
        Object.assign(handle, {
          async readFile(encoding: 'utf8') {
            const text = await read(encoding);
            await faults.afterLook();
            return text;
          },
        });
      const write = handle.writeFile.bind(handle);
      handle.writeFile = async (data) => {
        if (typeof flags === 'number') await faults.beforeAppend(String(path));
        await write(data);
      };
      return handle;
    },
    async link(from: string, to: string) {
      await real.link(from, to);
      await faults.afterLink(to);
    },
    async mkdir(path: string, options: { recursive: true }) {
      check('mkdir', path);
      return real.mkdir(path, options);
    },
    async unlink(path: string) {
      check('unlink', path);
      await real.unlink(path);
    },
  };
});

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ledger-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(() => {
  faults.next = undefined;
  faults.beforeAppend = faults.afterLink = faults.afterLook = () => Promise.resolve();
});

const holder = (runId: string): Holder => ({
  ...{ runId, startedBy: 'test', since: '2026-11-24T01:00:00.000Z' },
  ...realSystem.self(),
});

/** Another process of this machine. */
const other: System = { ...realSystem, self: () => ({ ...realSystem.self(), process: 'another' }) };

const take = (name: string, system = realSystem): Promise<Lock> =>
  folderStore(root, LOCK_TIMES, system).lock(name, holder('next'));

/** A lock lasts a minute. */
async function aMinutePasses(name: string): Promise<void> {
  const then = new Date(Date.now() - 61_000);
  await utimes(join(root, 'locks', `${name}.json`), then, then);
}

/** Where it is not known which processes run, every lock runs out. */
const knowsProcesses = processIdentity(process.pid) !== undefined;

describe.runIf(knowsProcesses)('a lock in a folder whose system fails', () => {
  it.each([
    ['its file could not be opened', { call: 'open r+', times: 1 }],
    ['the file that it was prepared in could not be removed', { call: 'unlink', of: '.tmp', times: 1 }],
  ])('runs out where %s, for every process', async (_, fault: Fault) => {
    const name = fault.call.replace(/\W+/g, '-');
    faults.next = { ...fault };
    await expect(take(name)).rejects.toThrow('EIO');
    await expect(take(name, other)).rejects.toThrow(HeldError);
    await aMinutePasses(name);
    await (await take(name, other)).release();
  });

  it('runs out for its own process where its file cannot even be written', async () => {
    faults.next = { call: 'open r+', times: Infinity };
    await expect(take('taking')).rejects.toThrow('EIO');
    faults.next = undefined;
    await expect(take('taking')).rejects.toThrow(HeldError);
    await aMinutePasses('taking');
    // Its process runs: another one cannot know that it does not hold it.
    await expect(take('taking', other)).rejects.toThrow(HeldError);
    await (await take('taking')).release();
  });

  it.each(['datasync', 'open r', 'unlink'])('is released where %s fails once', async (call) => {
    const name = `release-${call.replace(/\W+/g, '-')}`;
    const lock = await take(name);
    faults.next = { call, of: name, times: 1 };
    await lock.release();
    expect(faults.next.times).toBe(0);
    await (await take(name, other)).release();
  });

  it('runs out where it cannot be removed', async () => {
    const lock = await take('removing');
    faults.next = { call: 'unlink', of: 'removing', times: 2 };
    await lock.release();
    await expect(take('removing')).rejects.toThrow(HeldError);
    await aMinutePasses('removing');
    await (await take('removing', other)).release();
  });

  it('does not run out while its process holds it, however old its file is', async () => {
    const lock = await take('held');
    await aMinutePasses('held');
    for (const system of [realSystem, other]) await expect(take('held', system)).rejects.toThrow(HeldError);
    await lock.release();
  });
});

describe('a lock in a folder that it takes long to take', () => {
  it('is not taken where another process has taken it over meanwhile, which keeps it', async () => {
    const file = join(root, 'locks', 'slow.json');
    const thief = JSON.stringify({
      holder: { ...holder('thief'), host: 'elsewhere', process: 'thief' },
      token: 'thief',
    });
    faults.afterLink = async () => {
      await writeFile(`${file}.new`, thief);
      await rename(`${file}.new`, file);
    };
    await expect(take('slow')).rejects.toThrow('in use by the run thief');
    expect(await readFile(file, 'utf8')).toBe(thief);
  });

  it('is not taken where it has run out before, and runs out for all', async () => {
    let late = 0;
    const slow: System = { ...realSystem, clock: { ...systemClock, ticks: () => systemClock.ticks() + late } };
    faults.afterLink = () => {
      late = 60_000;
      return Promise.resolve();
    };
    await expect(take('late', slow)).rejects.toThrow('it took more than 60 seconds');
    await expect(take('late')).rejects.toThrow(HeldError);
    await aMinutePasses('late');
    await (await take('late')).release();
  });
});

describe('a lock in a folder that it takes long to release', () => {
  it('leaves that of a process that has taken it over meanwhile', async () => {
    const file = join(root, 'locks', 'releasing.json');
    let late = 0;
    const slow: System = { ...realSystem, clock: { ...systemClock, ticks: () => systemClock.ticks() + late } };
    const lock = await take('releasing', slow);
    faults.afterLook = async () => {
      faults.afterLook = () => Promise.resolve();
      late = 61_000;
      await writeFile(`${file}.new`, 'of a thief');
      await rename(`${file}.new`, file);
    };
    await lock.release();
    expect(await readFile(file, 'utf8')).toBe('of a thief');
  });
});

describe('a folder that is removed while a file in it is begun', () => {
  // A folder was there, and was removed before Node looked at it.
  it.each(['ENOENT', 'ENOTDIR'])('is made again where Node says %s', async (code) => {
    const path = `removed/${code}/file`;
    faults.next = { call: 'mkdir', of: code, code, times: 3 };
    await folderStore(root).write(path, 'one');
    expect((await folderStore(root).read(path))?.text).toBe('one');
  });
});

describe('what is added to a file in a folder', () => {
  /** Adds a line behind `one`; gives back how it ended, and what the file is then. */
  async function added(path: string): Promise<readonly [unknown, string | undefined]> {
    const store = folderStore(root);
    await store.append(path, Buffer.from('one\n'), 0);
    const end: unknown = await store.append(path, Buffer.from('late\n'), 4).catch((error: unknown) => error);
    return [end, (await store.read(path))?.text];
  }

  it.each([
    ['whole', 'late\n'],
    ['in part', 'la'],
  ])('is taken back where the system failed after it was written %s', async (how, part) => {
    faults.beforeAppend = async (file) => {
      await appendFile(file, part);
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    const [end, text] = await added(`written/${how.replace(' ', '-')}`);
    expect(String(end)).toContain('ENOSPC');
    expect(text).toBe('one\n');
  });

  // The process stands still after it has looked at the file, for longer than its lock lasts.
  it.each(['two\n', 'another\n'])('does not cut off %j, which another process has added meanwhile', async (line) => {
    faults.beforeAppend = async (file) => {
      await appendFile(file, line);
      throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
    };
    const [end, text] = await added(`cut/${line.trim()}`);
    expect(String(end)).toContain('EIO');
    expect(text).toBe(`one\n${line}`);
  });

  it('is no success behind what another process has added meanwhile', async () => {
    faults.beforeAppend = (file) => appendFile(file, 'two\n');
    const [end, text] = await added('late/behind');
    expect(end).toBeInstanceOf(ConflictError);
    expect(text).toMatch(/^one\ntwo\n/);
  });

  it('is no success in a file that another process has removed meanwhile', async () => {
    faults.beforeAppend = (file) => rm(file);
    const [end, text] = await added('late/gone');
    expect(end).toBeInstanceOf(ConflictError);
    expect(text).toBeUndefined();
  });
});
