import { cancelledInWords } from '../ledger/cancellation.ts';
import { cancelRun, CancelRefused } from './cancel.ts';
import { describe } from '../executor/results.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { newRunId } from '../ledger/paths.ts';
import type { Clock } from '../registry/clock.ts';
import { type Child, type ParentRecord } from '../ledger/records.ts';
import type { Holder } from '../ledger/store/store.ts';
import type { TimeBudget } from '../policy/duration.ts';
import type { RegistrySettings } from '../policy/registries.ts';
import type { Log } from '../report/log.ts';
import type { RegistryOutcome, RunSummary } from '../ledger/summary.ts';
import type { InTurn, RunOptions } from './run.ts';
import { StopReason } from './stop.ts';

/** What all of them have in common. */
export interface Together extends Pick<RunOptions, 'by' | 'signal' | 'inTurn'> {
  readonly kind: ParentRecord['kind'];
  readonly startedBy: string;
  readonly ledger: Ledger;
  readonly log: Log;
  /** Of all of them together. */
  readonly timeBudget: TimeBudget;
  /** Told once the parent is recorded, before any registry is asked for anything. */
  readonly onBegin?: ((parentId: string) => void) | undefined;
  /** Told of each, in their order. */
  readonly onOutcome?: (outcome: RegistryOutcome) => Promise<void>;
}

/** What the run of one of them is given: what is left of the budget, and what makes it a child of the parent. */
export type Share = Required<Pick<RunOptions, 'parent' | 'onBegin' | 'log'>> &
  Pick<RunOptions, 'inTurn'> & { readonly timeBudget: TimeBudget };

/**
 * Does registries one after the other, under one parent in the ledger. One that fails, whatever with, does not stop the
 * next; once the time is used up, the process is told to end or the parent is cancelled, the rest is not begun.
 *
 * @param registries in the order in which they are done
 * @param named the same, in the order of the settings
 * @throws {LedgerError} where the parent cannot be recorded: then nothing else could be, either; and whatever
 * `onOutcome` throws
 */
export async function eachRegistry(
  registries: readonly RegistrySettings[],
  named: readonly RegistrySettings[],
  together: Together,
  work: (registry: RegistrySettings, share: Share) => Promise<RunSummary>,
): Promise<readonly RegistryOutcome[]> {
  const { ledger, timeBudget, onOutcome } = together;
  const { kind, startedBy, by } = together;
  const hosts = named.map(({ endpoint }) => endpoint.host);
  const about = { kind, startedBy, ...(by !== undefined && { by }), registries: hosts };
  const parent = await beginBatch(ledger, about, ledger.system.self());
  together.onBegin?.(parent);
  const log = together.log.child({ parent });
  const clock = newUsage(ledger.system.clock, together.inTurn);
  let broken: Error | undefined;
  const note = async (child: Child): Promise<void> => {
    try {
      await ledger.child(parent, child);
      if (child.runId !== undefined) await passCancellationOn(ledger, parent, child.runId);
    } catch (error) {
      // How its run ended stands in that run's record, too.
      log.warn({ event: 'warning', registry: child.registry }, (error as Error).message);
    }
  };

  const leave = async (registry: string, cause: StopReason): Promise<RegistryOutcome> => {
    const { message, by: notBegun } = cause;
    log.warn({ event: 'run-not-begun', registry, why: message, by: notBegun }, message);
    const child = { registry, error: { message }, notBegun };
    await note(child);
    return { ...child, cause };
  };

  const attempt = async (settings: RegistrySettings, milliseconds: number): Promise<RegistryOutcome> => {
    const registry = settings.endpoint.host;
    let begun: Promise<void> | undefined;
    const onBegin = (runId: string): void => {
      begun = note({ registry, runId });
    };
    const share = { parent, onBegin, log, timeBudget: { ...timeBudget, milliseconds }, ...clock.inTurn };
    try {
      return { registry, summary: await clock.measured(() => work(settings, share)) };
    } catch (error) {
      const child = { registry, error: describe(error as Error) };
      if (!begun) {
        const { message } = child.error;
        log.error({ event: 'run-not-begun', registry, why: message }, message);
        await note(child);
      }
      return { ...child, cause: error as Error };
    } finally {
      await begun;
    }
  };

  const outcomes: RegistryOutcome[] = [];
  for (const registry of registries) {
    const left = timeBudget.milliseconds - clock.used();
    const reason = broken
      ? new StopReason('signal', `not begun: ${broken.message}`)
      : await whyNotBegun(together, parent, left);
    const outcome = reason ? await leave(registry.endpoint.host, reason) : await attempt(registry, left);
    outcomes.push(outcome);
    try {
      if (!broken) await onOutcome?.(outcome);
    } catch (error) {
      // The client is gone: nothing else is begun for it, and the ledger says so.
      broken = error as Error;
    }
  }
  if (broken) throw broken;
  return outcomes;
}

/** Records a batch: the runs of several registries that are started together. @returns its id */
export async function beginBatch(
  ledger: Ledger,
  about: Pick<ParentRecord, 'kind' | 'startedBy' | 'by' | 'registries'>,
  holder?: Omit<Holder, 'runId' | 'startedBy' | 'since'>,
): Promise<string> {
  const now = new Date(ledger.system.clock.now());
  const id = newRunId(now);
  const started = now.toISOString();
  const { startedBy } = about;
  await ledger.beginParent({
    format: 1,
    id,
    ...about,
    started,
    ...(holder && { holder: { runId: id, startedBy, ...holder, since: started } }),
  });
  return id;
}

/** Measures what is used of the budget: what waits for its turn uses nothing up. */
function newUsage(clock: Clock, inTurn: InTurn | undefined) {
  let used = 0;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const began = clock.ticks();
    try {
      return await work();
    } finally {
      used += clock.ticks() - began;
    }
  };
  return {
    used: () => used,
    measured: <T>(work: () => Promise<T>): Promise<T> => (inTurn ? work() : timed(work)),
    ...(inTurn && { inTurn: { inTurn: <T>(work: () => Promise<T>): Promise<T> => inTurn(() => timed(work)) } }),
  };
}

/** Why the next registry must not be begun. */
async function whyNotBegun(
  { ledger, kind, signal, timeBudget }: Together,
  parent: string,
  left: number,
): Promise<StopReason | undefined> {
  const next = kind === 'scheduled' ? '; the next tick begins with it' : '';
  // Where the ledger cannot be read, its run will say so.
  const cancelled = await ledger.cancellation(parent).catch(() => undefined);
  if (cancelled) return new StopReason('cancel', `not begun: ${cancelledInWords(cancelled)}`);
  if (signal?.aborted) {
    const why = signal.reason instanceof StopReason ? signal.reason.message : 'it was told to stop';
    return new StopReason('signal', `not begun: ${why}${next}`);
  }
  return left < 1
    ? new StopReason('budget', `not begun: the time budget of ${timeBudget.text} was used up${next}`)
    : undefined;
}

/** Cancels a run whose batch was cancelled before the run belonged to it. */
export async function passCancellationOn(ledger: Ledger, parent: string, runId: string): Promise<void> {
  const cancelled = await ledger.cancellation(parent);
  if (!cancelled) return;
  const { at, ...who } = cancelled;
  await cancelRun(ledger, runId, { ...who, now: new Date(at) }).catch((error: unknown) => {
    if (!(error instanceof CancelRefused)) throw error;
  });
}
