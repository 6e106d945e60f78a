import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { send } from '../../src/notify/send.ts';
import type { ReceiverKind } from '../../src/policy/notify.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';
import { answering, hanging, SECRET, type StandIn, startReceiver } from '../support/receiver.ts';
import { SAMPLE } from './sample.ts';

const KINDS: readonly ReceiverKind[] = ['teams', 'slack', 'cloudevents'];
const CHATS: readonly ReceiverKind[] = ['teams', 'slack'];

let receiver: StandIn;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** A clock by which pauses take no time, and are noted. */
function newClock({ hangsFor }: { readonly hangsFor?: number } = {}): Clock & { readonly pauses: number[] } {
  let ticks = 0;
  const pauses: number[] = [];
  return {
    ...systemClock,
    pauses,
    now: () => Date.parse('2026-11-29T15:00:00Z') + ticks,
    ticks: () => ticks,
    after: (milliseconds, call, use) => systemClock.after(hangsFor ?? milliseconds, call, use),
    sleep(milliseconds) {
      pauses.push(milliseconds);
      ticks += milliseconds;
      return Promise.resolve();
    },
  };
}

function sent(kind: ReceiverKind, clock: Clock = newClock(), milliseconds = 60_000) {
  return send(receiver.receiver(kind), SAMPLE, { clock, milliseconds });
}

describe.each(KINDS)('%s', (kind) => {
  test('a message is taken', async () => {
    expect(await sent(kind)).toEqual({ state: 'sent', status: kind === 'teams' ? 202 : 200, attempts: 1 });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.contentType).toMatch(
      kind === 'cloudevents' ? /^application\/cloudevents\+json/ : /^application\/json/,
    );
    expect(receiver.wrong).toEqual([]);
  });

  test('a receiver that is busy is asked again when it says', async () => {
    receiver.answers.push(
      answering(429, { 'retry-after': '7' }),
      answering(503),
      answering(429, { 'retry-after': 'Sun, 29 Nov 2026 15:00:20 GMT' }),
    );
    const clock = newClock();
    expect(await sent(kind, clock)).toMatchObject({ state: 'sent', attempts: 4 });
    // Seconds; none, so twice the first pause; then a moment, of which eight seconds are over.
    expect(clock.pauses).toEqual([7000, 1000, 12_000]);
    expect(new Set(receiver.received.map(({ message }) => JSON.stringify(message))).size).toBe(1);
  });

  test('no longer than there is time: what is left is said', async () => {
    receiver.answers.push(answering(429, { 'retry-after': '3600' }));
    const clock = newClock();
    expect(await sent(kind, clock)).toEqual({ state: 'failed', why: 'it answered 429', attempts: 1, again: true });
    expect(clock.pauses).toEqual([]);
  });

  test('no more than five times', async () => {
    receiver.answers.push(...Array.from({ length: 9 }, () => answering(500, {}, 'rollup_error')));
    const came = await sent(kind);
    expect(came).toEqual({ state: 'failed', why: 'it answered 500: rollup_error', attempts: 5, again: true });
    expect(receiver.received).toHaveLength(5);
  });

  test.each([400, 403, 404, 410])('an address that takes nothing is asked once: %i', async (status) => {
    receiver.answers.push(answering(status, {}, 'no_service'));
    expect(await sent(kind)).toEqual({
      state: 'failed',
      why: `it answered ${status}: no_service`,
      attempts: 1,
      again: false,
    });
  });

  test.each([301, 302, 307, 308])('a redirect is not followed: %i', async (status) => {
    const other = await startReceiver();
    try {
      receiver.answers.push(answering(status, { location: `http://127.0.0.1:${other.port}/${kind}/other` }));
      expect(await sent(kind)).toMatchObject({ state: 'failed', again: false });
      expect(other.received).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('a receiver that is not there is tried again', async () => {
    await receiver.close();
    const came = await sent(kind);
    expect(came).toEqual({ state: 'failed', why: 'it cannot be reached (ECONNREFUSED)', attempts: 5, again: true });
  });

  test('an answer without an end holds nothing up', async () => {
    receiver.answers.push((response) => {
      response.writeHead(200);
      const more = (): boolean => !response.destroyed && response.write('x'.repeat(10_000), () => void more());
      more();
    });
    expect(await sent(kind)).toMatchObject({ state: 'sent' });
  });

  test('what a receiver repeats of its address is not told', async () => {
    receiver.answers.push(answering(404, {}, `no hook at \u001b[31m/${kind}/${SECRET}`));
    const came = await send(receiver.receiver(kind), SAMPLE, { clock: newClock(), milliseconds: 60_000 });
    expect(JSON.stringify(came)).not.toContain(SECRET);
    expect(JSON.stringify(came)).not.toContain('\\u001b');
  });
});

describe.each(CHATS)('%s: what may have arrived is not sent twice', (kind) => {
  test('a receiver that hangs', async () => {
    receiver.answers.push(hanging);
    const came = await sent(kind, newClock({ hangsFor: 100 }));
    expect(came).toMatchObject({ state: 'unknown', attempts: 1, again: false });
    expect(receiver.received).toHaveLength(1);
  });

  test('a connection that breaks off', async () => {
    receiver.answers.push((response) => response.destroy());
    expect(await sent(kind)).toMatchObject({ state: 'unknown', attempts: 1, again: false });
    expect(receiver.received).toHaveLength(1);
  });

  test('a gateway that had no answer', async () => {
    receiver.answers.push(answering(504));
    expect(await sent(kind)).toMatchObject({ state: 'unknown', why: 'it answered 504', again: false });
  });
});

describe('cloudevents: a repetition is known by its id', () => {
  test.each([
    ['hangs', hanging],
    ['breaks off', (response: { destroy: () => unknown }) => void response.destroy()],
    ['is behind a gateway', answering(502)],
  ] as const)('a receiver that %s is asked again', async (_, answer) => {
    receiver.answers.push(answer);
    // Long enough for the answer to the second attempt, on a slow machine too.
    const clock = newClock(answer === hanging ? { hangsFor: 3_000 } : {});
    expect(await sent('cloudevents', clock)).toMatchObject({ state: 'sent', attempts: 2 });
    const ids = receiver.received.map(({ message }) => (message as { readonly id: string }).id);
    expect(ids).toEqual([SAMPLE.id, SAMPLE.id]);
  });
});

test('a process that is told to end sends no more', async () => {
  const end = new AbortController();
  receiver.answers.push((response) => {
    end.abort();
    answering(503)(response, response.req);
  });
  const came = await send(receiver.receiver('cloudevents'), SAMPLE, {
    clock: newClock(),
    milliseconds: 60_000,
    signal: end.signal,
  });
  expect(came.state).not.toBe('sent');
  expect(receiver.received).toHaveLength(1);
});
