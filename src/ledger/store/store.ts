import type { Readable } from 'node:stream';
import type { System } from './system.ts';

/** What is kept in a store, for errors. */
export type Kept = 'ledger' | 'archive';

/**
 * Where a ledger is kept: files of bytes under paths (`runs/20261124T010000Z-3f9a0c/run.json`), in a folder, in Azure
 * Blob Storage or in memory. Everything is durable when its promise resolves.
 *
 * Every method throws `LedgerError`, and where a condition does not hold, `ConflictError`.
 */
export interface Store {
  /** Where it is, for people: a folder, or an account and container. Holds no secret. */
  readonly place: string;
  /** The system of the process that has opened it. */
  readonly system: System;
  /** A small file as a whole; `undefined` where there is none. */
  readonly read: (path: string) => Promise<StoredFile | undefined>;
  /** The bytes of a file, without reading it; `undefined` where there is none. */
  readonly size: (path: string) => Promise<number | undefined>;
  /** A file of any size, piece by piece, or `undefined`. A caller that does not read it to its end destroys it. */
  readonly stream: (path: string) => Promise<Readable | undefined>;
  /**
   * Writes a file as a whole: it has its old content or the new one, never a part.
   * @param condition `absent`: only where there is none yet; or the etag that it must still have; or a last check
   * @returns its new etag
   */
  readonly write: (path: string, content: Content, condition?: Condition) => Promise<string>;
  /**
   * Adds to the end of a file, whole or not at all, and only while the file has exactly `length` bytes: so a writer that
   * is not the only one any more finds out. At length 0 the file is created, and must not exist.
   *
   * A folder cannot look and write in one step: a process that stands still in between is told of the conflict after it
   * has written, and its bytes stay behind those of the other one. In a ledger no two processes add to one file: each
   * begins its own journal at length 0, after it has removed that of another process.
   *
   * @returns its new length, in bytes
   */
  readonly append: (path: string, bytes: Uint8Array, length: number) => Promise<number>;
  /** Removes a file. It is no error if there is none. */
  readonly remove: (path: string) => Promise<void>;
  /** The paths of all files below `prefix`, which ends with `/`, sorted. */
  readonly list: (prefix: string) => AsyncIterable<string>;
  /** The names of the folders right below `prefix`, which ends with `/`, sorted. */
  readonly folders: (prefix: string) => AsyncIterable<string>;
  /**
   * Takes a lock, and renews it until it is released. Once its process has ended it runs out by itself.
   * @param name letters, digits, `.`, `-` and `_`
   * @throws {HeldError} where another process holds it
   */
  readonly lock: (name: string, holder: Holder, use?: LockUse) => Promise<Lock>;
  /** Releases a shared lock for all that share it, before it runs out. */
  readonly releaseShared: (name: string, sharedBy: string) => Promise<void>;
}

/** Absent: one holder at a time, and the file of the lock may be left behind. */
export type LockUse =
  /**
   * All that give the same name hold it, in many processes where the store is one for many. None of them knows whether
   * it is the last: so the lock is not released but runs out, unless `releaseShared` ends it.
   */
  | { readonly sharedBy: string }
  /** The file of the lock is deleted on release: there are very many of these. */
  | 'ephemeral';

export type Content = string | AsyncIterable<Uint8Array>;

export type Condition =
  | 'absent'
  | { readonly etag: string }
  /** Called right before the file gets its new content, which takes a while to be written: what it throws is thrown. */
  | { readonly check: () => void };

interface StoredFile {
  readonly text: string;
  readonly etag: string;
}

/** Who holds a lock. */
export interface Holder {
  /** The run that it is held for. */
  readonly runId: string;
  /** What began the run: `schedule`, `request`, `command line`. */
  readonly startedBy: string;
  /** Name of the machine, and process id. */
  readonly host: string;
  readonly pid: number;
  /** Tells this process from every other one, where the system has that; see `system.ts`. */
  readonly process?: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface Lock {
  /** Aborted when the lock was lost: another process may hold it. */
  readonly lost: AbortSignal;
  /**
   * Whether it is still held, by the clock: a process that stood still may know that it has lost the lock a moment before
   * `lost` is aborted.
   */
  readonly isHeld: () => boolean;
  readonly release: () => Promise<void>;
}

/** The ledger could not do what was asked. Says what, where, and why. */
export class LedgerError extends Error {
  override readonly name: string = 'LedgerError';
}

/** A file is not as it was expected to be: another process has written it. */
export class ConflictError extends LedgerError {
  override readonly name = 'ConflictError';
}

/** A file was read, and is not what it should be: damaged, or of another program. */
export class DamagedError extends LedgerError {
  override readonly name = 'DamagedError';
}

/** The largest file that is read as a whole: none that is written is nearly as large. */
export const LARGEST_READ = 64 * 1024 * 1024;

/** @throws {DamagedError} for a file that is too large to be read as a whole */
export function checkSize(place: string, path: string, bytes: number, kept: Kept = 'ledger'): void {
  if (bytes > LARGEST_READ)
    throw new DamagedError(`the ${kept} in ${place} cannot be read: ${path}: it has more than ${LARGEST_READ} bytes`);
}

/** Another process holds the lock. */
export class HeldError extends LedgerError {
  override readonly name = 'HeldError';
  readonly holder: Holder | undefined;

  constructor(what: string, holder: Holder | undefined) {
    const who = holder
      ? `the run ${holder.runId} (started by ${holder.startedBy} on ${holder.host}, process ${holder.pid}, at ${holder.since})`
      : 'another run';
    super(`${what} is in use by ${who}; try again when it has ended`);
    this.holder = holder;
  }
}

/** How long a lock outlives its holder, in seconds. */
export const LOCK_SECONDS = 60;

/** Where a folder keeps files that are not finished; no path of a ledger leads there. */
export const SCRATCH = '.tmp';

/**
 * Makes sure that a path names a file of a ledger in every store alike: nothing outside of it (`..`, a backslash), and
 * nothing that one store takes for something else (an empty part, a dot or space at the end, control characters).
 */
export function checkPath(path: string): void {
  const parts = path.split('/');
  const right = parts.every((part) => part !== '' && !/[. ]$/.test(part)) && !/[\\\p{Cc}\p{Cs}]/u.test(path);
  if (!right || parts[0] === SCRATCH) throw new LedgerError(`no path of a ledger: ${JSON.stringify(path)}`);
}

export function checkPrefix(prefix: string): void {
  if (!prefix.endsWith('/')) throw new LedgerError(`no folder of a ledger: ${JSON.stringify(prefix)}`);
  checkPath(prefix.slice(0, -1));
}

export function checkLockName(name: string): void {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new LedgerError(`no name of a lock: ${JSON.stringify(name)}`);
  checkPath(name);
}

/**
 * Writes a small file. Where that fails the file is read again: the store may have written it although its answer was
 * lost.
 *
 * @returns its new etag
 * @throws {LedgerError} where it is not what was written, or cannot be read
 */
export async function writeSurely(store: Store, path: string, text: string, condition: Condition): Promise<string> {
  try {
    return await store.write(path, text, condition);
  } catch (error) {
    const now = error instanceof LedgerError ? await store.read(path).catch(() => undefined) : undefined;
    if (now?.text !== text) throw error;
    return now.etag;
  }
}

/** The same for what is added to a file of `length` bytes. @returns its new length */
export async function appendSurely(store: Store, path: string, text: string, length: number): Promise<number> {
  const bytes = Buffer.from(text);
  try {
    return await store.append(path, bytes, length);
  } catch (error) {
    const now = error instanceof LedgerError ? await store.read(path).catch(() => undefined) : undefined;
    const whole = now && Buffer.from(now.text);
    if (whole?.length !== length + bytes.length || !whole.subarray(length).equals(bytes)) throw error;
    return whole.length;
  }
}
