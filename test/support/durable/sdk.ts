import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import * as df from 'durable-functions';
import { ActionType, serialize, type Action, type HistoryEvent, type OrchestratorState } from './protocol.ts';

/** An orchestrator that does not do the same again. */
export class NondeterminismError extends Error {}

/** A task that the host would run once more. */
export class RepeatedTaskError extends Error {}

export interface Step {
  readonly name: string;
  readonly instanceId: string;
  readonly parentInstanceId: string | null;
  readonly input: unknown;
  readonly isReplaying: boolean;
  readonly history: readonly HistoryEvent[];
}

export interface AskOptions {
  /** Asks twice, and compares with what was answered to the step before. */
  readonly checksDeterminism: boolean;
  readonly allowsRepeatedTasks: boolean;
}

export interface Answer {
  readonly state: OrchestratorState;
  readonly bytes: number;
}

type Handler = (trigger: unknown, context: df.OrchestrationContext) => Promise<unknown>;

/** What `df.app.orchestration` registers, without an app: not exported, yet nothing bars the way to it. */
const handlerOf = createOrchestrator();

function createOrchestrator(): (orchestrator: df.OrchestrationHandler) => Handler {
  const sdk: unknown = createRequire(import.meta.url)('durable-functions/lib/src/util/testingUtils.js');
  if (typeof sdk !== 'object' || sdk === null || !('createOrchestrator' in sdk)) throw new Error('another SDK');
  return sdk.createOrchestrator as (orchestrator: df.OrchestrationHandler) => Handler;
}

/** Asks the SDK what an instance does next; a fresh generator sees the whole history, whatever happened before. */
export async function ask(
  orchestrator: df.OrchestrationHandler,
  step: Step,
  before: OrchestratorState | undefined,
  { checksDeterminism, allowsRepeatedTasks }: AskOptions,
): Promise<Answer> {
  const json = await once(orchestrator, step, allowsRepeatedTasks);
  const state = JSON.parse(json) as OrchestratorState;
  if (checksDeterminism) {
    const again: unknown = JSON.parse(await once(orchestrator, step, allowsRepeatedTasks));
    expectSame(step, state, again, 'asked twice');
    const kept = actionsOf(state).slice(0, actionsOf(before).length);
    const [now, then] = [kept.map(uncancelled), actionsOf(before).map(uncancelled)];
    if (now.length > 0) expectSame(step, now, then, 'asked a step later');
  }
  return { state, bytes: Buffer.byteLength(json) };
}

async function once(orchestrator: df.OrchestrationHandler, step: Step, allowsRepeatedTasks: boolean): Promise<string> {
  const { name, instanceId, parentInstanceId, input, isReplaying, history } = step;
  const context = new df.DummyOrchestrationContext(name, instanceId, () => undefined);
  const trigger: unknown = JSON.parse(
    serialize({
      history,
      input: input ?? null,
      instanceId,
      isReplaying,
      parentInstanceId,
      upperSchemaVersion: 1,
      upperSchemaVersionNew: 3,
      longRunningTimerIntervalDuration: '3.00:00:00',
      maximumShortTimerDuration: '6.00:00:00',
      defaultHttpAsyncRequestSleepTimeMillseconds: 30_000,
    }),
  );
  try {
    const state = await handlerOf(orchestrator)(trigger, context);
    // Told apart while they are objects: on the way to the host, a task that is named twice becomes two.
    if (!allowsRepeatedTasks) expectOnce(step, actionsOf(state as OrchestratorState), new Set());
    return serialize(state);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [json] = error.message.split('\n\n$OutOfProcData$:').slice(1).toReversed();
    if (json === undefined) throw error;
    if ((JSON.parse(json) as OrchestratorState).error) return json;
    // Without a message the host does not see that it is an answer, and thinks that nothing at all was asked of it.
    return serialize({ isDone: false, actions: [[]], error: `Exception while executing function: Functions.${name}` });
  }
}

function actionsOf(state: OrchestratorState | undefined): readonly Action[] {
  return state?.actions[0] ?? [];
}

function expectOnce(step: Step, actions: readonly Action[], seen: Set<Action>): void {
  for (const action of actions) {
    if (action.compoundActions) expectOnce(step, action.compoundActions, seen);
    // Waiting for an event twice has no effect on the host but one more listener.
    else if (seen.has(action) && action.actionType !== ActionType.WaitForExternalEvent)
      throw new RepeatedTaskError(
        `${step.name} (${step.instanceId}) gives a task to Task.any or Task.all that it has yielded before ` +
          `(${action.functionName ?? 'a timer'}): the host starts it again, and from then on takes the results of some ` +
          `tasks for those of others (azure-functions-durable-js issue 574)`,
      );
    else seen.add(action);
  }
}

function expectSame({ name, instanceId }: Step, actual: unknown, expected: unknown, when: string): void {
  const found = difference(actual, expected, '');
  if (found !== undefined) throw new NondeterminismError(`${name} (${instanceId}) answers otherwise ${when}: ${found}`);
}

function difference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined;
  if (typeof actual === 'object' && actual !== null && typeof expected === 'object' && expected !== null) {
    const [left, right] = [new Map(Object.entries(actual)), new Map(Object.entries(expected))];
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      const found = difference(left.get(key), right.get(key), `${path}/${key}`);
      if (found !== undefined) return found;
    }
  }
  return `${path} is ${serialize(actual)}, was ${serialize(expected)}`;
}

/** Cancelling changes an action that was sent before; that is how the SDK says so. */
function uncancelled({ compoundActions, ...action }: Action): unknown {
  return {
    ...action,
    isCanceled: false,
    ...(compoundActions && { compoundActions: compoundActions.map(uncancelled) }),
  };
}
