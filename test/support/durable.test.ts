import * as df from 'durable-functions';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AlreadyRunning,
  calm,
  createDurable,
  EventType,
  NondeterminismError,
  RepeatedTaskError,
  seeded,
  StuckError,
  type Activity,
  type Durable,
  type DurableOptions,
} from './durable.ts';

/** What is yielded comes back as anything; that it is unknown is safer to say. */
type Orchestrator = (context: df.OrchestrationContext) => Generator<df.Task, unknown, unknown>;

async function run(
  orchestrator: Orchestrator,
  options: Partial<DurableOptions> = {},
  input?: unknown,
): Promise<Durable> {
  const { orchestrators, ...rest } = options;
  const durable = createDurable({ orchestrators: { main: orchestrator, ...orchestrators }, choices: calm, ...rest });
  durable.start('main', { instanceId: 'it', input });
  await durable.run();
  return durable;
}

const double: Activity = (input) => Promise.resolve(Number(input) * 2);
const boom: Activity = () => Promise.reject(new Error('boom'));
const numbers = fc.array(fc.nat({ max: 1000 }), { maxLength: 80 });

/** Lanes, each of which takes one item after the other: a window that slides, without a task that is yielded twice. */
const lanes: Orchestrator = function* ({ df: context }) {
  const { items, width } = context.getInput<{ items: readonly number[]; width: number }>();
  const each = Array.from({ length: width }, (_, lane) => items.filter((__, n) => n % width === lane));
  const sums = (yield context.Task.all(
    each.map((lane, n) => context.callSubOrchestrator('lane', lane, `${context.instanceId}-lane${n}`)),
  )) as readonly number[];
  return sums.reduce((sum, one) => sum + one, 0);
};
const lane: Orchestrator = function* ({ df: context }) {
  let sum = 0;
  for (const item of context.getInput<readonly number[]>()) sum += (yield context.callActivity('work', item)) as number;
  return sum;
};

const sliding: Orchestrator = function* ({ df: context }) {
  const items = context.getInput<readonly number[]>();
  const window = items.slice(0, 2).map((item) => context.callActivity('work', item));
  const results: unknown[] = [];
  for (let next = 2; window.length > 0; next += 1) {
    const done = (yield context.Task.any(window)) as df.Task;
    results.push(done.result);
    window.splice(window.indexOf(done), 1);
    const item = items[next];
    if (item !== undefined) window.push(context.callActivity('work', item));
  }
  return results;
};

describe('a task hub for tests', () => {
  it('runs an orchestrator to its end', async () => {
    const durable = await run(
      function* ({ df: context }) {
        const first = (yield context.callActivity('double', context.getInput<number>())) as number;
        return yield context.callActivity('double', first);
      },
      { activities: { double } },
      5,
    );
    expect(durable.status('it')).toMatchObject({ runtimeStatus: 'Completed', input: 5, output: 20, generations: 0 });
    expect(durable.history('it').map((event) => event.EventType)).toEqual([
      ...[EventType.OrchestratorStarted, EventType.ExecutionStarted, EventType.TaskScheduled],
      ...[EventType.OrchestratorCompleted, EventType.OrchestratorStarted, EventType.TaskCompleted],
      ...[EventType.TaskScheduled, EventType.OrchestratorCompleted, EventType.OrchestratorStarted],
      ...[EventType.TaskCompleted, EventType.ExecutionCompleted, EventType.OrchestratorCompleted],
    ]);
  });

  it.each([undefined, null, 'text', '', 7, { a: [1] }, [1]])('hands %j on as JSON would', async (value) => {
    const seen: unknown[] = [];
    const durable = await run(
      function* ({ df: context }) {
        const echoed: unknown = yield context.callActivity('echo', context.getInput());
        return yield context.callSubOrchestrator('child', echoed);
      },
      {
        orchestrators: {
          // eslint-disable-next-line require-yield -- as short as one can be
          *child({ df: context }) {
            return context.getInput();
          },
        },
        activities: { echo: (input) => (seen.push(input), Promise.resolve(input)) },
      },
      value,
    );
    expect(seen).toEqual([value ?? null]);
    expect(durable.status('it')?.output).toEqual(value ?? null);
  });

  it('does the same for each item, whatever the order and whatever is lost', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, fc.integer({ min: 1, max: 4 }), async (numbers, width) => {
        const items = [1, 2, 3, 4, 5, 6, 7];
        const done = new Set<number>();
        const work: Activity = async (input, { moment, signal }) => {
          await Promise.resolve();
          moment();
          if (signal.aborted) return 'nobody hears this';
          done.add(Number(input));
          return Number(input) * 10;
        };
        const options = { choices: seeded(numbers), orchestrators: { lane }, activities: { work } };
        const durable = await run(lanes, options, { items, width });
        expect(durable.status('it'), durable.trace().join('\n')).toMatchObject({
          runtimeStatus: 'Completed',
          output: 280,
        });
        expect([...done].sort()).toEqual(items);
      }),
    );
  });

  it('meets every fault, and every order', async () => {
    const met = new Set<string>();
    await fc.assert(
      fc.asyncProperty(numbers, async (numbers) => {
        const ended: unknown[] = [];
        const work: Activity = (input) => (ended.push(input), Promise.resolve(input));
        const durable = await run(
          function* ({ df: context }) {
            return yield context.Task.all([1, 2].map((n) => context.callActivity('work', n)));
          },
          { choices: seeded(numbers), activities: { work } },
        );
        for (const line of durable.trace()) met.add(line.replace(/^.*, attempt \d+: /, ''));
        met.add(`order ${ended[0] as string}`);
        expect(durable.status('it')?.output).toEqual([1, 2]);
      }),
      { numRuns: 300 },
    );
    expect([...met]).toEqual(
      expect.arrayContaining([
        ...['again', 'twice', 'lost before', 'lost after', 'cut off', 'executed', 'to be done again', 'done'],
        ...['order 1', 'order 2'],
      ]),
    );
  });

  it('cuts an activity off in its middle, and does it again', async () => {
    const ends: string[] = [];
    const work: Activity = async (_, { attempt, signal, moment }) => {
      for (let part = 0; part < 3; part += 1) {
        await Promise.resolve();
        moment();
        if (signal.aborted) {
          ends.push(`${attempt} killed in ${part}`);
          throw signal.reason;
        }
      }
      ends.push(`${attempt} whole`);
      return attempt;
    };
    const durable = await run(
      function* ({ df: context }) {
        return yield context.callActivity('work');
      },
      // Takes the step, keeps it, takes the call, which is cut off, at its second moment.
      { choices: seeded([0, 0, 0, 0, 5, 2]), activities: { work } },
    );
    expect(ends).toEqual(['1 killed in 1', '2 whole']);
    expect(durable.status('it')?.output).toBe(2);
  });

  it('throws into the orchestrator what an activity failed with', async () => {
    const durable = await run(
      function* ({ df: context }) {
        try {
          yield context.callActivity('boom');
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          return [error.name, error.message, error instanceof df.TaskFailedError];
        }
        return 'no error';
      },
      { activities: { boom } },
    );
    expect(durable.status('it')?.output).toEqual([
      'Error',
      expect.stringContaining("Activity function 'boom' failed: boom \n {"),
      false,
    ]);
  });

  it('fails an orchestrator that lets an error go, and tells its parent', async () => {
    const durable = await run(
      function* ({ df: context }) {
        try {
          yield context.callSubOrchestrator('child', undefined, 'child');
        } catch (error) {
          return String(error);
        }
        return 'no error';
      },
      {
        orchestrators: {
          *child({ df: context }) {
            yield context.callActivity('boom');
          },
        },
        activities: { boom },
      },
    );
    const failed = "Orchestrator function 'child' failed: Activity function 'boom' failed: boom";
    expect(durable.status('child')).toMatchObject({
      runtimeStatus: 'Failed',
      output: expect.stringContaining(failed) as string,
    });
    expect(durable.status('it')?.output).toContain(failed);
  });

  it('tries again by timers, on a clock that jumps', async () => {
    let tries = 0;
    const flaky: Activity = () => (++tries < 3 ? boom(undefined, never) : Promise.resolve(tries));
    await fc.assert(
      fc.asyncProperty(numbers, async (numbers) => {
        tries = 0;
        const durable = await run(
          function* ({ df: context }) {
            const retry = new df.RetryOptions(60_000, 5);
            retry.backoffCoefficient = 2;
            const begun = context.currentUtcDateTime.getTime();
            const result: unknown = yield context.callActivityWithRetry('flaky', retry);
            return [
              result,
              context.currentUtcDateTime.getTime() - begun >= 180_000,
              yield context.callActivity('double', 1),
            ];
          },
          { choices: seeded(numbers), faults: [], lostSteps: 0, activities: { flaky, double } },
        );
        expect(durable.status('it')?.output).toEqual([3, true, 2]);
      }),
    );
  });

  it('gives up when the tries are used up', async () => {
    const durable = await run(
      function* ({ df: context }) {
        try {
          yield context.callActivityWithRetry('boom', new df.RetryOptions(1000, 2));
        } catch {
          return yield context.callActivity('double', 4);
        }
        return 'no error';
      },
      { activities: { boom, double } },
    );
    expect(durable.status('it')?.output).toBe(8);
  });

  it('lets a long timer go in strides', async () => {
    const durable = await run(function* ({ df: context }) {
      const begun = context.currentUtcDateTime.getTime();
      yield context.createTimer(new Date(begun + 20 * 86_400_000));
      return Math.round((context.currentUtcDateTime.getTime() - begun) / 86_400_000);
    });
    expect(durable.status('it')?.output).toBe(20);
    expect(durable.history('it').filter(({ EventType: type }) => type === EventType.TimerFired).length).toBe(7);
  });

  const race: Orchestrator = function* ({ df: context }) {
    const deadline = context.createTimer(new Date(context.currentUtcDateTime.getTime() + 3_600_000));
    const stop = context.waitForExternalEvent('stop');
    const first: unknown = yield context.Task.any([stop, deadline]);
    if (first === deadline) return 'late';
    deadline.cancel();
    return (first as df.Task).result;
  };

  it('waits for an event until a timer', async () => {
    const outputs = new Set<unknown>();
    const teller: Orchestrator = function* ({ df: context }) {
      yield context.callActivity('tell');
    };
    await fc.assert(
      fc.asyncProperty(numbers, async (numbers) => {
        const tell: Activity = () => durable.client().raiseEvent('it', 'stop', 'told');
        const durable = createDurable({
          orchestrators: { race, teller },
          activities: { tell },
          choices: seeded(numbers),
        });
        durable.start('race', { instanceId: 'it' });
        durable.start('teller', { instanceId: 'another' });
        await durable.run();
        outputs.add(durable.status('it')?.output);
      }),
    );
    expect([...outputs].sort()).toEqual(['late', 'told']);
  });

  it('loses a step, and what it had asked for is done all the same', async () => {
    const seen: unknown[] = [];
    const work: Activity = (input) => (seen.push(input), Promise.resolve());
    const dated: Orchestrator = function* ({ df: context }) {
      yield context.callActivity('work', context.currentUtcDateTime.toISOString());
    };
    const durable = await run(dated, { choices: seeded([0, 0, 1]), activities: { work } });
    expect(durable.status('it')?.runtimeStatus).toBe('Completed');
    expect(seen).toEqual(['2026-01-01T00:00:00.001Z', '2026-01-01T00:01:00.001Z']);
  });

  it('has not ended while a timer runs that nobody cancelled', async () => {
    const durable = await run(
      function* ({ df: context }) {
        const timer = context.createTimer(new Date(context.currentUtcDateTime.getTime() + 3_600_000));
        yield context.Task.any([timer, context.callActivity('double', 1)]);
        return 'returned';
      },
      { activities: { double } },
    );
    expect(durable.status('it')).toMatchObject({ runtimeStatus: 'Completed', output: 'returned' });
    expect(durable.now().getTime()).toBeGreaterThan(Date.parse('2026-01-01T01:00:00Z'));
  });

  const batches: Orchestrator = function* ({ df: context }) {
    const { from, until, sum } = context.getInput<{ from: number; until: number; sum: number }>();
    if (from >= until) return sum;
    const batch = Array.from({ length: Math.min(50, until - from) }, (_, n) => from + n);
    const doubled = (yield context.Task.all(batch.map((n) => context.callActivity('double', n)))) as readonly number[];
    context.continueAsNew({ from: from + 50, until, sum: doubled.reduce((a, b) => a + b, sum) });
    return undefined;
  };

  it('goes on as new over 500 items with a history that does not grow', async () => {
    const durable = await run(batches, { activities: { double } }, { from: 0, until: 500, sum: 0 });
    const status = durable.status('it');
    expect(status).toMatchObject({ runtimeStatus: 'Completed', output: 249_500, generations: 10 });
    expect(status?.largest.historyLength).toBeLessThan(300);
    expect(status?.historyBytes).toBeLessThan(status?.largest.historyBytes ?? 0);
  });

  it('carries over the events that come after it went on as new, and no others', async () => {
    const durable = createDurable({
      orchestrators: {
        *main({ df: context }) {
          const got = context.getInput<readonly unknown[]>();
          if (got.length === 3) return got;
          const event: unknown = yield context.waitForExternalEvent('item');
          context.continueAsNew([...got, event]);
          return undefined;
        },
      },
      choices: calm,
    });
    durable.start('main', { instanceId: 'it', input: [] });
    for (const item of [1, 2, 3]) durable.raiseEvent('it', 'item', item);
    await durable.run();
    expect(durable.status('it')?.output).toEqual([1, 2, 3]);
  });

  it('goes on as new with a text in quotes, as the SDK has it', async () => {
    const quoting: Orchestrator = function* ({ df: context }) {
      const input = context.getInput<string>();
      if (input !== 'text') return input;
      yield context.callActivity('double', 1);
      context.continueAsNew(input);
      return undefined;
    };
    const durable = await run(quoting, { activities: { double } }, 'text');
    expect(durable.status('it')?.output).toBe('"text"');
  });

  it('catches an orchestrator that is not deterministic', async () => {
    let calls = 0;
    const undecided: Orchestrator = function* ({ df: context }) {
      calls += 1;
      return yield context.callActivity('double', calls);
    };
    await expect(run(undecided, { activities: { double } })).rejects.toThrow(
      new NondeterminismError('main (it) answers otherwise asked twice: /actions/0/0/input is 1, was 2'),
    );
    // The host itself looks at names only.
    const renamed: Orchestrator = function* ({ df: context }) {
      calls += 1;
      return yield context.callActivity(calls % 2 ? 'double' : 'boom', 1);
    };
    calls = 0;
    const durable = await run(renamed, { activities: { double, boom }, checksDeterminism: false });
    expect(durable.status('it')).toMatchObject({
      runtimeStatus: 'Failed',
      output: expect.stringContaining('Non-Deterministic workflow detected') as string,
    });
  });

  it('names a task that the host would start again', async () => {
    const work: Activity = (input) => Promise.resolve(input);
    await expect(run(sliding, { activities: { work } }, [1, 2, 3])).rejects.toThrow(RepeatedTaskError);
    const worked: unknown[] = [];
    const options = { activities: { work: (input: unknown) => (worked.push(input), work(input, never)) } };
    await run(sliding, { ...options, allowsRepeatedTasks: true }, [1, 2, 3]);
    // 2 twice, because Task.any was given it twice.
    expect(worked.filter((item) => item === 2).length).toBe(2);
  });

  it('does not schedule what comes after a failed Task.all before the rest of it has ended', async () => {
    const order: string[] = [];
    const slow: Activity = () => (order.push('slow'), Promise.resolve());
    const after: Activity = () => (order.push('after'), Promise.resolve());
    const hasty: Orchestrator = function* ({ df: context }) {
      try {
        yield context.Task.all([context.callActivity('boom'), context.callActivity('slow')]);
      } catch {
        order.push('caught');
        yield context.callActivity('after');
      }
    };
    const options = { activities: { boom, slow, after }, concurrency: 1, checksDeterminism: false };
    await run(hasty, { ...options, choices: calm });
    expect(order).toEqual(['caught', 'slow', 'caught', 'after', 'caught']);
  });

  it('knows no activity that is not registered', async () => {
    const lost: Orchestrator = function* ({ df: context }) {
      yield context.callActivity('nowhere');
    };
    await expect(run(lost)).rejects.toThrow('no activity nowhere');
  });

  it.each([1, 3])('runs %i activities at a time', async (concurrency) => {
    let [now, most] = [0, 0];
    const work: Activity = async () => {
      most = Math.max(most, ++now);
      await new Promise(setImmediate);
      now -= 1;
    };
    const wide: Orchestrator = function* ({ df: context }) {
      yield context.Task.all([1, 2, 3, 4, 5].map((n) => context.callActivity('work', n)));
    };
    await run(wide, { activities: { work }, concurrency });
    expect(most).toBe(concurrency);
  });

  it('names an instance that waits for nothing', async () => {
    const late: Orchestrator = function* ({ df: context }) {
      const task = context.callActivity('double', 1);
      yield task;
      yield context.Task.any([task]);
    };
    const options = { activities: { double }, allowsRepeatedTasks: true };
    await expect(run(late, options)).rejects.toThrow(StuckError);
  });

  it('takes an error without a message for another workflow', async () => {
    const silent: Orchestrator = function* ({ df: context }) {
      yield context.callActivity('double', 1);
      throw new Error('');
    };
    const durable = await run(silent, { activities: { double } });
    expect(durable.status('it')).toMatchObject({
      runtimeStatus: 'Failed',
      output: expect.stringContaining('Non-Deterministic workflow detected') as string,
    });
  });

  it('stops one that goes on for ever', async () => {
    const endless: Orchestrator = function* ({ df: context }) {
      yield context.callActivity('double', 1);
      context.continueAsNew(undefined);
    };
    await expect(run(endless, { activities: { double }, steps: 100 })).rejects.toThrow('after 100 steps');
  });

  it('runs one instance under an id at a time, and says so as the client does', async () => {
    const durable = createDurable({ orchestrators: { race }, choices: calm });
    const client = durable.client();
    await client.startNew('race', { instanceId: 'it' });
    expect(() => durable.start('race', { instanceId: 'it' })).toThrow(AlreadyRunning);
    await expect(client.startNew('race', { instanceId: 'it' })).rejects.toThrow(
      'The operation failed with an unexpected status code: 409. Details: ' +
        '{"Message":"An Orchestration instance with the status Pending already exists."}',
    );
    await client.raiseEvent('it', 'stop', 'enough');
    await durable.run();
    expect(await client.getStatus('it')).toMatchObject({ runtimeStatus: 'Completed', output: 'enough' });
    await client.startNew('race', { instanceId: 'it' });
    await durable.run();
    expect(durable.status('it')?.output).toBe('late');
    await expect(client.getStatus('nobody')).rejects.toThrow('HTTP 404');
    await expect(client.raiseEvent('nobody', 'stop', 1)).rejects.toThrow("No instance with ID 'nobody' found.");
  });
});

const never = { instanceId: '', attempt: 1, signal: new AbortController().signal, moment: () => undefined };
