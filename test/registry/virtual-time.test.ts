import { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { newEmulator } from '../../src/dev/emulator/emulator.ts';
import type { EmulatorOptions } from '../../src/dev/emulator/index.ts';
import { PUBLIC_AUDIENCE } from '../../src/registry/identity.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { Draws } from '../simulation/world/draws.ts';
import { type Process, World } from '../simulation/world/world.ts';
import { images, repositoryOf } from '../support/contents.ts';

/*
 * Whatever the client of a registry waits for, it waits for by the clock that it is given: these take minutes by that one,
 * and no time.
 */

const HOST = 'registry.example';
const HOUR = 3_600_000;

/** Answers requests in a world. */
class InWorld extends Dispatcher {
  readonly #process: Process;
  readonly #answers: ReturnType<typeof newEmulator>['answers'];
  /** Requests that get no answer. */
  lost = 0;

  constructor(process: Process, answers: ReturnType<typeof newEmulator>['answers']) {
    super();
    this.#process = process;
    this.#answers = answers;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    void this.#exchange(options, handler);
    return true;
  }

  async #exchange({ method, path, headers, body }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    const controller: Dispatcher.DispatchController = {
      aborted: false,
      reason: null,
      paused: false,
      abort: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    };
    try {
      handler.onRequestStart?.(controller, {});
      const { authorization } = headers as Readonly<Record<string, string | undefined>>;
      const asked = { method, url: path, authorization, host: HOST };
      const text = typeof body === 'string' ? body : '';
      const answer = await this.#process.call(
        10,
        () => {
          if (this.lost === 0) return this.#answers({ ...asked, body: () => Promise.resolve(text) });
          this.lost -= 1;
          return 'never';
        },
        10,
      );
      if (answer === 'drop') throw new Error('no request is dropped here');
      handler.onResponseStart?.(controller, answer.status, { ...answer.headers });
      handler.onResponseData?.(controller, Buffer.from(answer.body ?? ''));
      handler.onResponseEnd?.(controller, {});
    } catch (error) {
      handler.onResponseError?.(controller, error as Error);
    }
  }
}

function worldOf(options: Partial<EmulatorOptions>) {
  const world = new World(new Draws(1));
  const repositories = { app: repositoryOf(...images('app', 20, 'v')) };
  const { emulator, answers, identityToken } = newEmulator(
    { repositories, ...options, now: () => world.now },
    () => HOST,
  );
  const process = world.process('client');
  const dispatcher = new InWorld(process, answers);
  const token = { token: identityToken(), expiresOnTimestamp: Number.POSITIVE_INFINITY };
  const registry = openRegistry({
    endpoint: new URL(`https://${HOST}`),
    concurrency: 4,
    credentials: { kind: 'entra', audience: PUBLIC_AUDIENCE, credential: { getToken: () => Promise.resolve(token) } },
    clock: process.system.clock,
    dispatcher,
  });
  /** Lets time pass until it is done. The answer is what it came to, and how many seconds it took. */
  const time = async <T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> => {
    const begun = world.elapsed;
    const settled: { isOver: boolean } = { isOver: false };
    const result = work().finally(() => (settled.isOver = true));
    expect(await world.run(() => settled.isOver, begun + HOUR)).toBe('done');
    return { result: await result, seconds: (world.elapsed - begun) / 1000 };
  };
  /** Nothing is asked for a while. */
  const pass = (milliseconds: number) => time(() => process.system.clock.sleep(milliseconds));
  return { emulator, dispatcher, registry, process, time, pass };
}

test('a registry that lets five calls through a minute is read at that rate', async () => {
  const { emulator, registry, time } = worldOf({ faults: { perMinute: { reads: 5 } } });
  const digests = emulator.manifestsLeft().map((name) => name.replace('app@', ''));
  const { result, seconds } = await time(() => Promise.all(digests.map((digest) => registry.manifest('app', digest))));
  expect(result.map(({ state }) => state)).toEqual(digests.map(() => 'read'));
  expect(emulator.statuses()[429]).toBeGreaterThan(0);
  // The first five at once.
  expect(seconds).toBeGreaterThan(120);
});

test('a token is renewed before it runs out', async () => {
  const { emulator, registry, time, pass } = worldOf({ tokenLifeSeconds: 600 });
  await time(() => registry.tags('app'));
  await time(() => registry.tags('app'));
  expect(emulator.counts().token).toBe(1);
  await pass(570_000);
  await time(() => registry.tags('app'));
  expect(emulator.counts().token).toBe(2);
  // One was to learn where tokens are given; none was refused.
  expect(emulator.counts().challenge).toBe(1);
});

test('a clock that is set back does not make a token live longer', async () => {
  const { emulator, registry, process, time, pass } = worldOf({ tokenLifeSeconds: 600 });
  await time(() => registry.tags('app'));
  process.jump(-2 * HOUR);
  await pass(570_000);
  await time(() => registry.tags('app'));
  expect(emulator.counts()).toMatchObject({ exchange: 1, challenge: 1 });
  // The refresh token lives 3 h 15 min.
  for (let hours = 0; hours < 5; hours += 1) await pass(HOUR - 1);
  expect((await time(() => registry.tags('app'))).result).toHaveLength(20);
  expect(emulator.counts()).toMatchObject({ exchange: 2, challenge: 1 });
});

test('where the refresh token is refused, the identity signs in again', async () => {
  const refused = { count: 0 };
  const { emulator, registry, time, pass } = worldOf({
    tokenLifeSeconds: 60,
    faults: { failing: ({ kind }) => (kind === 'token' && refused.count-- > 0 ? 401 : undefined) },
  });
  await time(() => registry.tags('app'));
  refused.count = 1;
  await pass(61_000);
  expect((await time(() => registry.tags('app'))).result).toHaveLength(20);
  expect(emulator.counts().exchange).toBe(2);
  refused.count = 2;
  await pass(61_000);
  const status = (error: unknown) => (error as { readonly status?: number }).status;
  expect((await time(() => registry.tags('app').catch(status))).result).toBe(401);
});

test('an answer that does not come is waited for 100 seconds, and asked for again', async () => {
  const { dispatcher, registry, time } = worldOf({});
  await time(() => registry.tags('app'));
  dispatcher.lost = 2;
  const { result, seconds } = await time(() => registry.tags('app'));
  expect(result).toHaveLength(20);
  expect(seconds).toBeGreaterThan(200);
  expect(seconds).toBeLessThan(202);
});

test('a deletion is not sent upon a look of more than five seconds before', async () => {
  const { emulator, registry, time, pass } = worldOf({});
  const [digest = ''] = emulator.manifestsLeft().map((name) => name.replace('app@', ''));
  const { result: reservation } = await time(() => registry.reserve(1));
  const { result: look } = await time(() => registry.look('app', { tags: [], tagCount: 0 }));
  const send = () => registry.deleteManifest('app', digest, { since: look.since, reservation });
  await pass(5_001);
  expect((await time(send)).result).toMatchObject({ state: 'again', tried: { stale: 1 } });
  expect(emulator.counts()['delete-manifest']).toBe(0);
});
