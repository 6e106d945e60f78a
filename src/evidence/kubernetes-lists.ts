import type { Clock } from '../registry/clock.ts';
import { NoList } from './kubernetes-answer.ts';
import type { Workload } from './kubernetes-images.ts';

/** Five million objects. A cluster that has more never ends. */
const MOST_PAGES = 10_000;
/** How long one page may take. */
const TIMEOUT_MS = 60_000;

/** How often a list is begun again whose next page has expired: the cluster forgets these after some minutes. */
const RESTARTS = 2;

/** How often a page is asked for that fails in a way that passes. */
const TRIES = 3;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** How to wait, and until when. */
export interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/** A cluster that says nothing, or cannot be reached: it need not be asked for anything else. */
export class ClusterLost extends Error {
  override readonly name = 'ClusterLost';
}

/** Waits for a call at most as long as a page may take, and no longer than the signal lets it. */
export async function inTime<T>({ clock, signal }: Waiting, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = clock.after(TIMEOUT_MS, () =>
    late.abort(new ClusterLost(`the cluster did not answer within ${TIMEOUT_MS / 1000} seconds`)),
  );
  const until = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
  let end = (): void => undefined;
  // Raced as well: a plug-in that signs in cannot be told to stop.
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(late.signal.aborted ? (late.signal.reason as Error) : new ClusterLost('it was stopped'));
  });
  until.addEventListener('abort', end, { once: true });
  try {
    if (until.aborted) end();
    return await Promise.race([call(until), ended]);
  } finally {
    timer.cancel();
    until.removeEventListener('abort', end);
  }
}

interface Page {
  readonly items: readonly Workload[];
  readonly next: string | undefined;
}

export type AskForPage = (next: string | undefined, waiting: Waiting) => Promise<Page>;

/** All objects of a list. One whose next page has expired is begun again: some objects come twice then. */
export async function* allOf(ask: AskForPage, waiting: Waiting): AsyncGenerator<Workload> {
  let next: string | undefined;
  let restarts = 0;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    try {
      const page = await patiently(() => ask(next, waiting), waiting);
      yield* page.items;
      next = page.next;
      if (next === undefined) return;
    } catch (error) {
      if (next === undefined || statusOf(error) !== 410 || restarts === RESTARTS) throw inWords(error);
      restarts += 1;
      next = undefined;
    }
  }
  throw new Error(`the list has more than ${MOST_PAGES} pages`);
}

/** Asks again where it was too often, where the cluster has a bad moment, and where a connection broke. */
async function patiently<T>(call: () => Promise<T>, { clock, signal }: Waiting): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const status = statusOf(error);
      const passes = status === undefined ? networkCodeOf(error) !== undefined : status === 429 || status >= 500;
      if (!passes || tries === TRIES) throw error;
      await clock.sleep(pauseAfter(error) ?? FIRST_PAUSE_MS * 2 ** (tries - 1), signal);
    }
  }
}

/** What the client throws for an answer that is no success. */
export const statusOf = (error: unknown): number | undefined => {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'number' ? code : undefined;
};

function pauseAfter(error: unknown): number | undefined {
  const { headers } = error as { readonly headers?: Readonly<Record<string, string>> };
  const seconds = Number(headers?.['retry-after'] ?? '');
  return seconds > 0 ? Math.min(seconds * 1000, LONGEST_PAUSE_MS) : undefined;
}

/** The code of the system or of TLS, where there was no answer: `ECONNREFUSED`. */
export function networkCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
  }
  return undefined;
}

/** Never the body of an answer, nor a message that holds it: a proxy may have put anything there. */
function inWords(cause: unknown): Error {
  if (cause instanceof ClusterLost || cause instanceof NoList) return cause;
  const status = statusOf(cause);
  if (status === 401) return new ClusterLost('the cluster does not accept the identity (401)', { cause });
  if (status === 403) return new Error('the identity may not list them in all namespaces (403)', { cause });
  if (status !== undefined) return new Error(`the cluster answered ${status}`, { cause });
  const code = networkCodeOf(cause);
  if (code !== undefined) return new ClusterLost(`the cluster cannot be reached (${code})`, { cause });
  return new NoList({ cause });
}
