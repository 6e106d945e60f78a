import {
  createHttpHeaders,
  createPipelineRequest,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { expect, test } from 'vitest';
import { authenticate } from '../../src/registry/auth.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';

const ENDPOINT = new URL('https://registry.example');
const NOW = Date.parse('2026-01-01T00:00:00Z');

/** A registry whose clock is ahead by so many seconds, and whose tokens live for thirty. */
function registry(ahead: number) {
  const asked: string[] = [];
  let now = NOW;
  const clock: Clock = { ...systemClock, now: () => now, ticks: () => now - NOW };
  const sendToken = (request: PipelineRequest): Promise<PipelineResponse> => {
    asked.push(request.url);
    const issued = now / 1000 + ahead;
    const claims = Buffer.from(JSON.stringify({ iat: issued, exp: issued + 30 })).toString('base64url');
    const bodyAsText = JSON.stringify({ access_token: `x.${claims}.x` });
    return Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText });
  };
  const policy = authenticate(ENDPOINT, { kind: 'refresh-token', token: 'a-refresh-token' }, sendToken, clock);
  return {
    /** Tokens that were asked for. */
    asked,
    /** So many milliseconds after the beginning. */
    at: (milliseconds: number) => (now = NOW + milliseconds),
    read: async () => {
      const request = createPipelineRequest({ url: `${ENDPOINT.origin}/acr/v1/app/_tags?n=1` });
      const signed = (headers = request.headers) => headers.has('Authorization');
      await policy.sendRequest(request, (sent) =>
        Promise.resolve({ request: sent, status: signed() ? 200 : 401, headers: createHttpHeaders() }),
      );
    },
  };
}

test.each([
  ['agrees', 0],
  ['is an hour ahead', 3600],
  ['is an hour behind', -3600],
])(
  'a token that lives for thirty seconds is used for most of them where the clock of the registry %s',
  async (_, ahead) => {
    const { asked, at, read } = registry(ahead);
    for (let second = 0; second < 26; second += 1) {
      at(second * 1000);
      await Promise.all([read(), read(), read()]);
    }
    expect(asked).toHaveLength(1);
    at(28_000);
    // Those that find it old at once share one new one.
    await Promise.all([read(), read(), read()]);
    expect(asked).toHaveLength(2);
  },
);
