import type { OrchestrationHandler } from 'durable-functions';
import { eventAt, happeningsOf } from './happenings.ts';
import { replay, type Decision } from './host.ts';
import type { Instance } from './instance.ts';
import { EventType, type HistoryEvent, type OrchestratorState } from './protocol.ts';
import { ask, type AskOptions } from './sdk.ts';

export type Orchestrators = Readonly<Record<string, OrchestrationHandler>>;

/** An instance that waits for nothing, and is not over. */
export class StuckError extends Error {
  constructor({ name, instanceId }: Instance) {
    super(
      `${name} (${instanceId}) waits for nothing that will come, as for a Task.any or Task.all of ` +
        'tasks that were over before it was made',
    );
  }
}

/** What an instance does next, and why. */
export interface Step {
  readonly state: OrchestratorState;
  readonly bytes: number;
  readonly decisions: readonly Decision[];
  readonly isStuck: boolean;
  readonly fresh: readonly HistoryEvent[];
}

export function orchestratorOf(orchestrators: Orchestrators, name: string): OrchestrationHandler {
  const orchestrator = Object.hasOwn(orchestrators, name) ? orchestrators[name] : undefined;
  if (!orchestrator) throw new Error(`no orchestrator ${name}: the host would leave its caller waiting for ever`);
  return orchestrator;
}

/**
 * What an instance makes of news. It is not changed by it.
 * @param now by the clock of the worker, in milliseconds since 1970
 */
export async function decide(
  orchestrators: Orchestrators,
  instance: Instance,
  news: readonly HistoryEvent[],
  now: number,
  options: AskOptions,
): Promise<Step> {
  const { name, instanceId, executionId, history: past, parent, input } = instance;
  const fresh = [eventAt(now, { EventType: EventType.OrchestratorStarted }), ...news];
  const history = [...past, ...fresh];
  const answer = await ask(
    orchestratorOf(orchestrators, name),
    {
      ...{ name, instanceId, history, isReplaying: past.length > 0 },
      parentInstanceId: parent?.instanceId ?? null,
      input: JSON.parse(input),
    },
    instance.state,
    options,
  );
  return { ...answer, ...replay({ name, executionId, history, state: answer.state }), fresh };
}

/** Writes a step into the history. */
export function record(instance: Instance, { state, bytes, decisions, isStuck, fresh }: Step, now: number): void {
  Object.assign(instance, { state, isStuck, runtimeStatus: 'Running' });
  if (state.customStatus !== undefined) instance.customStatus = state.customStatus;
  const made = decisions.flatMap((decision) =>
    happeningsOf(decision).map((happening) => eventAt(now, happening, decision.id)),
  );
  instance.keep([...fresh, ...made, eventAt(now, { EventType: EventType.OrchestratorCompleted })], bytes);
}

/** Lets an instance continue as new. @returns what comes for the new generation at once */
export function continueAs(
  instance: Instance,
  executionId: string,
  { input, carried }: Extract<Decision, { readonly kind: 'continue' }>,
  now: number,
): readonly HistoryEvent[] {
  instance.goOnAsNew(executionId, input);
  return [
    eventAt(now, { EventType: EventType.ExecutionStarted, Name: instance.name, Input: input }),
    ...carried,
    eventAt(now, { EventType: EventType.OrchestratorCompleted }),
  ];
}

/** Where a child begins. @throws where the host would leave the parent waiting for ever */
export function checkChild(instance: Instance, child: string): void {
  const { instanceId, parent } = instance;
  if (child === instanceId || child === parent?.instanceId)
    throw new Error(`${child} would be its own parent: the host leaves ${instanceId} waiting for ever`);
}
