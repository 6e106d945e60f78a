import type { Choices } from './choices.ts';
import { serialize } from './protocol.ts';

/** What an activity is told of the execution it is in. */
export interface Execution {
  readonly instanceId: string;
  /** From 1; also counts those that came to nothing. */
  readonly attempt: number;
  /** Aborted where the worker is killed: nothing that is done from then on would have been done. */
  readonly signal: AbortSignal;
  /** Says that something has happened after which a worker may be killed. */
  readonly moment: () => void;
}

export type Activity = (input: unknown, execution: Execution) => Promise<unknown>;

/**
 * What becomes of an execution. `again`: once more after it has ended, with its result taken; `twice`: two at the same
 * time; `lost before`: never begun; `lost after`: done, but nobody hears of it; `cut off`: killed in its middle. After a
 * loss it is done again.
 */
export type Fault = 'again' | 'twice' | 'lost before' | 'lost after' | 'cut off';

export const FAULTS: readonly Fault[] = ['again', 'twice', 'lost before', 'lost after', 'cut off'];

/** An activity that an orchestrator has called. */
export interface Call {
  readonly instanceId: string;
  readonly executionId: string;
  readonly id: number;
  readonly name: string;
  readonly input: string;
  attempts: number;
  faults: number;
}

export type Outcome = { readonly result: string } | { readonly reason: string; readonly details: string };

export interface Running {
  readonly call: Call;
  readonly fault: Fault | undefined;
  readonly outcome: Promise<Outcome>;
}

/** How many moments may pass before one is cut off. */
const MOMENTS = 12;

export function execute(activity: Activity, call: Call, fault: Fault | undefined, choices: Choices): Running {
  const killed = new AbortController();
  let moments = fault === 'cut off' ? choices.pick(MOMENTS, 'where it is cut off') : Infinity;
  const moment = () => {
    if (moments-- === 0) killed.abort(new Error(`killed: ${call.name}`));
  };
  const { instanceId } = call;
  const execution = { instanceId, attempt: ++call.attempts, signal: killed.signal, moment };
  const outcome = outcomeOf(call, (input) => activity(input, execution));
  // Before anything was done that it has to wait for.
  moment();
  return { call, fault, outcome };
}

/** Executes an activity, and says how that ended as the host does. */
export async function outcomeOf(
  { name, input }: Pick<Call, 'name' | 'input'>,
  activity: (input: unknown) => Promise<unknown>,
): Promise<Outcome> {
  const [argument] = JSON.parse(input) as readonly unknown[];
  try {
    return { result: serialize(await activity(argument)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const details = serialize({ $type: 'System.Exception, System.Private.CoreLib', Message: message });
    return { reason: `Activity function '${name}' failed: ${message}`, details };
  }
}
