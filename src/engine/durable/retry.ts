import type { OrchestrationContext, Task } from 'durable-functions';
import { describe } from '../../executor/results.ts';
import type { DecisionError } from '../../planner/decision.ts';
import { mayDoBetter, RegistryError } from '../../registry/errors.ts';
import type { Begin, Unanswered, WorkerInput } from './messages.ts';

/*
 * How an orchestrator calls activities and other orchestrators: what fails is tried again with growing pauses, and what the
 * registry answered is kept whole.
 */

/** What an orchestrator yields, and what it returns. What it is given back is known where it yields. */
export type Steps<T> = Generator<Task, T, unknown>;

export type Df = OrchestrationContext['df'];

export const ACTIVITIES = [
  'begin',
  'list',
  'page',
  'processRepository',
  'giveUp',
  'checkGuards',
  'finish',
  'refuse',
] as const;

export type Activity = (typeof ACTIVITIES)[number];

/**
 * Seconds before each further attempt at what failed. After the last it is given up. None is so long that the registry's
 * lock, which no worker renews meanwhile, would run out; together they outlast the lock of a worker that was killed: see
 * `LOCK_SECONDS`.
 */
export const PAUSES: readonly number[] = [5, 15, 30, 30];

/** A moment so many seconds from now, as an orchestrator knows it. */
export function later(df: Df, seconds: number): Date {
  return new Date(df.currentUtcDateTime.getTime() + seconds * 1000);
}

export type Tried<T> =
  | { readonly state: 'done'; readonly result: T }
  /** `again`: it may do better the next time. */
  | { readonly state: 'failed'; readonly error: DecisionError; readonly again: boolean };

/** An activity, tried again with growing pauses, unless it would come to the same. */
export function* retried<T>(df: Df, activity: Activity, about: unknown, pauses = PAUSES): Steps<Tried<T>> {
  for (let failures = 0; ; failures++) {
    const tried = yield* once<T>(df, activity, about);
    const pause = pauses[failures];
    if (tried.state === 'done' || !tried.again || pause === undefined) return tried;
    yield df.createTimer(later(df, pause));
  }
}

/** An activity, once. */
export function* once<T>(df: Df, activity: Activity, about: unknown): Steps<Tried<T>> {
  try {
    const result = (yield df.callActivity(activity, about)) as T | Unanswered;
    if (!isUnanswered(result)) return { state: 'done', result };
    return { state: 'failed', error: result.error, again: result.again };
  } catch (error) {
    return { state: 'failed', error: { message: messageOf(error) }, again: true };
  }
}

/** An orchestrator and its input, for `settled`. */
interface Settled {
  readonly name: 'registry' | 'worker';
  readonly input: Begin | WorkerInput;
  readonly instanceId?: string;
}

/**
 * An orchestration that never fails: how another one ended is what it returns. `Task.all` returns with the first of its
 * tasks that fails, while the others are still at work.
 */
export function* settled({ df }: OrchestrationContext): Steps<Tried<unknown>> {
  const { name, input, instanceId } = df.getInput<Settled>();
  try {
    return { state: 'done', result: yield df.callSubOrchestrator(name, input, instanceId) };
  } catch (error) {
    return { state: 'failed', error: { message: messageOf(error) }, again: false };
  }
}

/** The task of an orchestration that never fails. */
export function settledTask(df: Df, name: Settled['name'], input: Settled['input'], instanceId?: string): Task {
  const about: Settled = { name, input, ...(instanceId !== undefined && { instanceId }) };
  return df.callSubOrchestrator('settled', about);
}

/** An activity that keeps what a registry answered whole: what an activity throws comes back as a text. */
export const answering =
  <T>(activity: (about: never) => Promise<T>) =>
  async (about: never): Promise<T | Unanswered> => {
    try {
      return await activity(about);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return { state: 'unanswered', error: describe(error), again: mayDoBetter(error.status) };
    }
  };

function isUnanswered(result: unknown): result is Unanswered {
  return (result as { readonly state?: unknown } | undefined)?.state === 'unanswered';
}

/** Characters of an error that go through the history; the log has it whole. */
const LONGEST_MESSAGE = 300;

/** What an activity threw, without what the engine puts around it: `Activity function 'page' failed: … \n {…}`. */
function messageOf(error: unknown): string {
  const [message = ''] = (error as Error).message.replace(/^(?:\w+ )?function '\w+' failed: /i, '').split(/ *\n/);
  return message.slice(0, LONGEST_MESSAGE);
}
