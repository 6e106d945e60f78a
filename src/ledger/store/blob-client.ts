import type { ContainerClient } from '@azure/storage-blob';
import type { Clock } from '../../registry/clock.ts';
import { secrets } from '../redact/known.ts';
import { accountOf, type BlobLocation } from './blob-account.ts';
import { ConflictError, type Kept, LedgerError } from './store.ts';

type Call<T> = (container: ContainerClient, one: Try) => Promise<T>;

/** Calls on the container of a ledger. `bytes`: how many a call sends or fetches, for the time that it may take. */
export interface BlobClient {
  readonly place: string;
  readonly kept: Kept;
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

export function openBlobClient(location: BlobLocation, clock: Clock): BlobClient {
  const { kept = 'ledger' } = location;
  const { place, connect } = accountOf(location);
  let connected: Promise<ContainerClient> | undefined;
  const asking = <T>(call: Call<T>, bytes?: number): Promise<T> =>
    attempt(async (one) => call(await (connected ??= connect()), one), bytes, clock);

  const conflict = (path: string, why: string, cause?: unknown): ConflictError =>
    new ConflictError(`the ${kept} in ${place} is written by another process: ${path} ${why}`, { cause });
  const failure = (what: 'read' | 'written', path: string, error: unknown): LedgerError => {
    if (error instanceof LedgerError) return error;
    if (isConflict(error)) return conflict(path, `is not as expected: ${reasonOf(error)}`, error);
    const why = `${path}: ${reasonOf(error)}`;
    return new LedgerError(`the ${kept} in ${place} cannot be ${what}: ${why}`, { cause: error });
  };
  return {
    place,
    kept,
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
        // Only now: an identity that may write to a container may not be allowed to create it.
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

/** One try of a call. */
export interface Try {
  /** Aborts the try when it has taken too long. */
  readonly signal: AbortSignal;
  /** An earlier try failed without a clear answer: it may have been carried out all the same. */
  readonly unsure: boolean;
}

const TRIES = 4;
const FIRST_DELAY_MS = 300;
/** How long one try may take, and how much longer for each byte that it sends or fetches. */
const TRY_MS = 10_000;
const BYTES_PER_MS = 256;
/** After this there is no other try: an account that does not answer is reported while a person still waits. */
const PATIENCE_MS = 12_000;

const LONGEST_REASON = 200;

/**
 * Does one call, and does it again after failures that pass: lost connections, no answer, a busy service. The retries
 * of the SDK do not tell a call that an earlier try of it may have been carried out.
 */
async function attempt<T>(call: (one: Try) => Promise<T>, bytes = 0, clock: Clock): Promise<T> {
  const allowed = TRY_MS + bytes / BYTES_PER_MS;
  const patience = clock.now() + PATIENCE_MS + allowed - TRY_MS;
  for (let tries = 1; ; tries++) {
    const tooLong = new AbortController();
    const timer = clock.after(Math.ceil(allowed), () => tooLong.abort(), 'background');
    try {
      return await call({ signal: tooLong.signal, unsure: tries > 1 });
    } catch (error) {
      if (!passes(error) || tries === TRIES || clock.now() > patience) throw error;
    } finally {
      timer.cancel();
    }
    await clock.sleep(FIRST_DELAY_MS * 2 ** (tries - 1) * (0.5 + Math.random()));
  }
}

/** The status that the service answered with, if it answered. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

/** The service's code, such as `BlobNotFound`, or the system's. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // The answer to a HEAD has no body: then it stands in a header only.
  const details: unknown = 'details' in error ? error.details : undefined;
  const inHeader: unknown =
    typeof details === 'object' && details !== null && 'errorCode' in details ? details.errorCode : undefined;
  const code: unknown = inHeader ?? ('code' in error ? error.code : undefined);
  return typeof code === 'string' ? code : undefined;
}

/** Why a call failed, in a line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isAbort(error)) return 'it did not answer in time';
  const status = statusOf(error);
  // It comes from outside: nothing in it may steer a terminal or forge a line.
  const line = secrets.redactAnswer(error.message.trim().split('\n')[0] ?? '');
  const text = line.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, LONGEST_REASON);
  if (status === undefined) return text || (codeOf(error) ?? error.name);
  return `${status} ${codeOf(error) ?? ''}`.trim() + (text === '' ? '' : `: ${text}`);
}

function passes(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof LedgerError) return false;
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 || status === 408 || status === 429;
  // No answer, or one that broke off. Signing in is not tried again here: the identity library does that.
  return !/Credential|Authentication/.test(error.name) && !(error instanceof TypeError);
}

function isAbort(error: Error): boolean {
  return error.name === 'AbortError' || error.name === 'TimeoutError';
}
