import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../src/dev/emulator/faults.ts';
import { newThrottle, PREMIUM } from '../../src/registry/throttle.ts';

/** Whether a registry takes a call that arrives at that moment, and what it has left of the second then. */
type Limiter = (now: number) => {
  readonly taken: boolean;
  readonly left: number;
  /** Milliseconds; absent: what the way says. */
  readonly retryAfter?: number;
};

/** Windows of a second that begin with the first call in them, or with the clock. */
function windows(limit: number, offset?: number): Limiter {
  let [since, used] = [Number.NEGATIVE_INFINITY, 0];
  return (now) => {
    if (now - since >= 1000) {
      since = offset === undefined ? now : Math.floor((now - offset) / 1000) * 1000 + offset;
      used = 0;
    }
    const taken = used < limit;
    if (taken) used += 1;
    return { taken, left: limit - used };
  };
}

/** No more in any second. */
function sliding(limit: number): Limiter {
  let times: readonly number[] = [];
  return (now) => {
    times = times.filter((time) => time > now - 1000);
    const taken = times.length < limit;
    if (taken) times = [...times, now];
    return { taken, left: limit - times.length };
  };
}

function bucket(limit: number, size: number): Limiter {
  let [tokens, since] = [size, 0];
  return (now) => {
    tokens = Math.min(size, tokens + ((now - since) * limit) / 1000);
    since = now;
    const taken = tokens >= 1;
    if (taken) tokens -= 1;
    return { taken, left: tokens };
  };
}

/** As documented: a minute's worth at once, and `Retry-After` counts down to the end of the minute. */
function minute(perMinute: number, begun: number, size = perMinute): Limiter {
  const take = bucket(perMinute / 60, size);
  return (now) => ({ ...take(now), retryAfter: Math.ceil((60_000 - ((now + begun) % 60_000)) / 1000) * 1000 });
}

/** The same, but that all of the next minute's worth comes at its beginning. */
function wholeMinutes(perMinute: number, begun: number): Limiter {
  let [current, used] = [0, 0];
  return (now) => {
    const number = Math.floor((now + begun) / 60_000);
    if (number !== current) [current, used] = [number, 0];
    const taken = used < perMinute;
    if (taken) used += 1;
    const retryAfter = Math.ceil((60_000 - ((now + begun) % 60_000)) / 1000) * 1000;
    return { taken, left: 1, retryAfter };
  };
}

interface Client {
  readonly concurrency?: number;
  /** Calls that begin together, when those before them have ended and after a pause. */
  readonly batch?: number;
}

interface Way {
  /** Milliseconds there and back. */
  readonly latency?: number;
  /** Milliseconds; `undefined`: not said. */
  readonly retryAfter?: number | undefined;
  /** Whether answers say what is left of the second. */
  readonly saysLeft?: boolean;
  /** No limit before that moment, or after it. */
  readonly limited?: (now: number) => boolean;
  /** Calls that there are to make. */
  readonly calls?: number;
}

/** What became of the calls of clients that send as fast as they may, with time passed in. */
function simulate(limiter: Limiter, seconds: number, clients: readonly Client[] = [{}], way: Way = {}) {
  const { latency = 20, saysLeft = false, limited = () => true, calls = Number.POSITIVE_INFINITY } = way;
  const retryAfter = 'retryAfter' in way ? way.retryAfter : 1000;
  const random = randomFrom(7);
  const events: { readonly at: number; readonly happens: (now: number) => void }[] = [];
  const later = (at: number, happens: (now: number) => void): void => {
    let place = events.length;
    while ((events[place - 1]?.at ?? Number.POSITIVE_INFINITY) < at) place -= 1;
    events.splice(place, 0, { at, happens });
  };
  const taken: number[] = [];
  const refused: number[] = [];
  const shares = clients.map(({ concurrency = 32, batch = Number.POSITIVE_INFINITY }) => {
    const throttle = newThrottle(PREMIUM.deletes);
    let [share, underWay, toDo, timer] = [0, 0, batch, false];
    const send = (now: number): void => {
      for (;;) {
        if (underWay >= concurrency || toDo === 0 || taken.length + underWay >= calls) return;
        const pause = throttle.wait(now);
        if (pause > 0) {
          if (timer || pause === Number.POSITIVE_INFINITY) return;
          timer = true;
          // As late as timers are.
          later(Math.ceil(now + pause) + random(), (then) => {
            timer = false;
            send(then);
          });
          return;
        }
        throttle.sent(now);
        underWay += 1;
        toDo -= 1;
        later(now + latency / 2 + random() * 3, (arrived) => {
          const answer: ReturnType<Limiter> = limited(arrived) ? limiter(arrived) : { taken: true, left: 100 };
          later(arrived + latency / 2 + random() * 3, (answered) => {
            underWay -= 1;
            if (answer.taken) {
              taken.push(arrived);
              share += 1;
              throttle.passed(answered, now, saysLeft ? answer.left : undefined);
            } else {
              refused.push(arrived);
              toDo += 1;
              throttle.refused(answered, now, answer.retryAfter ?? retryAfter);
            }
            if (toDo === 0 && underWay === 0) {
              later(answered + 60, (then) => {
                toDo = batch;
                send(then);
              });
            }
            send(answered);
          });
        });
      }
    };
    later(random() * 100, send);
    return () => share;
  });
  for (let event = events.pop(); event && event.at <= seconds * 1000; event = events.pop()) event.happens(event.at);
  return { taken, refused, shares: shares.map((share) => share()) };
}

const LIMITERS: readonly (readonly [string, (limit: number) => Limiter])[] = [
  ['windows that begin with a call', (limit) => windows(limit)],
  ['windows that begin with the clock', (limit) => windows(limit, 300)],
  ['windows in which the first call comes late', (limit) => windows(limit, 5)],
  ['any second', (limit) => sliding(limit)],
  ['a bucket', (limit) => bucket(limit, limit)],
  ['a large bucket', (limit) => bucket(limit, 3 * limit)],
];

describe.each(LIMITERS)('a registry that counts in %s', (_, limiter) => {
  test.each<readonly [string, readonly Client[], Way]>([
    ['one client', [{}], {}],
    ['one that says what is left', [{}], { saysLeft: true }],
    ['one that does not say how long to wait', [{}], { retryAfter: undefined }],
    ['one far away', [{}], { latency: 200 }],
    ['a client that works in batches', [{ batch: 32 }], {}],
    ['two clients', [{}, {}], {}],
  ])('is used as far as it allows: %s', (_case, clients, way) => {
    for (const limit of [20, 10]) {
      const { taken, refused } = simulate(limiter(limit), 60, clients, way);
      // Two do not know of each other, and find out what is left for each.
      expect(taken.length).toBeGreaterThanOrEqual((clients.length === 1 ? 0.9 : 0.85) * 60 * limit);
      // Those of the first moment, before anything was known, and then one try in many seconds.
      const first = clients.length * 32;
      expect(refused.length).toBeLessThanOrEqual(first + 30 * clients.length);
    }
  });

  test('is not tried out more often when the run is longer', () => {
    const { taken, refused } = simulate(limiter(20), 600);
    expect(taken.length).toBeGreaterThanOrEqual(0.9 * 600 * 20);
    expect(refused.filter((at) => at > 60_000).length).toBeLessThanOrEqual(540 / 10);
  });

  test('is used whatever its limit', () => {
    for (const limit of [1, 2, 5, 50, 200]) {
      const { taken } = simulate(limiter(limit), 120);
      expect(taken.length).toBeGreaterThanOrEqual(0.8 * 120 * limit);
    }
  });
});

describe.each([PREMIUM.deletes, 500, 200, 50])('%i calls a minute, as documented', (perMinute) => {
  const calls = Math.round(6.3 * perMinute);
  // What a minute's worth is allowed at once leaves.
  const needed = 5.3 * 60_000;

  test.each([0, 50_000])('take no more than 5 %% longer than they need (%i ms of the minute over)', (begun) => {
    const { taken, refused } = simulate(minute(perMinute, begun), 600, [{}], { calls });
    expect(taken).toHaveLength(calls);
    expect(Math.max(...taken)).toBeLessThanOrEqual(1.05 * needed);
    expect(refused.length).toBeLessThanOrEqual(3 * 32);
  });

  test.each([0, 50_000])('also where all of a minute come at once (%i ms of the minute over)', (begun) => {
    const { taken } = simulate(wholeMinutes(perMinute, begun), 600, [{}], { calls });
    expect(taken).toHaveLength(calls);
    // Six whole minutes have to begin.
    expect(Math.max(...taken)).toBeLessThanOrEqual(1.05 * (6 * 60_000 - begun));
  });
});

test('a bucket that is smaller than what comes in a second is found out', () => {
  for (const size of [3, 10]) {
    const { taken } = simulate(bucket(20, size), 120);
    expect(taken.filter((at) => at > 60_000).length).toBeGreaterThanOrEqual(0.9 * 60 * 20);
  }
});

test('before a limit shows itself, nothing is held back', () => {
  const throttle = newThrottle(Infinity);
  for (let now = 0; now < 10_000; now += 1) {
    expect(throttle.wait(now)).toBe(0);
    throttle.sent(now);
    throttle.passed(now, now);
  }
});

test('a limit that is lifted is forgotten', () => {
  const limited = (now: number) => now < 30_000;
  const { taken } = simulate(windows(20), 300, [{}], { limited });
  // Thirty-two at once, fifty times a second.
  expect(taken.filter((at) => at > 290_000).length).toBeGreaterThan(10 * 1000);
});

test('a limit that comes late is met', () => {
  const limited = (now: number) => now > 10_000;
  const { taken, refused } = simulate(sliding(20), 70, [{}], { limited });
  expect(taken.filter((at) => at > 10_000).length).toBeGreaterThan(0.85 * 60 * 20);
  expect(refused.length).toBeLessThan(80);
});

test('what is refused however seldom it is tried is tried with one attempt at a time, and all goes on after that', () => {
  const limited = (now: number) => now < 20_000;
  const { taken, refused } = simulate(() => ({ taken: false, left: 0 }), 40, [{}], { limited });
  expect(refused.length).toBeLessThanOrEqual(32 + 20);
  expect(taken.length).toBeGreaterThan(10 * 1000);
});

describe('a 429', () => {
  test('holds all calls back for as long as it says', () => {
    const throttle = newThrottle(Infinity);
    throttle.sent(0);
    throttle.sent(0);
    throttle.passed(10, 0);
    throttle.refused(20, 0, 7000);
    expect(throttle.wait(20)).toBe(7000);
    expect(throttle.wait(5020)).toBe(2000);
    expect(throttle.wait(7020)).toBe(0);
  });

  test('that comes late closes it again, and teaches nothing', () => {
    const throttle = newThrottle(Infinity);
    for (let n = 0; n < 30; n += 1) throttle.sent(0);
    for (let n = 0; n < 20; n += 1) throttle.passed(10, 0);
    for (let n = 0; n < 9; n += 1) throttle.refused(20, 0, 1000);
    expect(throttle.wait(1020)).toBe(0);
    throttle.refused(1030, 0, 1000);
    expect(throttle.wait(1030)).toBe(1000);
    expect(throttle.wait(2030)).toBe(0);
  });

  test('counts as long as nothing is let through', () => {
    const throttle = newThrottle(Infinity);
    expect(throttle.refusedFor(5)).toBe(0);
    throttle.sent(10);
    throttle.refused(20, 10, undefined);
    expect(throttle.refusedFor(1020)).toBe(1000);
    throttle.sent(1020);
    throttle.passed(1030, 1020);
    expect(throttle.refusedFor(2000)).toBe(0);
  });
});
