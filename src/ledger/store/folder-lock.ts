import { createHash, randomUUID } from 'node:crypto';
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { create, errno, isThere, prepare } from './folder-files.ts';
import { holderSchema, type Lease } from './lease.ts';
import type { System } from './system.ts';
import { HeldError, type Holder, LedgerError, SCRATCH } from './store.ts';

export interface LockRequest {
  readonly root: string;
  readonly file: string;
  /** What is locked, for people. */
  readonly what: string;
  readonly holder: Holder;
  readonly seconds: number;
  readonly system: System;
}

/** A lock that is being taken, or is held. */
interface Taking extends LockRequest {
  /** Tells this taking of the lock from every other one. */
  readonly token: string;
  /** Where its file may stand. */
  readonly names: Set<string>;
}

/** The tokens of the locks that a process holds or is taking. */
const tokens = new WeakMap<System, Set<string>>();

function heldBy(process: System): Set<string> {
  const held = tokens.get(process) ?? new Set<string>();
  tokens.set(process, held);
  return held;
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

/** How often a lock is tried that is released or taken by another process meanwhile. */
const TRIES = 20;

/**
 * Takes a lock: a file that exists while the lock is held, and says who holds it. The lock runs out when its file has not
 * been written for `seconds`. The age is measured against another file that is written now: both times are those of the
 * file system, because the clocks of two machines that share a folder may differ by minutes.
 *
 * The holder renews the lock through the file that it has opened, never by its name, so it cannot overwrite the lock of
 * a process that has taken over. AFTER it has renewed it, it checks that the file is still in its place.
 */
export async function takeLock(request: LockRequest, until: Date): Promise<Lease> {
  const taking: Taking = { ...request, token: randomUUID(), names: new Set([request.file]) };
  const held = heldBy(request.system);
  held.add(taking.token);
  const { what, seconds } = request;
  const { clock } = request.system;
  const since = clock.ticks();
  try {
    const handle = await take(taking, until);
    if (clock.ticks() - since < seconds * 1000) return leaseOf(handle, taking);
    // It has run out before it was taken, and its file may have replaced that of another process.
    await handle.close();
    throw new LedgerError(`${what} could not be locked: it took more than ${seconds} seconds`);
  } catch (error) {
    // Its file may stand in its place all the same: the system failed after it was put there.
    await twice(() => disown(taking)).catch(() => undefined);
    held.delete(taking.token);
    throw error;
  }
}

async function take(taking: Taking, until: Date): Promise<FileHandle> {
  const { root, file, what } = taking;
  for (let tries = 1; ; tries++) {
    const { file: prepared } = await prepare(root, textOf(taking, until));
    try {
      const now = (await stat(prepared)).mtimeMs;
      // Where that took long, another process may have taken it over already.
      const first = (await isFirst(prepared, file)) ? await openOwn(taking, file) : undefined;
      if (first) return first;
      const found = await look(taking, file, now);
      if (found?.stale === false || tries === TRIES) throw new HeldError(what, found?.holder);
      const handle = found && (await takeOver(taking, prepared, found.key, now));
      if (handle) return handle;
    } finally {
      await unlink(prepared).catch(() => undefined);
    }
  }
}

/**
 * Takes over a stale lock. Of many processes that try, the first to claim the stale file may. The claim is a lock file
 * itself, so that it can replace the stale one in one step. It is stale, too, once the process that made it has ended:
 * then another claim may be made.
 */
async function takeOver(taking: Taking, prepared: string, key: string, now: number): Promise<FileHandle | undefined> {
  const { root, what, names } = taking;
  for (let n = 0; ; n++) {
    const claim = join(root, SCRATCH, `${key}-${n}`);
    names.add(claim);
    if (await isFirst(prepared, claim)) return replaceStale(taking, claim, key, now);
    const claimed = await look(taking, claim, now);
    // The process that made the claim has taken the lock over, or has given up.
    if (!claimed) return undefined;
    if (!claimed.stale) throw new HeldError(what, claimed.holder);
  }
}

async function replaceStale(
  request: LockRequest,
  claim: string,
  key: string,
  now: number,
): Promise<FileHandle | undefined> {
  const { file, what } = request;
  const stale = await open(file, 'r').catch(() => undefined);
  let handle: FileHandle | undefined;
  try {
    const found = await look(request, file, now);
    if (!stale || found?.key !== key || !found.stale) {
      await unlink(claim);
      return undefined;
    }
    handle = await open(claim, 'r+');
    await rename(claim, file);
    // A holder that was suspended may have renewed the lock right before it was replaced. It believes that it holds the
    // lock until it renews it once more: until then no process may have it.
    const renewed = await foundIn(request, stale, now);
    if (!renewed.stale) throw new HeldError(what, renewed.holder);
    return handle;
  } catch (error) {
    await handle?.close();
    throw error;
  } finally {
    await stale?.close();
  }
}

function leaseOf(handle: FileHandle, taking: Taking): Lease {
  const { file, what, seconds, system, token } = taking;
  const renew = async (until: Date): Promise<boolean> => {
    await handle.write(textOf(taking, until), 0);
    await handle.datasync();
    return (await look(taking, file, 0))?.key === keyOf(token);
  };
  const remove = async (): Promise<void> => {
    const since = system.clock.ticks();
    // Renewed first, so that it is not taken over by another process right before it is removed.
    if (!(await renew(new Date(system.clock.now() + seconds * 1000)))) return;
    if (system.clock.ticks() - since > seconds * 500) throw new LedgerError(`${what} was renewed too slowly`);
    await unlink(file);
  };
  return {
    renew,
    async release() {
      try {
        await twice(remove);
      } catch (error) {
        await disown(taking);
        throw error;
      } finally {
        heldBy(system).delete(token);
        await handle.close();
      }
    },
  };
}

/**
 * Lets a lock run out that is not held, and whose file may be left: without the name of its process it is like one of a
 * machine that is not known. It is not removed by its name, which may be another lock's by now.
 */
async function disown(taking: Taking): Promise<void> {
  const { system, holder } = taking;
  const { process: _, ...nameless } = holder;
  for (const name of taking.names) {
    const handle = await openOwn(taking, name);
    if (!handle) continue;
    try {
      const now = new Date(system.clock.now());
      const text = textOf({ ...taking, holder: nameless }, now);
      const length = Buffer.byteLength(textOf(taking, now));
      await handle.write(text + ' '.repeat(length - Buffer.byteLength(text)), 0);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}

/** Opens the file of a lock, unless another one stands in its place. */
async function openOwn(taking: Taking, name: string): Promise<FileHandle | undefined> {
  const handle = await open(name, 'r+').catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  });
  let isOwn = false;
  try {
    isOwn = handle !== undefined && (await foundIn(taking, handle, 0)).key === keyOf(taking.token);
    return isOwn ? handle : undefined;
  } finally {
    if (!isOwn) await handle?.close();
  }
}

function twice(act: () => Promise<void>): Promise<void> {
  return act().catch(act);
}

/** Always of the same length, so that it can be overwritten in place. */
function textOf({ holder, seconds, token }: Taking, until: Date): string {
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

async function look(by: Judge, file: string, now: number): Promise<Found | undefined> {
  let handle: FileHandle | undefined;
  try {
    // A network file system asks its server for the current state of a file when it is opened.
    handle = await open(file, 'r');
    return await foundIn(by, handle, now);
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  } finally {
    await handle?.close();
  }
}

/** By what it is judged whether a lock is stale. */
type Judge = Pick<LockRequest, 'seconds' | 'system'>;

/** @param now the time of the file system */
async function foundIn({ seconds, system }: Judge, handle: FileHandle, now: number): Promise<Found> {
  const text = await handle.readFile('utf8');
  // After the read: a lock that is renewed meanwhile must not look old.
  const { mtimeMs } = await handle.stat();
  const lock = parse(text);
  const isCoarse = [mtimeMs, now].every((time) => time % 1000 === 0);
  const age = now - mtimeMs - (isCoarse ? COARSE_MS : 0);
  // Clocks jump: a time that is further ahead than any lock lasts is not believed.
  const isOver = age >= (lock?.seconds ?? seconds) * 1000 || age < -FARTHEST_MS;
  if (!lock) return { key: keyOf(`${text}${mtimeMs}`), stale: isOver };
  const { holder, token } = lock;
  // Of its own locks a process knows whether it holds them. One that could not be removed runs out.
  const isLeft = isSelf(system, holder) && !heldBy(system).has(token);
  const state = isLeft ? 'unknown' : system.stateOf(holder);
  // A process that runs on this machine holds it, however old the lock is.
  return { key: keyOf(token), holder, stale: state === 'ended' || (state === 'unknown' && isOver) };
}

function isSelf(system: System, { process: identity }: Holder): boolean {
  return identity !== undefined && identity === system.self().process;
}

const lockSchema = z.object({
  holder: holderSchema,
  token: z.string(),
  /** How long it outlives its last renewal. */
  seconds: z
    .number()
    .min(0)
    .max(FARTHEST_MS / 1000)
    .optional()
    .catch(undefined),
});

/** `undefined` where it is no lock file: cut off, or another program's. */
function parse(text: string): z.infer<typeof lockSchema> | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
