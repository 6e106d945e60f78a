import { type FileHandle, readdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { constants, createReadStream, type Dirent } from 'node:fs';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { dirname, join, resolve } from 'node:path';
import { create, errno, etagOf, inTurn, isThere, prepare, removeEmpty, replace, sweep } from './folder-files.ts';
import { takeLock } from './folder-lock.ts';
import { keepRenewed, LOCK_TIMES, type LockTimes } from './lease.ts';
import { realSystem, type System } from './system.ts';
import {
  checkLockName,
  checkPath,
  checkPrefix,
  checkSize,
  type Condition,
  ConflictError,
  type Content,
  type Kept,
  LedgerError,
  type Store,
} from './store.ts';

const CHUNK_BYTES = 256 * 1024;

/** How long a comparison of etags may take, in milliseconds: much shorter than a lock lasts. */
const RECENT_MS = 5_000;

const MAX_COMPARISONS = 3;

/**
 * A ledger in a folder, which need not exist yet.
 *
 * Files take their place whole, by a rename or a link. Of many writers in one process with the same condition exactly one
 * succeeds; of many processes, too, where the condition is `absent`. Where it is an etag, a second process may write
 * between the comparison and the rename: the lock of the registry keeps other processes from trying.
 */
export function folderStore(
  folder: string,
  times: LockTimes = LOCK_TIMES,
  system: System = realSystem,
  kept: Kept = 'ledger',
): Store {
  const root = resolve(folder);
  const conflict = (path: string, why: string): ConflictError =>
    new ConflictError(`the ${kept} in ${folder} is written by another process: ${path} ${why}`);

  /** Does something with a file, and says what could not be done where the system refuses. */
  const doing = async <T>(what: 'read' | 'written', path: string, act: (file: string) => Promise<T>): Promise<T> => {
    checkPath(path);
    try {
      return await act(join(root, path));
    } catch (error) {
      throw failure({ folder, kept }, what, path, error);
    }
  };

  const write = async (path: string, file: string, content: Content, condition?: Condition): Promise<string> => {
    const { file: prepared, etag } = await prepare(root, content);
    try {
      if (condition === 'absent') await create(prepared, file);
      else {
        await inTurn(system, file, async () => {
          if (condition && 'etag' in condition) await compare(path, file, condition.etag);
          if (condition && 'check' in condition) condition.check();
          await replace(prepared, file);
        });
      }
      return etag;
    } catch (error) {
      await unlink(prepared).catch(() => undefined);
      throw isThere(error) ? conflict(path, 'is there already') : error;
    }
  };

  /** @returns while the comparison is recent: a process may stand still, and another one write meanwhile */
  const compare = async (path: string, file: string, etag: string): Promise<void> => {
    for (let tries = 0; tries < MAX_COMPARISONS; tries += 1) {
      const begun = system.clock.ticks();
      if ((await etagOf(file)) !== etag) throw conflict(path, 'has changed');
      if (system.clock.ticks() - begun <= RECENT_MS) return;
    }
    throw new LedgerError(`the ${kept} in ${folder} cannot be written: ${path}: the file system is too slow`);
  };

  const append = async (path: string, file: string, bytes: Uint8Array, length: number): Promise<number> => {
    if (bytes.length === 0) return length;
    // At its beginning like a file that is written: it appears with its first bytes, and only once.
    if (length === 0) await write(path, file, once(bytes), 'absent');
    else await inTurn(system, file, () => appendTo(path, file, bytes, length));
    return length + bytes.length;
  };

  const checkLength = async (path: string, handle: FileHandle, length: number): Promise<void> => {
    const { size } = await handle.stat();
    if (size !== length) throw conflict(path, `has ${size} bytes, not ${length}`);
  };

  const appendTo = async (path: string, file: string, bytes: Uint8Array, length: number): Promise<void> => {
    const opened = (flags: number): Promise<FileHandle> =>
      open(file, flags).catch((error: unknown) => {
        throw errno(error) === 'ENOENT' ? conflict(path, 'is gone') : error;
      });
    const handle = await opened(constants.O_RDWR | constants.O_APPEND);
    try {
      await checkLength(path, handle, length);
      try {
        await handle.writeFile(bytes);
        await handle.datasync();
      } catch (error) {
        // A full disk, say: removes the part that was written, where that is possible.
        await takeBack(handle, bytes, length).catch(() => undefined);
        throw error;
      }
    } finally {
      await handle.close();
    }
    // This process may have stood still since it looked, and another one may have added to the file or removed it.
    const now = await opened(constants.O_RDONLY);
    try {
      await checkLength(path, now, length + bytes.length);
    } finally {
      await now.close();
    }
  };

  return {
    place: folder,
    system,
    read: (path) =>
      doing('read', path, async (file) => {
        if (!(await isFile(file))) return undefined;
        checkSize(folder, path, (await stat(file)).size, kept);
        const bytes = await readFile(file);
        return { text: bytes.toString(), etag: createHash('sha256').update(bytes).digest('hex') };
      }),
    size: (path) => doing('read', path, async (file) => ((await isFile(file)) ? (await stat(file)).size : undefined)),
    stream: (path) =>
      doing('read', path, async (file) =>
        (await isFile(file)) ? Readable.from(pieces({ folder, kept }, path, file), { objectMode: false }) : undefined,
      ),
    write: (path, content, condition) => doing('written', path, (file) => write(path, file, content, condition)),
    append: (path, bytes, length) => doing('written', path, (file) => append(path, file, bytes, length)),
    remove: (path) =>
      doing('written', path, async (file) => {
        await unlink(file).catch((error: unknown) => {
          if (errno(error) !== 'ENOENT') throw error;
        });
        await removeEmpty(dirname(file), root);
      }),
    async *list(prefix) {
      for await (const [path, entry] of entriesOf({ folder, kept }, root, prefix, true)) if (entry.isFile()) yield path;
    },
    async *folders(prefix) {
      for await (const [, entry] of entriesOf({ folder, kept }, root, prefix, false))
        if (entry.isDirectory()) yield entry.name;
    },
    async lock(name, holder) {
      checkLockName(name);
      await sweep(root, system.clock);
      const what = `the registry's ledger (${name} in ${folder})`;
      const askedAt = system.clock.ticks();
      const until = system.clock.now() + times.seconds * 1000;
      const lease = await doing('written', `locks/${name}.json`, (file) =>
        takeLock({ root, file, what, holder, seconds: times.seconds, system }, new Date(until)),
      );
      return keepRenewed(what, lease, askedAt, times, system.clock);
    },
    // One process holds it, for all workers that share it there, and has released it.
    releaseShared: () => Promise.resolve(),
  };
}

/** Removes the part that was written of some bytes, but never what another process has added meanwhile. */
async function takeBack(handle: FileHandle, bytes: Uint8Array, length: number): Promise<void> {
  const part = (await handle.stat()).size - length;
  if (part <= 0 || part > bytes.length) return;
  const written = Buffer.alloc(part);
  await handle.read(written, 0, part, length);
  if (written.equals(bytes.subarray(0, part))) await handle.truncate(length);
}

interface Place {
  readonly folder: string;
  readonly kept: Kept;
}

function failure({ folder, kept }: Place, what: 'read' | 'written', path: string, error: unknown): unknown {
  if (error instanceof LedgerError || errno(error) === undefined) return error;
  // `ENOSPC: no space left on device, write '/…'`: the path is in the message already.
  const why = (error as Error).message.replace(/, \w+( '.*)?$/s, '');
  return new LedgerError(`the ${kept} in ${folder} cannot be ${what}: ${path}: ${why}`, { cause: error });
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (errno(error) === 'ENOENT') return false;
    throw error;
  }
}

async function* pieces(place: Place, path: string, file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of createReadStream(file, { highWaterMark: CHUNK_BYTES })) yield piece as Uint8Array;
  } catch (error) {
    throw failure(place, 'read', path, error);
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What is below a folder, in the order of whole paths: `a-b/x` stands before `a/x`, as `-` stands before `/`. */
async function* entriesOf(
  place: Place,
  root: string,
  prefix: string,
  deep: boolean,
): AsyncGenerator<readonly [string, Dirent]> {
  checkPrefix(prefix);
  const key = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, prefix), { withFileTypes: true });
  } catch (error) {
    // Not made yet, or removed since it was listed.
    if (errno(error) === 'ENOENT') return;
    throw failure(place, 'read', prefix, error);
  }
  for (const entry of entries.sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
    yield [prefix + entry.name, entry];
    if (deep && entry.isDirectory()) yield* entriesOf(place, root, `${prefix}${entry.name}/`, deep);
  }
}
