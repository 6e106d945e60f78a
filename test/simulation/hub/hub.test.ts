import type { OrchestrationContext, Task } from 'durable-functions';
import { describe, expect, it } from 'vitest';
import { EventType, RepeatedTaskError } from '../../support/durable.ts';
import type { Orchestrators } from '../../support/durable/step.ts';
import { Draws, type Kind } from '../world/draws.ts';
import { Hub } from './hub.ts';
import { INVISIBLE_MS } from './work-items.ts';
import { type Process, World } from '../world/world.ts';

type Steps = Generator<Task, unknown, unknown>;

const DAY = 86_400_000;

/** Two children, each of which works, waits and works again; then it continues as new, once. */
const orchestrators: Orchestrators = {
  *main({ df }: OrchestrationContext): Steps {
    const { rounds, before } = df.getInput<{ rounds: number; before: number }>();
    const sums = yield df.Task.all([1, 10].map((one) => df.callSubOrchestrator('child', one * rounds)));
    const sum = (sums as readonly number[]).reduce((all, one) => all + one, before);
    if (rounds === 1) return sum;
    df.continueAsNew({ rounds: rounds - 1, before: sum });
    return undefined;
  },
  *child({ df }: OrchestrationContext): Steps {
    const first = (yield df.callActivity('work', df.getInput<number>())) as number;
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + 600_000));
    return first + ((yield df.callActivity('work', first)) as number);
  },
  *one({ df }: OrchestrationContext): Steps {
    return yield df.callActivity('work', 1);
  },
  *failing({ df }: OrchestrationContext): Steps {
    try {
      return yield df.callActivity('fail', 1);
    } catch (error) {
      return (error as Error).message;
    }
  },
  *repeating({ df }: OrchestrationContext): Steps {
    const done = df.callActivity('work', 1);
    yield done;
    return yield df.Task.any([done]);
  },
  *mistaken({ df }: OrchestrationContext): Steps {
    return yield df.callActivity('play', 1);
  },
};

interface Executed {
  readonly by: string;
  readonly at: number;
  isDone: boolean;
}

interface Stage {
  readonly world: World;
  readonly hub: Hub;
  readonly processes: readonly [Process, Process];
  readonly executed: Executed[];
}

/** @param work milliseconds that an activity takes */
function stage(seed = 1, only: readonly Kind[] = [], work = 1_000): Stage {
  const world = new World(new Draws(seed, { only: new Set(only) }));
  const hub = new Hub(world, orchestrators);
  const executed: Executed[] = [];
  const join = (name: string): Process => {
    const process = world.process(name);
    hub.join(process, {
      async work(input: number) {
        const one: Executed = { by: name, at: world.elapsed, isDone: false };
        executed.push(one);
        await process.system.clock.sleep(work);
        one.isDone = true;
        return input * 2;
      },
      async fail() {
        await process.system.clock.sleep(work);
        throw new Error('no');
      },
    });
    return process;
  };
  return { world, hub, processes: [join('a'), join('b')], executed };
}

const MAIN = { instanceId: 'it', input: { rounds: 2, before: 0 } };
/** Of 2 and 20, and then of 1 and 10: each twice and four times. */
const SUM = 198;

describe('a task hub in virtual time', () => {
  it('runs orchestrations with children, timers and activities to their ends', async () => {
    const { world, hub, executed } = stage();
    hub.start('main', MAIN);
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: SUM, generations: 1 });
    expect(executed).toHaveLength(8);
    // Two timers of ten minutes, one after the other.
    expect(world.elapsed).toBeGreaterThan(1_200_000);
    expect(world.elapsed).toBeLessThan(1_230_000);
    expect(await world.run(() => false, DAY)).toBe('quiet');
  });

  it('tells a failure as the host does', async () => {
    const { world, hub } = stage();
    hub.start('failing', { instanceId: 'it' });
    await world.run(() => hub.isIdle(), DAY);
    expect(hub.status('it')?.output).toContain("Activity function 'fail' failed: no");
  });

  it('comes to the same whatever is lost or doubled, and does the same again from the same seed', async () => {
    const told = async (seed: number): Promise<readonly string[]> => {
      const { world, hub } = stage(seed, ['duplicate', 'lost-step']);
      hub.start('main', MAIN);
      expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
      expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: SUM });
      return world.lines.map(({ at, text }) => `${at} ${text}`);
    };
    const stories: (readonly string[])[] = [];
    for (let seed = 0; seed < 100; seed += 1) stories.push(await told(seed));
    const all = stories.flat().join('\n');
    expect(all).toContain('work is delivered twice\n');
    expect(all).toContain('work is delivered twice, the second time after its end\n');
    expect(all).toContain('a step of child it 1:0 is lost\n');
    expect(all).toContain('child it 1:0 begins anew, though it runs\n');
    expect(all).toMatch(/b begins work \(attempt 2\)/);
    for (const [seed, story] of stories.slice(0, 10).entries()) expect(await told(seed)).toEqual(story);
    expect(new Set(stories.map((story) => story.join())).size).toBe(100);
  });

  it('has another process do what a killed one had begun, after a while', async () => {
    const { world, hub, processes, executed } = stage();
    hub.start('one', { instanceId: 'it' });
    await world.run(() => executed.length === 1, DAY);
    const [first] = executed;
    for (const process of processes) if (process.name === first?.by) process.kill();
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: 2 });
    expect(executed.map(({ by, isDone }) => [by, isDone])).toEqual([
      [first?.by, false],
      [first?.by === 'a' ? 'b' : 'a', true],
    ]);
    const later = (executed[1]?.at ?? 0) - (first?.at ?? 0);
    expect(later).toBeGreaterThanOrEqual(INVISIBLE_MS);
    expect(later).toBeLessThanOrEqual(INVISIBLE_MS + 500);
    expect(await world.run(() => false, DAY)).toBe('quiet');
  });

  it('has it done twice at the same time where a process is frozen, and counts one result', async () => {
    const { world, hub, processes, executed } = stage(1, [], 20_000);
    hub.start('one', { instanceId: 'it' });
    await world.run(() => executed.length === 1, DAY);
    for (const process of processes) if (process.name === executed[0]?.by) process.freeze(INVISIBLE_MS + 10_000);
    expect(await world.run(() => executed.length === 2, DAY)).toBe('done');
    expect(executed[0]?.isDone).toBe(false);
    expect(await world.run(() => executed.every(({ isDone }) => isDone), DAY)).toBe('done');
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(executed.map(({ by }) => by).sort()).toEqual(['a', 'b']);
    expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: 2 });
    expect(hub.history('it').filter(({ EventType: type }) => type === EventType.TaskCompleted)).toHaveLength(1);
  });

  it('takes nothing from a process that is killed, whatever it has waited for', async () => {
    const world = new World(new Draws(1));
    const hub = new Hub(world, orchestrators);
    const [a, b] = [world.process('a'), world.process('b')];
    const outside = () => new Promise((resolve) => world.after(1_000, () => resolve(world.elapsed)));
    hub.join(a, { work: outside });
    hub.start('one', { instanceId: 'it' });
    await world.run(() => world.lines.length === 1, DAY);
    a.kill();
    hub.join(b, { work: outside });
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(hub.status('it')?.output).toBeGreaterThan(INVISIBLE_MS);
    expect(world.lines.map(({ text }) => text)).toEqual(['a begins work', 'b begins work (attempt 2)']);
  });

  it('writes each step down once, and results after what they are of', async () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const { world, hub, processes } = stage(seed, ['lost-step']);
      for (const process of processes) {
        const when = world.draws.index(`when ${process.name}`, 1_000);
        const howLong = INVISIBLE_MS + world.draws.index(`how long ${process.name}`, 5_000);
        world.after(when, () => process.freeze(howLong));
      }
      hub.start('one', { instanceId: 'it' });
      expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
      const types = hub.history('it').map(({ EventType: type }) => type);
      // Activities of a step that was lost are done again: their results may come twice.
      const apart = types.filter((type, nth) => type !== EventType.TaskCompleted || type !== types[nth - 1]);
      expect(apart).toEqual([
        ...[EventType.OrchestratorStarted, EventType.ExecutionStarted],
        ...[EventType.TaskScheduled, EventType.OrchestratorCompleted],
        ...[EventType.OrchestratorStarted, EventType.TaskCompleted],
        ...[EventType.ExecutionCompleted, EventType.OrchestratorCompleted],
      ]);
    }
  });

  it.each(['kill', 'freeze'] as const)('outlives a process after each event: %s', async (fate) => {
    const once = async (events: number): Promise<boolean> => {
      const world = new World(new Draws(1));
      const hub = new Hub(world, orchestrators);
      const [a, b] = [world.process('a'), world.process('b')];
      const work = (process: Process) => async (input: number) => {
        await process.system.clock.sleep(1_000);
        return input * 2;
      };
      hub.join(a, { work: work(a) });
      hub.start('one', { instanceId: 'it' });
      let passed = 0;
      await world.run(() => passed++ === events, DAY);
      const isLast = hub.isIdle();
      if (fate === 'kill') a.kill();
      else a.freeze(INVISIBLE_MS + 10_000);
      hub.join(b, { work: work(b) });
      expect(await world.run(() => false, DAY)).toBe('quiet');
      expect(hub.isIdle()).toBe(true);
      expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: 2 });
      return isLast;
    };
    let events = 0;
    while (!(await once(events))) events += 1;
    expect(events).toBeGreaterThan(10);
  });

  it('keeps what takes long for the process that does it', async () => {
    const { world, hub, executed } = stage(1, [], 3_600_000);
    hub.start('one', { instanceId: 'it' });
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(executed).toHaveLength(1);
  });

  it('waits for a process where there is none, and for one that is frozen', async () => {
    const { world, hub, processes, executed } = stage();
    const [a, b] = processes;
    a.kill();
    b.freeze(1_000_000);
    hub.start('one', { instanceId: 'it' });
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(executed.map(({ at }) => at > 1_000_000)).toEqual([true]);
    b.kill();
    hub.start('one', { instanceId: 'it' });
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('quiet');
    hub.join(world.process('c'), { work: () => Promise.resolve(7) });
    expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
    expect(hub.status('it')?.output).toBe(7);
  });

  it('comes to the same with processes that are killed and frozen at any moment', async () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const { world, hub, processes } = stage(seed, ['duplicate', 'lost-step']);
      const [a, b] = processes;
      world.after(world.draws.index('when killed', 1_300_000), () => a.kill());
      world.after(world.draws.index('when frozen', 1_300_000), () => b.freeze(200_000));
      hub.start('main', MAIN);
      expect(await world.run(() => hub.isIdle(), DAY)).toBe('done');
      expect(hub.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: SUM });
    }
  });

  it.each([
    ['repeating', RepeatedTaskError],
    ['mistaken', 'no activity play'],
    ['missing', 'no orchestrator missing'],
  ])('says what must not be: %s', async (name, error) => {
    const { world, hub } = stage();
    hub.start(name, { instanceId: 'it' });
    await expect(world.run(() => hub.isIdle(), DAY)).rejects.toThrow(error);
  });

  it('answers clients after a while, and the killed ones never', async () => {
    const { world, hub, processes } = stage();
    const [a, b] = processes;
    const told: unknown[] = [];
    const note = (one: unknown): void => void told.push(one instanceof Error ? one.message : one);
    hub.client(b).startNew('one', { instanceId: 'other' }).then(note, note);
    b.kill();
    const client = hub.client(a);
    client.startNew('main', MAIN).then(note, note);
    expect(await world.run(() => told.length > 0, DAY)).toBe('done');
    expect(world.elapsed).toBeGreaterThan(0);
    client.startNew('main', MAIN).then(note, note);
    client.getStatus('it').then(({ name }) => note(name), note);
    client.getStatus('none').then(note, note);
    client.raiseEvent('none', 'wake', 1).then(note, note);
    await world.run(() => hub.isIdle(), DAY);
    // What was sent takes place.
    expect(hub.status('other')?.runtimeStatus).toBe('Completed');
    expect(told.sort()).toEqual([
      expect.stringContaining('replied with HTTP 404'),
      "No instance with ID 'none' found.",
      expect.stringContaining('status code: 409'),
      'it',
      'main',
    ]);
  });
});
