import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { create, errno, isThere, prepare } from './folder-files.ts';
import { type Grip, parseHolder } from './hold.ts';
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

/** How often a lock is tried to be taken that came and went meanwhile. */
const TRIES = 20;

/**
 * Takes a lock: a file that is there while it is held, and says by whom and until when.
 *
 * The holder renews it through the file that it has opened, never by its name, so it cannot overwrite the lock of
 * somebody who has taken over; and it looks whether the file is still in its place AFTER it has renewed it.
 */
export async function takeLock(request: LockRequest, until: Date): Promise<Grip> {
  const { root, file, what, holder, seconds } = request;
  const token = randomUUID();
  for (let tries = 1; ; tries++) {
    const { file: prepared } = await prepare(root, textOf(holder, token, until));
    try {
      if (await isFirst(prepared, file)) return gripOf(await open(file, 'r+'), request, token);
      const found = await look(file, seconds);
      if (found?.stale === false || tries === TRIES) throw new HeldError(what, found?.holder);
      const handle = found && (await takeOver(request, prepared, found.key));
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
async function takeOver(request: LockRequest, prepared: string, key: string): Promise<FileHandle | undefined> {
  const { root, what, seconds } = request;
  for (let n = 0; ; n++) {
    const claim = join(root, SCRATCH, `${key}-${n}`);
    if (await isFirst(prepared, claim)) return replaceStale(request, claim, key);
    const claimed = await look(claim, seconds);
    // It was made good, or given up.
    if (!claimed) return undefined;
    if (!claimed.stale) throw new HeldError(what, claimed.holder);
  }
}

async function replaceStale(
  { file, what, seconds }: LockRequest,
  claim: string,
  key: string,
): Promise<FileHandle | undefined> {
  const stale = await open(file, 'r').catch(() => undefined);
  let handle: FileHandle | undefined;
  try {
    const found = await look(file, seconds);
    if (!stale || found?.key !== key || !found.stale) {
      await unlink(claim);
      return undefined;
    }
    handle = await open(claim, 'r+');
    await rename(claim, file);
    // A holder that was only stopped may have renewed it before it was replaced: then it believes to hold it, until it
    // renews it once more. Until then nobody holds it.
    const renewed = parse(await stale.readFile('utf8'));
    if (renewed?.stale === false) throw new HeldError(what, renewed.holder);
    return handle;
  } catch (error) {
    await handle?.close();
    throw error;
  } finally {
    await stale?.close();
  }
}

function gripOf(handle: FileHandle, { file, holder, seconds }: LockRequest, token: string): Grip {
  const renew = async (until: Date): Promise<boolean> => {
    await handle.write(textOf(holder, token, until), 0);
    await handle.datasync();
    return (await look(file, seconds))?.key === keyOf(token);
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
function textOf(holder: Holder, token: string, until: Date): string {
  return `${JSON.stringify({ holder, token, expires: until.toISOString() }, undefined, 2)}\n`;
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

async function look(file: string, seconds: number): Promise<Found | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    const found = parse(text);
    if (found) return found;
    const { mtimeMs } = await stat(file);
    return { key: keyOf(`${text}${mtimeMs}`), stale: mtimeMs + seconds * 1000 < Date.now() };
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** `undefined` where it is no lock file: cut off, or another program's. */
function parse(text: string): Found | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('expires' in value) || !('token' in value)) return undefined;
  const expires = Date.parse(String(value.expires));
  const holder = parseHolder('holder' in value ? value.holder : undefined);
  if (Number.isNaN(expires) || typeof value.token !== 'string' || !holder) return undefined;
  const state = stateOf(holder);
  // Clocks jump: one that is seen to run holds it, and no time that is further away than any lock is given is believed.
  const isOver = expires < Date.now() || expires > Date.now() + FARTHEST_MS;
  return { key: keyOf(value.token), holder, stale: state === 'ended' || (state === 'unknown' && isOver) };
}
