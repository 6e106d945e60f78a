import type { Look, Reservation, Tried } from '../registry/types.ts';
import type { Context } from './context.ts';
import type { Locked } from './locks.ts';
import { notAttempted, type Result } from './results.ts';

/**
 * Artifacts that are looked at together and then deleted together. The look is one call for all of them where the
 * repository is small, and short before each deletion either way.
 */
export const BATCH = 32;

export function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Something to delete, and what earlier attempts at it came to. */
export interface Attempt<T> {
  readonly item: T;
  readonly tried?: Tried;
  /** What the last one came to. */
  readonly error?: Error;
  /** What was seen when it was sent. */
  readonly look?: Look;
  /** The registry said that there is no such thing. Where others wait for that, it is looked at again. */
  readonly wasMissing?: true;
  /** Locks that were taken off for it, and could not be put back so far. */
  readonly unlocked?: readonly Locked[];
  /** By `Clock.ticks`. */
  readonly notBefore?: number;
}

/** Looks in a row that were all too old before the rest of a repository is not attempted. By the sixth it is one artifact each. */
const SLOW_LOOKS = 10;

export interface Attempts<T> {
  /** Looks at some, and tries to delete them. The answer is what is to be tried again; the rest is settled. */
  readonly tryOnce: (batch: readonly Attempt<T>[], reservation: Reservation) => Promise<readonly Attempt<T>[]>;
  /** Settles what is not tried any more. */
  readonly leave: (attempt: Attempt<T>, why: Result) => Promise<void>;
}

/**
 * Tries what is to be deleted in batches: as many at once as the registry will take while a look at them counts. So each
 * waits for its turn first, is looked at then, and is sent right after. What has to be sent again is looked at again.
 */
export async function inBatches<T>(
  { registry, clock, signal, rights }: Context,
  items: readonly T[],
  { tryOnce, leave }: Attempts<T>,
): Promise<void> {
  let begun = 0;
  let again: readonly Attempt<T>[] = [];
  let size = BATCH;
  /** Looks in a row that nothing could be sent upon. */
  let slowLooks = 0;
  /** Since when everything has been throttled. */
  let refusedSince: number | undefined;
  while (begun < items.length || again.length > 0) {
    const why = rights.lacking() ?? (signal?.aborted ? notAttempted('the run was stopped') : undefined);
    if (why) {
      for (const attempt of again) await leave(attempt, why);
      for (const item of items.slice(begun)) await leave({ item }, why);
      return;
    }
    const now = clock.ticks();
    const due = again.filter(({ notBefore = now }) => notBefore <= now);
    if (due.length === 0 && begun === items.length) {
      await clock.sleep(
        again.reduce((soonest, { notBefore = now }) => Math.min(soonest, notBefore), Number.POSITIVE_INFINITY) - now,
        signal,
      );
      continue;
    }
    const wanted = Math.min(size, due.length + items.length - begun);
    const reservation = await registry.reserve(wanted, signal).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
    if (!reservation) continue;
    try {
      // What failed comes before the rest, and what was throttled behind it: it would hold up all.
      const batch = due.filter((one) => !isThrottled(one)).slice(0, reservation.calls);
      const fresh = items.slice(begun, begun + reservation.calls - batch.length);
      begun += fresh.length;
      const before = refusedSince !== undefined && { tried: throttled(refusedSince) };
      for (const item of fresh) batch.push({ item, ...before });
      for (const one of due.filter(isThrottled).slice(0, reservation.calls - batch.length)) batch.push(one);
      const tried = new Set(batch);
      const left = await tryOnce(batch, reservation);
      const stale = left.filter((one) => (one.tried?.stale ?? 0) > 0).length;
      const isSlow = stale > 0;
      slowLooks = isSlow && stale === batch.length ? slowLooks + 1 : 0;
      if (slowLooks === SLOW_LOOKS) rights.noteSlow();
      const since = left.flatMap((one) => (isThrottled(one) ? (one.tried?.refusedSince ?? []) : []));
      refusedSince =
        since.length === batch.length ? since.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) : undefined;
      size = isSlow ? Math.max(1, Math.floor(batch.length / 2)) : Math.min(BATCH, 2 * size);
      again = [...again.filter((attempt) => !tried.has(attempt)), ...left];
    } finally {
      reservation.release();
    }
  }
}

/** What has not been tried, while others are throttled. */
function throttled(refusedSince: number): Tried {
  return { failures: 0, stale: 0, refusedSince, inDoubt: false };
}

function isThrottled({ tried }: Attempt<unknown>): boolean {
  return tried?.refusedSince !== undefined && tried.stale === 0;
}
