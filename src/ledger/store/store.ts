import type { Readable } from 'node:stream';

/**
 * Where a ledger is kept: files of bytes under paths (`runs/20261124T010000Z-3f9a0c/run.json`), in a folder or in Azure
 * Blob Storage. Everything is durable when its promise resolves.
 *
 * Every method throws `LedgerError`, and where a condition does not hold, `ConflictError`.
 */
export interface Store {
  /** Where it is, for people: a folder, or an account and container. Holds no secret. */
  readonly place: string;
  /** A small file as a whole; `undefined` where there is none. */
  readonly read: (path: string) => Promise<StoredFile | undefined>;
  /** A file of any size, piece by piece, or `undefined`. Whoever does not read it to its end destroys it. */
  readonly stream: (path: string) => Promise<Readable | undefined>;
  /**
   * Writes a file as a whole: it has its old content or the new one, never a part.
   * @param condition `absent`: only where there is none yet; otherwise the etag that it must still have
   * @returns its new etag
   */
  readonly write: (path: string, content: Content, condition?: Condition) => Promise<string>;
  /**
   * Adds to the end of a file, whole or not at all, and only while the file has exactly `length` bytes: whoever believes
   * to be its only writer, and is not any more, finds out. At length 0 the file is created, and must not exist.
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
   * Takes a lock, and holds it until it is released, or its process ends: then it runs out by itself.
   * @param name letters, digits, `.`, `-` and `_`
   * @throws {HeldError} where somebody else holds it
   */
  readonly lock: (name: string, holder: Holder, use?: LockUse) => Promise<Lock>;
  /** Gives a shared lock up before it runs out. */
  readonly releaseShared: (name: string, sharedBy: string) => Promise<void>;
}

/** Absent: nobody else holds it meanwhile. */
export type LockUse =
  /**
   * Held together by all that give the same name, in many processes where the store is one for many. Nobody knows who of
   * them is the last: so it is not released but runs out, unless it is given up.
   */
  | { readonly sharedBy: string }
  /** One of very many, of which nothing is left once it is released. */
  | 'ephemeral';

export type Content = string | AsyncIterable<Uint8Array>;

export type Condition = 'absent' | { readonly etag: string };

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
  /** Tells this process from every other one, where the system can; see `process.ts`. */
  readonly process?: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface Lock {
  /** Aborted when the lock was lost: somebody else may hold it. */
  readonly lost: AbortSignal;
  readonly release: () => Promise<void>;
}

/** The ledger could not do what was asked. Says what, where, and why. */
export class LedgerError extends Error {
  override readonly name: string = 'LedgerError';
}

/** A file is not as it was expected to be: somebody else has written it. */
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
export function checkSize(place: string, path: string, bytes: number): void {
  if (bytes > LARGEST_READ)
    throw new DamagedError(`the ledger in ${place} cannot be read: ${path}: it has more than ${LARGEST_READ} bytes`);
}

/** Somebody else holds the lock. */
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

/** How long a lock outlives its holder, in seconds, and how often the holder renews it meanwhile. */
export const LOCK_SECONDS = 60;
export const RENEW_SECONDS = 15;
