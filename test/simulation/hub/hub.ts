import { registry, retention, settled, worker } from '../../../src/engine/durable/orchestrators.ts';
import { outcomeOf } from '../../support/durable/activities.ts';
import { AlreadyRunning, type Client, clientOf } from '../../support/durable/client.ts';
import { endingOf, eventAt, happeningOf } from '../../support/durable/happenings.ts';
import type { Decision } from '../../support/durable/host.ts';
import { Instance, type Parent, type Status } from '../../support/durable/instance.ts';
import { EventType, type Happening, type HistoryEvent, serialize } from '../../support/durable/protocol.ts';
import { checkChild, continueAs, decide, type Orchestrators, record, StuckError } from '../../support/durable/step.ts';
import { aboutOf, type Call, type Execution, keyOf } from './call.ts';
import { isDue } from './due.ts';
import { type Activities, RENEWED_EVERY_MS, type Taken, WorkItems } from './work-items.ts';
import type { Process, World } from '../world/world.ts';

/** Milliseconds that a request to the storage of the hub takes at most, and as many that its answer takes. */
const LATENCY_MS = 40;

/** How often a delivery is doubled, and a step lost. */
const RATE = 0.01;

const DEPLOYED: Orchestrators = { retention, registry, worker, settled };

/** Asking twice is a matter of other tests. */
const ASKING = { checksDeterminism: false, allowsRepeatedTasks: false };

/** An instance, as it was last written down. */
interface Entry {
  instance: Instance;
  /** A step of it waits for a worker, or is under way. */
  isAwaited: boolean;
}

/**
 * The task hub of the durable engine: instances, their histories and the work that waits. It is storage, so it outlives all
 * processes. Those that have joined it take work from it, steps of orchestrators as well as activities, and do everything at
 * least once: what a killed or frozen one has taken, another one takes a while later.
 */
export class Hub {
  readonly #world: World;
  readonly #orchestrators: Orchestrators;
  readonly #items: WorkItems;
  readonly #entries = new Map<string, Entry>();
  /** Timers that have not gone off, by whose they are. */
  readonly #timers = new Set<Execution>();
  readonly #counts = new Map<string, number>();
  #failure: Error | undefined;

  constructor(world: World, orchestrators: Orchestrators = DEPLOYED) {
    this.#world = world;
    this.#orchestrators = orchestrators;
    this.#items = new WorkItems(world);
  }

  /** Has a process take work, for as long as it lives. */
  join(process: Process, activities: Activities): void {
    this.#items.join(process, activities);
  }

  /** The client of the SDK, as functions in this process have it. */
  client(process: Process): Client {
    return clientOf(this, (ask) => this.#ask(process, `client ${process.name}`, ask));
  }

  status(instanceId: string): Status | undefined {
    return this.#entries.get(instanceId)?.instance.status();
  }

  history(instanceId: string): readonly HistoryEvent[] {
    return [...(this.#entries.get(instanceId)?.instance.history ?? [])];
  }

  /**
   * Whether there is nothing to do. What waits for an event waits on.
   * @throws what an orchestrator must not do, such as deciding otherwise when it is asked again
   */
  isIdle(): boolean {
    if (this.#failure) throw this.#failure;
    return this.#items.isEmpty && ![...this.#timers].some((timer) => this.#isOf(timer));
  }

  /** @throws {AlreadyRunning} An id whose instance is over can be had again. */
  start(name: string, { instanceId, input }: { readonly instanceId: string; readonly input?: unknown }): void {
    const existing = this.#entries.get(instanceId)?.instance;
    if (existing && !existing.isOver) throw new AlreadyRunning(existing.runtimeStatus);
    this.#begin(name, instanceId, serialize(input));
  }

  raiseEvent(instanceId: string, name: string, value?: unknown): void {
    this.#tell(instanceId, undefined, { EventType: EventType.EventRaised, Name: name, Input: serialize(value) });
  }

  #begin(name: string, instanceId: string, input: string, parent?: Parent): void {
    const started = eventAt(this.#world.now, { EventType: EventType.ExecutionStarted, Name: name, Input: input });
    const executionId = this.#newExecution(instanceId);
    const entry = {
      instance: new Instance({ name, instanceId, executionId, input, parent, started }),
      isAwaited: false,
    };
    this.#entries.set(instanceId, entry);
    this.#await(entry);
  }

  #tell(instanceId: string, executionId: string | undefined, happening: Happening): void {
    const entry = this.#entries.get(instanceId);
    if (!entry || entry.instance.isOver) return;
    entry.instance.inbox.push({ executionId, event: eventAt(this.#world.now, happening) });
    this.#await(entry);
  }

  /** Has a worker take a step of an instance, if there is a reason to. */
  #await(entry: Entry): void {
    const { instance } = entry;
    if (entry.isAwaited || instance.isOver || !instance.inbox.some((message) => isDue(instance, message))) return;
    entry.isAwaited = true;
    const key = this.#numbered(`hub ${instance.executionId} step`);
    const begin = (taken: Taken) => this.#inside(this.#step(key, entry, taken));
    this.#items.add({ key, kind: 'step', begin });
  }

  /** A worker takes a step: it sends what is to be done, and only then writes down that it has. */
  async #step(key: string, entry: Entry, taken: Taken): Promise<void> {
    // Nothing more comes of a generation that was begun anew.
    if (this.#entries.get(entry.instance.instanceId) !== entry) {
      this.#items.remove(taken);
      return;
    }
    const { process } = taken.worker;
    const { instance } = entry;
    const due = instance.inbox.filter((message) => isDue(instance, message));
    const messages = due.slice(0, 1 + this.#world.draws.index(`${key} ${taken.receipt} messages`, due.length));
    const draft = instance.copy();
    const sent: (() => void)[] = [];
    let news: readonly HistoryEvent[] = messages
      .filter(({ executionId = instance.executionId }) => executionId === instance.executionId)
      .map(({ event }) => event);
    while (news.length > 0) {
      const now = process.system.clock.now();
      const step = await decide(this.#orchestrators, draft, news, now, ASKING);
      record(draft, step, now);
      if (step.isStuck) throw new StuckError(draft);
      news = step.decisions.flatMap((decision) => this.#carryOut(draft, decision, now, sent));
    }
    if (sent.length > 0) await this.#ask(process, key, () => sent.forEach((send) => send()));
    if (this.#world.draws.happens('lost-step', `${key} ${taken.receipt} lost`, RATE)) {
      this.#world.tell(`a step of ${instance.name} ${instance.instanceId} is lost`);
      return;
    }
    await this.#ask(process, key, () => {
      if (!this.#items.isCurrent(taken)) return;
      this.#items.remove(taken);
      for (const message of messages) instance.inbox.splice(instance.inbox.indexOf(message), 1);
      if (draft.isOver) instance.inbox.splice(0);
      entry.instance = draft;
      entry.isAwaited = false;
      this.#await(entry);
    });
  }

  /** @param now by the clock of the worker */
  #carryOut(draft: Instance, decision: Decision, now: number, sent: (() => void)[]): readonly HistoryEvent[] {
    const { instanceId, executionId } = draft;
    switch (decision.kind) {
      case 'activity':
        sent.push(() => this.#call({ instanceId, executionId, ...decision }));
        return [];
      case 'timer': {
        const { id, fireAt } = decision;
        const event = { EventType: EventType.TimerFired, TimerId: id, FireAt: fireAt } as const;
        // The worker tells the storage how long, and not until when.
        sent.push(() => this.#setTimer({ instanceId, executionId }, Date.parse(fireAt) - now, event));
        return [];
      }
      case 'child':
        checkChild(draft, decision.instanceId);
        sent.push(() => this.#beginChild(decision, { instanceId, executionId, taskId: decision.id }));
        return [];
      case 'continue':
        return continueAs(draft, this.#newExecution(instanceId), decision, now);
      case 'end': {
        Object.assign(draft, { runtimeStatus: decision.status, output: decision.result });
        const { parent } = draft;
        if (parent)
          sent.push(() => this.#tell(parent.instanceId, parent.executionId, endingOf(decision, parent.taskId)));
        return [];
      }
    }
  }

  /**
   * One that runs already begins anew, and its parent until now waits in vain: the storage takes the first message for a start
   * of its own (azure-functions-durable-extension, issues 747 and 1886). That is what becomes of a step that was lost.
   */
  #beginChild({ name, instanceId, input }: Extract<Decision, { readonly kind: 'child' }>, parent: Parent): void {
    const existing = this.#entries.get(instanceId)?.instance;
    if (existing && !existing.isOver) this.#world.tell(`${name} ${instanceId} begins anew, though it runs`);
    this.#begin(name, instanceId, input, parent);
  }

  #setTimer(of: Execution, delay: number, fired: Happening): void {
    const timer = { ...of };
    this.#timers.add(timer);
    this.#world.after(delay, () => {
      this.#timers.delete(timer);
      if (this.#isOf(timer)) this.#tell(of.instanceId, of.executionId, fired);
    });
  }

  #call(call: Call): void {
    const key = this.#numbered(keyOf(call));
    this.#items.add({ key, kind: 'activity', begin: (taken) => this.#inside(this.#perform(call, taken)) });
  }

  /** A worker executes an activity: it sends the result, and only then removes what it has taken. */
  async #perform(call: Call, taken: Taken): Promise<void> {
    const { process, activities } = taken.worker;
    const { name } = call;
    const activity = Object.hasOwn(activities, name) ? activities[name] : undefined;
    if (!activity) throw new Error(`no activity ${name}: the host would leave its caller waiting for ever`);
    const attempt = this.#count(`${keyOf(call)} attempts`);
    const key = `${keyOf(call)} ${attempt}`;
    const told = `${name}${aboutOf(call)}`;
    this.#world.tell(`${process.name} begins ${told}${attempt > 1 ? ` (attempt ${attempt})` : ''}`);
    const isDoubled = attempt === 1 && this.#world.draws.happens('duplicate', `${key} doubled`, RATE);
    const isAtOnce = isDoubled && this.#world.draws.number(`${key} at once`) < 0.5;
    if (isDoubled) this.#world.tell(`${told} is delivered twice${isAtOnce ? '' : ', the second time after its end'}`);
    if (isAtOnce) this.#call(call);

    taken.worker.busy += 1;
    const renew = () => this.#inside(this.#ask(process, key, () => this.#items.renew(taken)));
    const renewing = process.system.clock.every(RENEWED_EVERY_MS, renew);
    const outcome = await outcomeOf(call, (input) => activity(input as never));
    // Where it did not wait for anything of its process it has not noticed that this was killed, or is frozen.
    await new Promise<void>((resolve) => process.deliver(resolve));
    renewing.cancel();
    // A result that comes late, or twice, finds no task that is open.
    await this.#ask(process, key, () => this.#tell(call.instanceId, call.executionId, happeningOf(outcome, call.id)));
    // Removing it fails where it was renewed at the same moment: then it is visible again after a while.
    if (!isDoubled || isAtOnce) await this.#ask(process, key, () => this.#items.remove(taken));
    taken.worker.busy -= 1;
    this.#items.look();
  }

  /** A request to the storage of the hub. */
  #ask<T>(process: Process, key: string, effect: () => T): Promise<T> {
    const latency = this.#world.draws.index(this.#numbered(`${key} latency`), LATENCY_MS) + 1;
    return process.call(latency, effect, latency);
  }

  /** What a worker does must not fail. Where it does the next look at the hub says so. */
  #inside(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  #isOf({ instanceId, executionId }: Execution): boolean {
    const instance = this.#entries.get(instanceId)?.instance;
    return instance?.executionId === executionId && !instance.isOver;
  }

  /** Not by chance, and not by what other instances do: it names draws. */
  #newExecution(instanceId: string): string {
    return this.#numbered(instanceId);
  }

  #numbered(key: string): string {
    return `${key} ${this.#count(key)}`;
  }

  #count(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }
}
