import { setTimeout as sleep } from 'node:timers/promises';
import { createHttpHeaders, createPipelineRequest, type PipelineResponse } from '@azure/core-rest-pipeline';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/registry/clock.ts';
import { StaleLookError, StoppedError } from '../../src/registry/errors.ts';
import { httpClient } from '../../src/registry/http-client.ts';
import { newQueue, newSlots } from '../../src/registry/queue.ts';
import { keepsSignal, keepsTicket, signalFor } from '../../src/registry/request.ts';
import { newThrottle } from '../../src/registry/throttle.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';

const WINDOW = 2_500;

describe('how many calls can be sent soon', () => {
  test('is not limited before a limit shows itself', () => {
    expect(newThrottle(Infinity).within(0, WINDOW)).toBe(Infinity);
  });

  test('is as many as the throttle lets through, and none while it waits', () => {
    const throttle = newThrottle(Infinity);
    for (let at = 0; at < 8; at += 1) {
      throttle.sent(at);
      throttle.passed(at + 1, at);
    }
    throttle.sent(10);
    throttle.refused(11, 10, 30_000);
    expect(throttle.within(20, WINDOW)).toBe(0);
    // Two a second at first: what is let through of a first burst may be all that a second takes.
    const after = throttle.within(31_000, WINDOW);
    expect(after).toBeGreaterThanOrEqual(1);
    expect(after).toBeLessThan(8 * 1.5 * 3 * 2);
  });

  test('is one where the next has its turn within that time, and none where it has not', () => {
    const throttle = newThrottle(Infinity);
    let now = 0;
    // One every ten seconds is let through.
    for (let calls = 0; calls < 6; calls += 1) {
      const wait = throttle.wait(now);
      if (Number.isFinite(wait)) now += wait;
      throttle.sent(now);
      if (calls % 2 === 0) throttle.passed(now + 1, now);
      else throttle.refused(now + 1, now, 10_000);
      now += 10;
    }
    const wait = throttle.wait(now);
    expect(throttle.within(now, wait - 1)).toBe(0);
    expect(throttle.within(now + wait, WINDOW)).toBeGreaterThanOrEqual(1);
  });
});

describe('a queue', () => {
  const answer = (status: number): PipelineResponse => ({
    status,
    headers: createHttpHeaders({ 'Retry-After': '3600' }),
    request: createPipelineRequest({ url: 'https://example.org' }),
  });
  const turn = { again: false, rank: 0, signal: undefined };

  test('does not let the reads of a look wait: they are sent side by side', async () => {
    const queue = newQueue(Infinity, newSlots(1), systemClock);
    let begun = 0;
    let resolve: (response: PipelineResponse) => void = () => undefined;
    const answered = new Promise<PipelineResponse>((done) => (resolve = done));
    const send = (): Promise<PipelineResponse> => {
      begun += 1;
      return answered;
    };
    const listings = [1, 2, 3].map(() => queue.attempt(send, turn));
    const looks = [1, 2, 3].map(() => queue.attempt(send, { ...turn, isLook: true }));
    expect(begun).toBe(1 + 3);
    resolve(answer(200));
    await Promise.all([...listings, ...looks]);
    expect(begun).toBe(3 + 3);
  });

  test('shares what can be reserved among all that wait for it, and what is released', async () => {
    const queue = newQueue(Infinity, newSlots(2), systemClock);
    // Nothing has been answered yet: it is not known how often a connection becomes free.
    const first = await queue.reserve(2, 0, undefined);
    expect(first.calls).toBe(2);
    let second: number | undefined;
    const waiting = queue.reserve(5, 0, undefined).then((reservation) => (second = reservation.calls));
    await queue.attempt(() => Promise.resolve(answer(202)), { ...turn, reservation: first });
    await waiting;
    // One of the first was sent.
    expect(second).toBe(1);
    first.release();
    first.release();
    expect((await queue.reserve(5, 0, undefined)).calls).toBe(1);
  });

  test('reserves nothing while the registry asks to wait, and the wait ends where the run is stopped', async () => {
    const queue = newQueue(Infinity, newSlots(2), systemClock);
    await queue.attempt(() => Promise.resolve(answer(429)), turn);
    const stop = new AbortController();
    const reservation = queue.reserve(1, WINDOW, stop.signal);
    stop.abort();
    await expect(reservation).rejects.toThrow(StoppedError);
    await expect(queue.reserve(1, WINDOW, stop.signal)).rejects.toThrow(StoppedError);
  });

  test('gives up a call whose look is too long ago', async () => {
    const queue = newQueue(Infinity, newSlots(1), systemClock);
    let isStale = false;
    let done: (() => void) | undefined;
    const first = queue.attempt(() => new Promise((resolve) => (done = () => resolve(answer(202)))), turn);
    let sent = 0;
    const send = () => {
      sent += 1;
      return Promise.resolve(answer(202));
    };
    const second = queue.attempt(send, { ...turn, isStale: () => isStale });
    const third = queue.attempt(send, turn);
    isStale = true;
    done?.();
    await expect(second).rejects.toThrow(StaleLookError);
    await Promise.all([first, third]);
    expect(sent).toBe(1);
  });
});

test('where deletions are refused for a minute, reads are not', async () => {
  const faults = { perMinute: { deletes: 1 } };
  await withServedEmulator({ repositories: { app: repositoryOf(...images('app', 3)) }, faults }, async (emulator) => {
    const registry = connectTo(emulator);
    const reservation = await registry.reserve(3);
    const results: string[] = [];
    for (const name of emulator.manifestsLeft()) {
      const { since } = await registry.look('app', { tags: [], tagCount: 0 });
      const deletion = registry.deleteManifest('app', name.replace('app@', ''), { since, reservation });
      results.push((await Promise.race([deletion, sleep(200)]))?.state ?? 'waits');
    }
    expect(results).toEqual(['deleted', 'again', 'waits']);
    const [digest = ''] = emulator.manifestsLeft().map((name) => name.replace('app@', ''));
    expect(await registry.manifest('app', digest)).toMatchObject({ state: 'read' });
    expect(await registry.referrers('app', digest)).toEqual([]);
    expect(emulator.statuses()[429]).toBe(1);
  });
});

test.each(['its look is too long ago', 'its run is stopped'])(
  'a deletion that waits for a connection is not written to it once %s',
  async (why) => {
    await withServedEmulator({ repositories: { app: repositoryOf(...images('app', 2)) } }, async (emulator) => {
      const [first = '', second = ''] = emulator.manifestsLeft().map((name) => name.replace('app@', ''));
      const client = httpClient({ certificate: emulator.certificate, connections: 1, clock: systemClock });
      const isStopped = why === 'its run is stopped';
      const stop = new AbortController();
      let isStale = false;
      const send = (digest: string, signal?: AbortSignal) => {
        const request = createPipelineRequest({
          url: `${emulator.url}/v2/app/manifests/${digest}`,
          method: 'DELETE',
          headers: createHttpHeaders({
            Authorization: `Basic ${Buffer.from('tester:not-a-secret').toString('base64')}`,
          }),
          abortSignal: signalFor({ isStale: () => isStale, signal }),
        });
        return keepsTicket().sendRequest(request, (one) => keepsSignal().sendRequest(one, client.sendRequest));
      };
      emulator.onRequest(() => {
        isStale = !isStopped;
        if (isStopped) stop.abort();
      });
      const results = await Promise.allSettled([send(first, stop.signal), send(second, stop.signal)]);
      const reason: unknown = expect.any(isStopped ? StoppedError : StaleLookError);
      expect(results).toMatchObject([{ value: { status: 202 } }, { reason }]);
      expect(emulator.counts()['delete-manifest']).toBe(1);
      // And the connection is as good as before.
      isStale = false;
      expect(await send(second)).toMatchObject({ status: 202 });
    });
  },
);
