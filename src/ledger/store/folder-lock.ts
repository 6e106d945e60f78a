import { createHash, randomUUID } from 'node:crypto';
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { create, errno, isThere, prepare } from './folder-files.ts';
import { type Grip, parseHolder } from './lease.ts';
import { stateOf } from './process.ts';
import { HeldError, type Holder } from './store.ts';
import { SCRATCH } from './store-path.ts';

export interface LockRequest {
  readonly root: string;
  readonly file: string;
  /** What is locked, for people. */
  readonly what: string;
  readonly holder: Holder;
  readonly seconds: number;
}

/** A lock file as it was found. */
interface Found {
  /** Tells this taking of the lock from every other one. */
  readonly key: string;
  readonly holder?: Holder;
  /** It has run out, or its holder has ended. */
  readonly stale: boolean;
}

/** No lock is held without being renewed for longer than this. */
const FARTHEST_MS = 3_600_000;

/** Some file systems keep times in steps of two seconds (FAT), and some of one. */
const COARSE_MS = 2_000;

/** How often a lock is tried to be taken that came and went meanwhile. */
const TRIES = 20;

/**
 * Takes a lock: a file that is there while it is held, and says by whom. It runs out where its file has not been written
 * for so long. How long that is ago is told by another file that is written now: both times are those of the file
 * system, because the clocks of two machines that share a folder may differ by minutes.
 *
 * The holder renews it through the file that it has opened, never by its name, so it cannot overwrite the lock of
 * somebody who has taken over; and it looks whether the file is still in its place AFTER it has renewed it.
 */
export async function takeLock(request: LockRequest, until: Date): Promise<Grip> {
  const { root, file, what, seconds } = request;
  const token = randomUUID();
  for (let tries = 1; ; tries++) {
    const { file: prepared } = await prepare(root, textOf(request, token, until));
    try {
      const now = (await stat(prepared)).mtimeMs;
      if (await isFirst(prepared, file)) return gripOf(await open(file, 'r+'), request, token);
      const found = await look(file, seconds, now);
      if (found?.stale === false || tries === TRIES) throw new HeldError(what, found?.holder);
      const handle = found && (await takeOver(request, prepared, found.key, now));
      if (handle) return gripOf(handle, request, token);
    } finally {
      await unlink(prepared).catch(() => undefined);
    }
  }
}

/**
 * Takes over a stale lock. Many may want to, but only one may: whoever is the first to claim what is found there. The
 * claim is a lock file itself, so that it can take the place of the stale one in one step, and is stale, too, once who
 * made it has ended: then there may be another claim.
 */
async function takeOver(
  request: LockRequest,
  prepared: string,
  key: string,
  now: number,
): Promise<FileHandle | undefined> {
  const { root, what, seconds } = request;
  for (let n = 0; ; n++) {
    const claim = join(root, SCRATCH, `${key}-${n}`);
    if (await isFirst(prepared, claim)) return replaceStale(request, claim, key, now);
    const claimed = await look(claim, seconds, now);
    // It was made good, or given up.
    if (!claimed) return undefined;
    if (!claimed.stale) throw new HeldError(what, claimed.holder);
  }
}

async function replaceStale(
  { file, what, seconds }: LockRequest,
  claim: string,
  key: string,
  now: number,
): Promise<FileHandle | undefined> {
  const stale = await open(file, 'r').catch(() => undefined);
  let handle: FileHandle | undefined;
  try {
    const found = await look(file, seconds, now);
    if (!stale || found?.key !== key || !found.stale) {
      await unlink(claim);
      return undefined;
    }
    handle = await open(claim, 'r+');
    await rename(claim, file);
    // A holder that was only stopped may have renewed it before it was replaced: then it believes to hold it, until it
    // renews it once more. Until then nobody holds it.
    const renewed = await foundIn(stale, seconds, now);
    if (!renewed.stale) throw new HeldError(what, renewed.holder);
    return handle;
  } catch (error) {
    await handle?.close();
    throw error;
  } finally {
    await stale?.close();
  }
}

function gripOf(handle: FileHandle, request: LockRequest, token: string): Grip {
  const { file, seconds } = request;
  const renew = async (until: Date): Promise<boolean> => {
    await handle.write(textOf(request, token, until), 0);
    await handle.datasync();
    return (await look(file, seconds, 0))?.key === keyOf(token);
  };
  return {
    renew,
    async release() {
      try {
        // Renewed before it is removed, so that it is not somebody else's who takes it over at this moment.
        if (await renew(new Date(Date.now() + seconds * 1000))) await unlink(file);
      } finally {
        await handle.close();
      }
    },
  };
}

/** Always of the same length, so that it can be written over. */
function textOf({ holder, seconds }: LockRequest, token: string, until: Date): string {
  return `${JSON.stringify({ holder, token, seconds, expires: until.toISOString() }, undefined, 2)}\n`;
}

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

async function isFirst(prepared: string, target: string): Promise<boolean> {
  try {
    await create(prepared, target);
    return true;
  } catch (error) {
    if (isThere(error)) return false;
    throw error;
  }
}

async function look(file: string, seconds: number, now: number): Promise<Found | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Opened, because a network file system then asks its server how the file is now.
    handle = await open(file, 'r');
    return await foundIn(handle, seconds, now);
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  } finally {
    await handle?.close();
  }
}

/** @param now when a file was written a moment ago, by the file system */
async function foundIn(handle: FileHandle, seconds: number, now: number): Promise<Found> {
  const text = await handle.readFile('utf8');
  // After it was read: what is renewed meanwhile must not look old.
  const { mtimeMs } = await handle.stat();
  const lock = parse(text);
  const isCoarse = [mtimeMs, now].every((time) => time % 1000 === 0);
  const age = now - mtimeMs - (isCoarse ? COARSE_MS : 0);
  // Clocks jump: no time that is further away than any lock is given is believed.
  const isOver = age >= (lock?.seconds ?? seconds) * 1000 || age < -FARTHEST_MS;
  if (!lock) return { key: keyOf(`${text}${mtimeMs}`), stale: isOver };
  const { holder, key } = lock;
  const state = stateOf(holder);
  // One that is seen to run holds it, however old it is.
  return { key, holder, stale: state === 'ended' || (state === 'unknown' && isOver) };
}

interface LockFile {
  readonly key: string;
  readonly holder: Holder;
  /** How long it outlives its last renewal. */
  readonly seconds: number | undefined;
}

/** `undefined` where it is no lock file: cut off, or another program's. */
function parse(text: string): LockFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('token' in value)) return undefined;
  const holder = parseHolder('holder' in value ? value.holder : undefined);
  if (typeof value.token !== 'string' || !holder) return undefined;
  const seconds = 'seconds' in value && typeof value.seconds === 'number' ? value.seconds : undefined;
  const isUsual = seconds !== undefined && seconds >= 0 && seconds * 1000 <= FARTHEST_MS;
  return { key: keyOf(value.token), holder, seconds: isUsual ? seconds : undefined };
}
