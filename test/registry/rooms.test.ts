import { createHttpHeaders, createPipelineRequest, type PipelineResponse } from '@azure/core-rest-pipeline';
import { describe, expect, test } from 'vitest';
import { StaleLookError, StoppedError } from '../../src/registry/errors.ts';
import { httpClient } from '../../src/registry/http-client.ts';
import { newPace } from '../../src/registry/pace.ts';
import { newGate } from '../../src/registry/pace-gate.ts';
import { keepsTicket, signalFor } from '../../src/registry/sending.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { withEmulator } from '../support/registry.ts';

const WINDOW = 2_500;

describe('how many calls can be sent soon', () => {
  test('is not limited before a limit shows itself', () => {
    expect(newPace().within(0, WINDOW)).toBe(Infinity);
  });

  test('is as many as the pace lets through, and none while it waits', () => {
    const pace = newPace();
    for (let at = 0; at < 8; at += 1) {
      pace.sent(at);
      pace.passed(at + 1, at);
    }
    pace.sent(10);
    pace.refused(11, 10, 30_000);
    expect(pace.within(20, WINDOW)).toBe(0);
    // Two a second at first: what is let through of a first burst may be all that a second takes.
    const after = pace.within(31_000, WINDOW);
    expect(after).toBeGreaterThanOrEqual(1);
    expect(after).toBeLessThan(8 * 1.5 * 3 * 2);
  });

  test('is one where the next has its turn within that time, and none where it has not', () => {
    const pace = newPace();
    let now = 0;
    // One every ten seconds is let through.
    for (let calls = 0; calls < 6; calls += 1) {
      const wait = pace.wait(now);
      if (Number.isFinite(wait)) now += wait;
      pace.sent(now);
      if (calls % 2 === 0) pace.passed(now + 1, now);
      else pace.refused(now + 1, now, 10_000);
      now += 10;
    }
    const wait = pace.wait(now);
    expect(pace.within(now, wait - 1)).toBe(0);
    expect(pace.within(now + wait, WINDOW)).toBeGreaterThanOrEqual(1);
  });
});

describe('room at the gate', () => {
  const answer = (status: number): PipelineResponse => ({
    status,
    headers: createHttpHeaders({ 'Retry-After': '3600' }),
    request: createPipelineRequest({ url: 'https://example.org' }),
  });
  const turn = { again: false, rank: 0, signal: undefined };

  test('is not what the reads of a look wait for: they are sent side by side', async () => {
    const gate = newGate(1);
    let begun = 0;
    let resolve: (response: PipelineResponse) => void = () => undefined;
    const answered = new Promise<PipelineResponse>((done) => (resolve = done));
    const send = (): Promise<PipelineResponse> => {
      begun += 1;
      return answered;
    };
    const listings = [1, 2, 3].map(() => gate.attempt(send, turn));
    const looks = [1, 2, 3].map(() => gate.attempt(send, { ...turn, isLook: true }));
    expect(begun).toBe(1 + 3);
    resolve(answer(200));
    await Promise.all([...listings, ...looks]);
    expect(begun).toBe(3 + 3);
  });

  test('is shared by all that wait for it, and free again once it is left', async () => {
    const gate = newGate(2);
    // Nothing has been answered yet: it is not known how often a connection becomes free.
    const first = await gate.room(2, 0, undefined);
    expect(first.calls).toBe(2);
    let second: number | undefined;
    const waiting = gate.room(5, 0, undefined).then((room) => (second = room.calls));
    await gate.attempt(() => Promise.resolve(answer(202)), { ...turn, room: first });
    await waiting;
    // One of the first was sent.
    expect(second).toBe(1);
    first.leave();
    first.leave();
    expect((await gate.room(5, 0, undefined)).calls).toBe(1);
  });

  test('is not given while the registry asks to wait, and the wait ends where the run is stopped', async () => {
    const gate = newGate(2);
    await gate.attempt(() => Promise.resolve(answer(429)), turn);
    const stop = new AbortController();
    const room = gate.room(1, WINDOW, stop.signal);
    stop.abort();
    await expect(room).rejects.toThrow(StoppedError);
    await expect(gate.room(1, WINDOW, stop.signal)).rejects.toThrow(StoppedError);
  });

  test('and a call whose look is too long ago gives up its turn', async () => {
    const gate = newGate(1);
    let isStale = false;
    let done: (() => void) | undefined;
    const first = gate.attempt(() => new Promise((resolve) => (done = () => resolve(answer(202)))), turn);
    let sent = 0;
    const send = () => {
      sent += 1;
      return Promise.resolve(answer(202));
    };
    const second = gate.attempt(send, { ...turn, isStale: () => isStale });
    const third = gate.attempt(send, turn);
    isStale = true;
    done?.();
    await expect(second).rejects.toThrow(StaleLookError);
    await Promise.all([first, third]);
    expect(sent).toBe(1);
  });
});

test('a deletion that waits for a connection is not written to it once its look is too long ago', async () => {
  await withEmulator({ repositories: { app: repositoryOf(...images('app', 2)) } }, async (emulator) => {
    const [first = '', second = ''] = emulator.manifestsLeft().map((name) => name.replace('app@', ''));
    const client = httpClient(emulator.certificate, 1);
    let isStale = false;
    const send = (digest: string) => {
      const request = createPipelineRequest({
        url: `${emulator.url}/v2/app/manifests/${digest}`,
        method: 'DELETE',
        headers: createHttpHeaders({ Authorization: `Basic ${Buffer.from('tester:not-a-secret').toString('base64')}` }),
        abortSignal: signalFor({ isStale: () => isStale }),
      });
      return keepsTicket().sendRequest(request, (one) => client.sendRequest(one));
    };
    emulator.onRequest(() => {
      isStale = true;
    });
    const results = await Promise.allSettled([send(first), send(second)]);
    expect(results).toMatchObject([{ value: { status: 202 } }, { reason: { name: 'RegistryError' } }]);
    expect(emulator.counts()['delete-manifest']).toBe(1);
    // And the connection is as good as before.
    isStale = false;
    expect(await send(second)).toMatchObject({ status: 202 });
  });
});
