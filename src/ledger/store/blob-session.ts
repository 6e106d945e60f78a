import type { ContainerClient } from '@azure/storage-blob';
import { accountOf, type BlobLocation } from './blob-account.ts';
import { attempt, codeOf, reasonOf, statusOf, type Try } from './blob-attempt.ts';
import { ConflictError, LedgerError } from './store.ts';

type Call<T> = (container: ContainerClient, one: Try) => Promise<T>;

/** Calls on the container of a ledger. `bytes`: how many it sends or fetches, for the time that it may take. */
export interface Session {
  readonly place: string;
  /**
   * `undefined` where there is no such file, or no container yet.
   * @throws LedgerError
   */
  readonly reading: <T>(path: string, call: Call<T>, bytes?: number) => Promise<T | undefined>;
  /** Creates the container where it is missing. Errors stay the SDK's; see `failure`. */
  readonly changing: <T>(call: Call<T>, bytes?: number) => Promise<T>;
  readonly conflict: (path: string, why: string, cause?: unknown) => ConflictError;
  readonly failure: (what: 'read' | 'written', path: string, error: unknown) => LedgerError;
}

export function openSession(location: BlobLocation): Session {
  const { place, connect } = accountOf(location);
  let connected: Promise<ContainerClient> | undefined;
  const asking = <T>(call: Call<T>, bytes?: number): Promise<T> =>
    attempt(async (one) => call(await (connected ??= connect()), one), bytes);

  const conflict = (path: string, why: string, cause?: unknown): ConflictError =>
    new ConflictError(`the ledger in ${place} is written by somebody else: ${path} ${why}`, { cause });
  const failure = (what: 'read' | 'written', path: string, error: unknown): LedgerError => {
    if (error instanceof LedgerError) return error;
    if (isConflict(error)) return conflict(path, `is not as expected: ${reasonOf(error)}`, error);
    const why = `${path}: ${reasonOf(error)}`;
    return new LedgerError(`the ledger in ${place} cannot be ${what}: ${why}`, { cause: error });
  };
  return {
    place,
    conflict,
    failure,
    async reading(path, call, bytes) {
      try {
        return await asking(call, bytes);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw failure('read', path, error);
      }
    },
    async changing(call, bytes) {
      try {
        return await asking(call, bytes);
      } catch (error) {
        if (codeOf(error) !== 'ContainerNotFound') throw error;
        // Only now: who may write to a container may not be allowed to create it, and needs not.
        await asking((container, { signal }) => container.createIfNotExists({ abortSignal: signal }));
        return asking(call, bytes);
      }
    },
  };
}

/** A file is not as a call's condition wanted it. Other 409s mean that something cannot be done at all. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 412 || (statusOf(error) === 409 && codeOf(error) === 'BlobAlreadyExists');
}
