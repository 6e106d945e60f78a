import type { OrchestrationContext, Task } from 'durable-functions';
import type { DecisionError } from '../../planner/decision.ts';
import type { Begin, Stretch, Unanswered } from './messages.ts';

/** What an orchestrator yields, and what it returns. What it is given back is known where it yields. */
export type Steps<T> = Generator<Task, T, unknown>;

export const ACTIVITIES = ['begin', 'select', 'page', 'visit', 'giveUp', 'breakers', 'end', 'refuse'] as const;

export type Activity = (typeof ACTIVITIES)[number];

/**
 * Seconds before each further attempt at what failed. After the last it is given up. None is so long that the registry's
 * lock, which no worker renews meanwhile, would run out; together they outlast the lock of a worker that was killed: see
 * `LOCK_SECONDS`.
 */
export const PAUSES: readonly number[] = [5, 15, 30, 30];

export type Df = OrchestrationContext['df'];

/** A moment so many seconds from now, as an orchestrator knows it. */
export function later(df: Df, seconds: number): Date {
  return new Date(df.currentUtcDateTime.getTime() + seconds * 1000);
}

export type Attempted<T> =
  | { readonly state: 'done'; readonly result: T }
  /** `again`: it may do better the next time. */
  | { readonly state: 'failed'; readonly error: DecisionError; readonly again: boolean };

/** An orchestrator and its input, for `shielded`. */
interface Shielded {
  readonly name: 'registry' | 'lane';
  readonly input: Begin | Stretch;
  readonly instanceId?: string;
}

/**
 * An orchestration that never fails: how another one ended is what it returns. `Task.all` comes back with the first of its
 * tasks that fails, while the others go on.
 */
export function* shielded({ df }: OrchestrationContext): Steps<Attempted<unknown>> {
  const { name, input, instanceId } = df.getInput<Shielded>();
  try {
    return { state: 'done', result: yield df.callSubOrchestrator(name, input, instanceId) };
  } catch (error) {
    return { state: 'failed', error: { message: messageOf(error) }, again: false };
  }
}

/** The same of one, as a task. */
export function ended(df: Df, name: Shielded['name'], input: Shielded['input'], instanceId?: string): Task {
  const about: Shielded = { name, input, ...(instanceId !== undefined && { instanceId }) };
  return df.callSubOrchestrator('shielded', about);
}

/** An activity, tried again with growing pauses, unless it would come to the same. */
export function* attempt<T>(df: Df, activity: Activity, about: unknown, pauses = PAUSES): Steps<Attempted<T>> {
  for (let failures = 0; ; failures++) {
    const attempted = yield* once<T>(df, activity, about);
    const pause = pauses[failures];
    if (attempted.state === 'done' || !attempted.again || pause === undefined) return attempted;
    yield df.createTimer(later(df, pause));
  }
}

/** An activity, once. */
export function* once<T>(df: Df, activity: Activity, about: unknown): Steps<Attempted<T>> {
  try {
    const result = (yield df.callActivity(activity, about)) as T | Unanswered;
    if (!isUnanswered(result)) return { state: 'done', result };
    return { state: 'failed', error: result.error, again: result.again };
  } catch (error) {
    return { state: 'failed', error: { message: messageOf(error) }, again: true };
  }
}

function isUnanswered(result: unknown): result is Unanswered {
  return (result as { readonly state?: unknown } | undefined)?.state === 'unanswered';
}

/** What an activity threw, without what the engine puts around it: `Activity function 'visit' failed: … \n {…}`. */
function messageOf(error: unknown): string {
  const [message = ''] = (error as Error).message.replace(/^(?:\w+ )?function '\w+' failed: /i, '').split(/ *\n/);
  return message.slice(0, LONGEST_MESSAGE);
}

/** Characters of an error that go through the history; the log has it whole. */
const LONGEST_MESSAGE = 300;
