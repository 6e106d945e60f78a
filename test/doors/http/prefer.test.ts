import { describe, expect, test } from 'vitest';
import { patienceOf, readPreferences } from '../../../src/doors/http/prefer.ts';

describe('Prefer (RFC 7240)', () => {
  test.each<[string | null, boolean, number | undefined]>([
    [null, false, undefined],
    ['', false, undefined],
    ['respond-async', true, undefined],
    ['Respond-Async', true, undefined],
    ['respond-async, wait=10', true, 10],
    ['respond-async,wait=10', true, 10],
    ['wait=10 ,, respond-async', true, 10],
    ['return=minimal, wait = 10, respond-async; foo=bar', true, 10],
    ['wait="10"', false, 10],
    ['respond-async=""', true, undefined],
    ['respond-async=', true, undefined],
    // The first of two counts.
    ['wait=5, wait=50', false, 5],
    ['WAIT=5, wait=50', false, 5],
    ['handling=lenient; note="a, respond-async; \\", wait=1", wait=7', false, 7],
    ['foo="respond-async, wait=3"', false, undefined],
    // What is not understood is passed over, and nothing else with it.
    ['respond-async=yes, wait=4', false, 4],
    ['wait=soon, respond-async', true, undefined],
    ['wait=-1, respond-async', true, undefined],
    ['wait=1.5', false, undefined],
    ['wait=99999999999', false, undefined],
    ['wait', false, undefined],
    ['wait 3, (), respond-async', true, undefined],
    ['foo="open, respond-async', false, undefined],
  ])('%s', (header, respondAsync, wait) => {
    expect(readPreferences(header)).toEqual({ respondAsync, wait });
  });

  test('a long header that means nothing is read at once', () => {
    expect(readPreferences(`wait=${' '.repeat(100_000)}(`)).toEqual({ respondAsync: false, wait: undefined });
    expect(readPreferences('"\\'.repeat(50_000))).toEqual({ respondAsync: false, wait: undefined });
  });
});

describe('how long a client waits', () => {
  test.each<[string, string | null, number, string, string]>([
    ['POST', null, 30, '', ''],
    ['GET', null, 200, '', ''],
    ['POST', 'respond-async', 0, 'respond-async', ''],
    ['GET', 'respond-async', 0, 'respond-async', ''],
    ['POST', 'wait=90', 90, 'wait=90', 'wait=90'],
    ['POST', 'respond-async, wait=5', 5, 'respond-async, wait=5', 'wait=5'],
    ['GET', 'wait=0', 0, 'wait=0', 'wait=0'],
    // No longer than Azure lets anybody wait.
    ['GET', 'wait=3600', 200, 'wait=200', 'wait=200'],
  ])('%s, %s: %i s', (method, header, seconds, accepted, result) => {
    expect(patienceOf(method, header)).toEqual({ milliseconds: seconds * 1000, applied: { accepted, result } });
  });
});
