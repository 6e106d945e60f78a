import { setTimeout as sleep } from 'node:timers/promises';
import { execute, FAULTS, type Activity, type Call, type Fault, type Outcome, type Running } from './activities.ts';
import type { Choices } from './choices.ts';
import { AlreadyRunning, clientOf, type Client } from './client.ts';
import { endingOf, eventAt, happeningOf, wordsFor } from './happenings.ts';
import type { Decision } from './host.ts';
import { Instance, type Parent, type Status } from './instance.ts';
import { EventType, serialize, type Happening, type HistoryEvent } from './protocol.ts';
import { checkChild, continueAs, decide, orchestratorOf, record, StuckError, type Orchestrators } from './step.ts';

export interface DurableOptions {
  readonly orchestrators: Orchestrators;
  readonly activities?: Readonly<Record<string, Activity>>;
  readonly choices: Choices;
  /** How many activities run at a time; one more where one is run twice. */
  readonly concurrency?: number;
  readonly faults?: readonly Fault[];
  /** After so many, a call is left in peace. */
  readonly faultsPerCall?: number;
  /** How many steps of orchestrators may be lost before they are written down, though not before they are heeded. */
  readonly lostSteps?: number;
  readonly start?: Date;
  /** After so many steps and executions it is taken to go on for ever. */
  readonly steps?: number;
  /** How long to wait for an activity, in real time. */
  readonly patienceMilliseconds?: number;
  /** Asks an orchestrator everything twice, and holds it to what it said before. */
  readonly checksDeterminism?: boolean;
  /** Does as the host does with a task that is given to Task.any again, rather than say so. */
  readonly allowsRepeatedTasks?: boolean;
}

export interface Durable {
  /** Throws AlreadyRunning; an id whose instance is over can be had again. */
  start(name: string, options: { readonly instanceId: string; readonly input?: unknown }): void;
  /** Until no instance has anything to do. What waits for an event waits on. */
  run(): Promise<void>;
  status(instanceId: string): Status | undefined;
  raiseEvent(instanceId: string, name: string, value?: unknown): void;
  history(instanceId: string): readonly HistoryEvent[];
  client(): Client;
  now(): Date;
  /** What was done, in its order: for the report of a case that fails. */
  trace(): readonly string[];
}

interface Timer {
  readonly instanceId: string;
  readonly executionId: string;
  readonly id: number;
  readonly fireAt: string;
}

type Move = () => Promise<void> | void;

/** A task hub and its workers, in which everything that may happen is a matter of choice. */
export function createDurable(options: DurableOptions): Durable {
  const { orchestrators, activities = {}, choices, concurrency = 4, faults = FAULTS, faultsPerCall = 2 } = options;
  const { lostSteps = 3, steps = 100_000, patienceMilliseconds = 30_000 } = options;
  const { checksDeterminism = true, allowsRepeatedTasks = false } = options;
  const instances = new Map<string, Instance>();
  const calls: Call[] = [];
  const timers: Timer[] = [];
  const running: Running[] = [];
  const trace: string[] = [];
  let clock = (options.start ?? new Date('2026-01-01T00:00:00Z')).getTime();
  let executions = 0;
  let taken = 0;
  let lost = 0;

  const eventOf = (happening: Happening): HistoryEvent => eventAt(clock, happening);
  const newExecution = () => (++executions).toString(16).padStart(32, '0');

  const begin = (name: string, instanceId: string, input: string, parent?: Parent): void => {
    orchestratorOf(orchestrators, name);
    const started = eventOf({ EventType: EventType.ExecutionStarted, Name: name, Input: input });
    instances.set(instanceId, new Instance({ name, instanceId, executionId: newExecution(), input, parent, started }));
    trace.push(`${instanceId}: begins ${name}`);
  };
  const tell = (instanceId: string, executionId: string | undefined, happening: Happening): void => {
    const instance = instances.get(instanceId);
    if (instance && !instance.isOver) instance.inbox.push({ executionId, event: eventOf(happening) });
  };

  const step = async (instance: Instance): Promise<void> => {
    const { inbox, instanceId } = instance;
    let fresh = instance.take(inbox.length - choices.pick(inbox.length, 'how many messages'));
    while (fresh.length > 0) {
      clock += 1;
      trace.push(`${instanceId}: ${fresh.map(wordsFor).join(', ')}`);
      if (lost < lostSteps && choices.pick(2, 'fate of a step') === 1) await lose(instance, fresh);
      fresh = await play(instance, fresh);
      if (fresh.length > 0) countStep();
    }
  };
  const asking = { checksDeterminism, allowsRepeatedTasks };
  /**
   * A worker that dies between sending what is to be done and writing it down: done it will be, perhaps with what the
   * clock said then, and the step is taken once more.
   */
  const lose = async (instance: Instance, news: readonly HistoryEvent[]): Promise<void> => {
    const { decisions } = await decide(orchestrators, instance, news, clock, asking);
    for (const decision of decisions)
      if (decision.kind !== 'end' && decision.kind !== 'continue') carryOut(instance, decision);
    trace.push(`${instance.instanceId}: the step is lost`);
    lost += 1;
    clock += 60_000;
  };
  /** One step, and what it goes on with as new. */
  const play = async (instance: Instance, news: readonly HistoryEvent[]): Promise<readonly HistoryEvent[]> => {
    const step = await decide(orchestrators, instance, news, clock, asking);
    record(instance, step, clock);
    return step.decisions.flatMap((decision) => carryOut(instance, decision));
  };
  const carryOut = (instance: Instance, decision: Decision): readonly HistoryEvent[] => {
    const { instanceId, executionId } = instance;
    switch (decision.kind) {
      case 'activity':
        activityOf(activities, decision.name);
        calls.push({ instanceId, executionId, ...decision, attempts: 0, faults: 0 });
        return [];
      case 'timer':
        timers.push({ instanceId, executionId, ...decision });
        return [];
      case 'child': {
        checkChild(instance, decision.instanceId);
        const taken = instances.get(decision.instanceId);
        // The host drops the message that would begin it, and the parent waits in vain.
        if (taken && !taken.isOver) trace.push(`${decision.instanceId}: runs already`);
        else
          begin(decision.name, decision.instanceId, decision.input, { instanceId, executionId, taskId: decision.id });
        return [];
      }
      case 'continue':
        return continueAs(instance, newExecution(), decision, clock);
      case 'end': {
        const { status, result } = decision;
        Object.assign(instance, { runtimeStatus: status, output: result });
        instance.inbox.splice(0);
        trace.push(`${instanceId}: ${status}`);
        const { parent } = instance;
        if (parent) tell(parent.instanceId, parent.executionId, endingOf(decision, parent.taskId));
        return [];
      }
    }
  };

  const take = (call: Call): void => {
    calls.splice(calls.indexOf(call), 1);
    const possible = call.faults < faultsPerCall ? faults : [];
    const fault = [undefined, ...possible][choices.pick(1 + possible.length, 'fate of an activity')];
    if (fault) call.faults += 1;
    trace.push(`${called(call)}: ${fault ?? 'executed'}`);
    if (fault === 'lost before') {
      call.attempts += 1;
      calls.push(call);
      return;
    }
    const activity = activityOf(activities, call.name);
    running.push(execute(activity, call, fault, choices));
    if (fault === 'twice') running.push(execute(activity, call, fault, choices));
  };
  const finish = async (execution: Running): Promise<void> => {
    const { call, fault } = execution;
    const outcome = await patiently(execution, patienceMilliseconds);
    running.splice(running.indexOf(execution), 1);
    const isLost = fault === 'lost after' || fault === 'cut off';
    const ended = 'result' in outcome ? 'done' : 'failed';
    trace.push(`${called(call)}: ${isLost ? 'to be done again' : ended}`);
    if (isLost || fault === 'again') calls.push(call);
    if (!isLost) tell(call.instanceId, call.executionId, happeningOf(outcome, call.id));
  };
  const fire = ({ instanceId, executionId, id, fireAt }: Timer): void => {
    clock = Math.max(clock, Date.parse(fireAt));
    tell(instanceId, executionId, { EventType: EventType.TimerFired, TimerId: id, FireAt: fireAt });
  };

  /** Everything that can happen next, first what would on a calm day. */
  const moves = (): readonly Move[] => {
    const due = nextTimer();
    return [
      ...[...instances.values()].filter(({ inbox }) => inbox.length > 0).map((instance) => () => step(instance)),
      ...(running.length < concurrency ? calls.map((call) => () => take(call)) : []),
      ...running.map((execution) => () => finish(execution)),
      ...(due ? [() => fire(...(timers.splice(timers.indexOf(due), 1) as [Timer]))] : []),
    ];
  };
  const nextTimer = (): Timer | undefined => {
    const alive = timers.filter(
      ({ instanceId, executionId }) =>
        instances.get(instanceId)?.executionId === executionId && !instances.get(instanceId)?.isOver,
    );
    timers.splice(0, timers.length, ...alive.sort((a, b) => Date.parse(a.fireAt) - Date.parse(b.fireAt)));
    return timers[0];
  };
  const countStep = (): void => {
    if (++taken > steps)
      throw new Error(`after ${steps} steps there is still more to do: ${trace.slice(-5).join('; ')}`);
  };

  const durable: Durable = {
    start(name, { instanceId, input }) {
      const existing = instances.get(instanceId);
      if (existing && !existing.isOver) throw new AlreadyRunning(existing.runtimeStatus);
      begin(name, instanceId, serialize(input));
    },
    async run() {
      for (let possible = moves(); possible.length > 0; possible = moves()) {
        countStep();
        await possible[choices.pick(possible.length, 'what next')]?.();
      }
      const stuck = [...instances.values()].find(({ isOver, isStuck }) => isStuck && !isOver);
      if (stuck) throw new StuckError(stuck);
    },
    status: (instanceId) => instances.get(instanceId)?.status(),
    raiseEvent: (instanceId, name, value) =>
      tell(instanceId, undefined, { EventType: EventType.EventRaised, Name: name, Input: serialize(value) }),
    history: (instanceId) => [...(instances.get(instanceId)?.history ?? [])],
    client: () => clientOf(durable),
    now: () => new Date(clock),
    trace: () => [...trace],
  };
  return durable;
}

function activityOf(activities: Readonly<Record<string, Activity>>, name: string): Activity {
  const activity = Object.hasOwn(activities, name) ? activities[name] : undefined;
  if (!activity) throw new Error(`no activity ${name}: the host would leave its caller waiting for ever`);
  return activity;
}

async function patiently({ call, outcome }: Running, milliseconds: number): Promise<Outcome> {
  const ended = new AbortController();
  const impatience = sleep(milliseconds, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`${called(call)} has not ended`);
  });
  try {
    return await Promise.race([outcome, impatience]);
  } finally {
    ended.abort();
  }
}

const called = ({ instanceId, name, id, attempts }: Call) => `${instanceId}: ${name} ${id}, attempt ${attempts}`;
