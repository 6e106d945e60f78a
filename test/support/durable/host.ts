import {
  ActionType,
  EventType,
  LONG_TIMER_STRIDE,
  LONGEST_TIMER,
  serialize,
  type Action,
  type Ending,
  type HistoryEvent,
  type OrchestratorState,
  type RetryOptions,
} from './protocol.ts';
import { Work } from './work.ts';

/** What is to be done after a step; the ids are those of the events that say so. */
export type Decision =
  | { readonly kind: 'activity'; readonly id: number; readonly name: string; readonly input: string }
  | { readonly kind: 'timer'; readonly id: number; readonly fireAt: string }
  | {
      readonly kind: 'child';
      readonly id: number;
      readonly name: string;
      readonly instanceId: string;
      readonly input: string;
    }
  | {
      readonly kind: 'end';
      readonly id: number;
      readonly status: Ending;
      readonly result: string;
      readonly details: string;
    }
  | {
      readonly kind: 'continue';
      readonly id: number;
      readonly input: string;
      readonly carried: readonly HistoryEvent[];
    };

export interface Replayed {
  readonly decisions: readonly Decision[];
  /** Nothing will ever wake it: it waits for no task and for no event. */
  readonly isStuck: boolean;
}

export interface Replay {
  readonly name: string;
  readonly executionId: string;
  readonly history: readonly HistoryEvent[];
  readonly state: OrchestratorState;
}

class NonDeterministic extends Error {}

/**
 * The other half of a step, as the Durable extension 3.x does it: it does not take the SDK's word for what is new, but
 * plays the list of actions against the history itself, one after the other, and gives the numbers by which results
 * find their tasks. Where it sees it differently from the SDK, results go astray; so that is done here, too.
 */
export function replay({ name, executionId, history, state }: Replay): Replayed {
  const made = new Map<number, Exclude<Decision, { kind: 'end' | 'continue' }>>();
  const open = new Map<number, Work>();
  const listeners = new Map<string, Work[]>();
  const buffered = new Map<string, number>();
  const carried: HistoryEvent[] = [];
  let ids = 0;
  let now = 0;
  let next: string | undefined;
  let ended = false as boolean;
  let longTimer = false;

  const opened = (id: number): Work => {
    const work = new Work();
    open.set(id, work);
    return work;
  };
  const callActivity = (action: Action): Work => {
    const id = ids++;
    made.set(id, { kind: 'activity', id, name: nameOf(action), input: serialize([unpacked(action.input)]) });
    return opened(id);
  };
  const callChild = (action: Action): Work => {
    const id = ids++;
    const instanceId = action.instanceId === '' ? undefined : action.instanceId;
    made.set(id, {
      kind: 'child',
      id,
      name: nameOf(action),
      instanceId: instanceId ?? `${executionId}:${id}`,
      input: serialize(action.input),
    });
    return opened(id);
  };
  const createTimer = (fireAt: number, isCanceled = false): Work => {
    const id = ids++;
    made.set(id, { kind: 'timer', id, fireAt: new Date(fireAt).toISOString() });
    return isCanceled ? new Work().settle(true) : opened(id);
  };

  /** Longer ones go in strides; which they do is remembered for the instance, not for the timer. */
  const timer = (fireAt: number, isCanceled: boolean): Work => {
    if (fireAt - now > LONGEST_TIMER) longTimer = true;
    if (!longTimer) return createTimer(fireAt, isCanceled);
    const whole = new Work();
    const stride = (until: number) => {
      const part = createTimer(until, isCanceled);
      part.follow(() => {
        if (part.failed || now >= fireAt) {
          longTimer = false;
          whole.settle(part.failed);
        } else stride(fireAt - now < LONG_TIMER_STRIDE ? fireAt : now + LONG_TIMER_STRIDE);
      });
    };
    stride(fireAt - now > LONGEST_TIMER ? now + LONG_TIMER_STRIDE : fireAt);
    return whole;
  };

  const retrying = (options: RetryOptions | undefined, call: () => Work): Work => {
    if (!options) throw new Error('a retry without options');
    const whole = new Work();
    const first = now;
    const attempt = (count: number) => {
      const work = call();
      work.follow(() => {
        if (!work.failed) whole.settle();
        // So that the numbers stay those of older versions, it waits for nothing after the last.
        else if (count >= options.maxNumberOfAttempts) createTimer(now).follow(() => whole.settle(true));
        else if (now >= first + (options.retryTimeoutInMilliseconds ?? Infinity)) whole.settle(true);
        else createTimer(now + delay(options, count - 1)).follow(() => attempt(count + 1));
      });
    };
    attempt(1);
    return whole;
  };

  const waitFor = (event: string): Work => {
    const work = new Work();
    const count = buffered.get(event) ?? 0;
    if (count > 0) {
      buffered.set(event, count - 1);
      return work.settle();
    }
    listeners.set(event, [...(listeners.get(event) ?? []), work]);
    return work;
  };

  const invoke = (action: Action): Work => {
    switch (action.actionType) {
      case ActionType.CallActivity:
        return callActivity(action);
      case ActionType.CallActivityWithRetry:
        return retrying(action.retryOptions, () => callActivity(action));
      case ActionType.CallSubOrchestrator:
        return callChild(action);
      case ActionType.CallSubOrchestratorWithRetry:
        return retrying(action.retryOptions, () => callChild(action));
      case ActionType.CreateTimer:
        return timer(Date.parse(action.fireAt ?? ''), action.isCanceled === true);
      case ActionType.WaitForExternalEvent:
        return waitFor(action.externalEventName ?? '');
      case ActionType.ContinueAsNew:
        next = serialize(action.input);
        return new Work().settle();
      case ActionType.WhenAny: {
        const [whole, parts] = [new Work(), (action.compoundActions ?? []).map(invoke)];
        for (const part of parts) part.follow(() => whole.settle());
        return whole;
      }
      case ActionType.WhenAll: {
        // Unlike Task.all of the SDK, which is done with the first failure, the host waits for every one.
        const [whole, parts] = [new Work(), (action.compoundActions ?? []).map(invoke)];
        for (const part of parts) part.follow(() => parts.every(({ settled }) => settled) && whole.settle());
        return whole;
      }
      default:
        throw new Error(`the test executor knows no action of type ${action.actionType}`);
    }
  };

  const actions = (state.actions[0] ?? []).values();
  const play = (): void => {
    for (const action of actions) {
      const work = invoke(action);
      if (work.settled) continue;
      work.follow(play);
      return;
    }
    ended = state.isDone || Boolean(state.error);
  };

  const scheduled = (id: number, kind: string, called?: string): void => {
    const decision = made.get(id);
    const same = decision?.kind === kind && (decision.kind === 'timer' || decision.name === called);
    if (!same)
      throw new NonDeterministic(
        `Non-Deterministic workflow detected: ${kind} ${called ?? ''} (${id}) of an earlier execution is now ` +
          (decision ? `${decision.kind} ${decision.kind === 'timer' ? '' : decision.name}` : 'missing'),
      );
    made.delete(id);
  };
  const settled = (id: number, failed: boolean): void => {
    // Results that come again find nothing open, and are passed over.
    const work = open.get(id);
    open.delete(id);
    work?.settle(failed);
  };

  const see = (event: HistoryEvent): void => {
    switch (event.EventType) {
      case EventType.OrchestratorStarted:
        now = Date.parse(event.Timestamp);
        break;
      case EventType.ExecutionStarted:
        play();
        break;
      case EventType.TaskScheduled:
        scheduled(event.EventId, 'activity', event.Name);
        break;
      case EventType.SubOrchestrationInstanceCreated:
        scheduled(event.EventId, 'child', event.Name);
        break;
      case EventType.TimerCreated:
        scheduled(event.EventId, 'timer');
        break;
      case EventType.TaskCompleted:
      case EventType.SubOrchestrationInstanceCompleted:
        settled(event.TaskScheduledId, false);
        break;
      case EventType.TaskFailed:
      case EventType.SubOrchestrationInstanceFailed:
        settled(event.TaskScheduledId, true);
        break;
      case EventType.TimerFired:
        settled(event.TimerId, false);
        break;
      case EventType.EventRaised: {
        if (next !== undefined) carried.push(event);
        else {
          // The last to listen hears it first.
          const listener = listeners.get(event.Name)?.pop();
          if (listener) listener.settle();
          else buffered.set(event.Name, (buffered.get(event.Name) ?? 0) + 1);
        }
        break;
      }
      case EventType.ExecutionCompleted:
      case EventType.OrchestratorCompleted:
        break;
    }
  };

  const end = (): Decision => {
    const id = ids;
    if (state.error) {
      const details = `Message: ${state.error}, StackTrace: `;
      return {
        kind: 'end',
        id,
        status: 'Failed',
        result: `Orchestrator function '${name}' failed: ${state.error}`,
        details,
      };
    }
    if (next !== undefined) return { kind: 'continue', id, input: next, carried };
    return { kind: 'end', id, status: 'Completed', result: serialize(state.output), details: '' };
  };

  try {
    history.forEach(see);
  } catch (error) {
    if (!(error instanceof NonDeterministic)) throw error;
    const { message } = error;
    return { decisions: [{ kind: 'end', id: ids, status: 'Failed', result: message, details: '' }], isStuck: false };
  }
  const listens = [...listeners.values()].some((waiting) => waiting.length > 0);
  return {
    // An instance whose tasks are still open has not ended, even when its function has returned.
    decisions: [...made.values(), ...(ended && open.size === 0 ? [end()] : [])],
    isStuck: !ended && open.size === 0 && !listens,
  };
}

function nameOf({ functionName }: Action): string {
  if (functionName === undefined) throw new Error('a call of nothing');
  return functionName;
}

/**
 * The SDK makes JSON of a text, and of nothing else, both for activities and to go on as new; the worker undoes it for
 * activities only.
 */
function unpacked(input: unknown): unknown {
  return typeof input === 'string' ? JSON.parse(input) : (input ?? null);
}

function delay(options: RetryOptions, retries: number): number {
  const grown = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient ?? 1) ** retries;
  return Math.min(grown, options.maxRetryIntervalInMilliseconds ?? LONGEST_TIMER);
}
