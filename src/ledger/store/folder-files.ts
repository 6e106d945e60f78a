import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../registry/clock.ts';
import { type Content, SCRATCH } from './store.ts';
import type { System } from './system.ts';

/** File systems that have no hard links say so in many ways (SMB, exFAT, some of FUSE). */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** The process that wrote a file which is older than this has ended. */
const LEFTOVER_MS = 24 * 3_600_000;

/** How often a folder is made again that another process removed because it was empty. */
const TRIES = 100;

export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** `create` found something in its place; not: a file where there should be a folder. */
export function isThere(error: unknown): boolean {
  return errno(error) === 'EEXIST' && (error as NodeJS.ErrnoException).syscall !== 'mkdir';
}

/** A name for a file that is not finished. All are in one folder, so that leftovers are found without a search. */
function scratchPath(root: string): string {
  return join(root, SCRATCH, randomUUID());
}

/** Writes content durably to a file that is not in its place yet. */
export async function prepare(
  root: string,
  content: Content,
): Promise<{ readonly file: string; readonly etag: string }> {
  const file = scratchPath(root);
  const hash = createHash('sha256');
  await makeFolder(dirname(file));
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(hashing(content, hash));
    await handle.datasync();
  } catch (error) {
    await unlink(file).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  return { file, etag: hash.digest('hex') };
}

async function* hashing(
  content: Content,
  hash: { update: (bytes: Uint8Array) => unknown },
): AsyncGenerator<Uint8Array> {
  for await (const bytes of typeof content === 'string' ? [Buffer.from(content)] : content) {
    hash.update(bytes);
    yield bytes;
  }
}

/** The etag of a file as it is: that of its content. */
export async function etagOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of createReadStream(file)) hash.update(bytes as Uint8Array);
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

/** Moves a prepared file to its place, over what is there. */
export async function replace(prepared: string, target: string): Promise<void> {
  // At once, where the caller has just looked at what is there: each step between is time for another process.
  await rename(prepared, target).catch(async (error: unknown) => {
    if (!isRemoved(error)) throw error;
    await inFolder(target, () => rename(prepared, target));
  });
  await syncFolder(dirname(target));
}

/** Moves a prepared file to its place; throws EEXIST, and changes nothing, where there is something already. */
export async function create(prepared: string, target: string): Promise<void> {
  await inFolder(target, async () => {
    try {
      await link(prepared, target);
    } catch (error) {
      if (!NO_LINKS.has(errno(error))) throw error;
      // Only one of many succeeds here, too; but a process that is killed leaves a part of the file.
      await copyFile(prepared, target, constants.COPYFILE_EXCL);
    }
  });
  await unlink(prepared);
  await syncFolder(dirname(target));
}

/** Removes folders that became empty, from `folder` upwards, but not `root`. */
export async function removeEmpty(folder: string, root: string): Promise<void> {
  try {
    for (let empty = folder; empty !== root; empty = dirname(empty)) await rmdir(empty);
  } catch {
    // Not empty, or removed by another process.
  }
}

/** Removes the files of processes that were killed while they wrote. */
export async function sweep(root: string, clock: Clock): Promise<void> {
  try {
    for (const name of await readdir(join(root, SCRATCH))) {
      const file = join(root, SCRATCH, name);
      if ((await stat(file)).mtimeMs < clock.now() - LEFTOVER_MS) await unlink(file);
    }
  } catch {
    // There is none, or another process removes the same: the next lock tries again.
  }
}

async function inFolder(target: string, act: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      // In the loop: while the folder is made, another process may remove those above it.
      await makeFolder(dirname(target));
      await act();
      return;
    } catch (error) {
      if (!isRemoved(error) || tries === TRIES) throw error;
    }
  }
}

/** A folder was removed while it was used. Node says that one is none which is removed right while it makes what is in it. */
function isRemoved(error: unknown): boolean {
  const code = errno(error);
  return code === 'ENOENT' || (code === 'ENOTDIR' && (error as NodeJS.ErrnoException).syscall === 'mkdir');
}

/** Makes a folder with all above it; they are durable like what is in them. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes the names of files durable. Windows cannot, and need not. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Some file systems refuse it. The content of the file is durable all the same.
  }
}

/** The last of those that wait, for each process and each of its files. */
const turns = new WeakMap<System, Map<string, Promise<unknown>>>();

/** Does one thing at a time with the same file, of all that a process does with it. */
export async function inTurn<T>(process: System, file: string, act: () => Promise<T>): Promise<T> {
  const own = turns.get(process) ?? new Map<string, Promise<unknown>>();
  turns.set(process, own);
  const turn = (own.get(file) ?? Promise.resolve()).then(act);
  const settled = turn.catch(() => undefined);
  own.set(file, settled);
  try {
    return await turn;
  } finally {
    if (own.get(file) === settled) own.delete(file);
  }
}
