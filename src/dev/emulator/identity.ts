import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestLog } from './request-log.ts';
import type { Controls } from './server.ts';
import { identityLifeSeconds, identityToken } from './auth.ts';
import type { Tokens } from './tokens.ts';

export const identityPath = '/msi/token';

/**
 * The endpoint of a managed identity at IDENTITY_ENDPOINT, as documented for App Service (`api-version` 2019-08-01).
 * `expires_on` is a text: seconds since 1970.
 */
export function identityListener(
  tokens: Tokens,
  log: RequestLog,
  controls: Controls,
  identityHeader: string,
): RequestListener {
  return (incoming, response) => {
    const { method = 'GET', url = '/' } = incoming;
    const entry = log.begin({ kind: 'identity', method, path: url });
    log.count(entry);
    const reply = (status: number, body: object): void => {
      log.end(entry, status);
      send(response, status, body);
    };
    const answer = (): void => {
      const outcome = controls.faults.chosen(entry);
      if (outcome === 'drop' || outcome === 'cut') {
        log.end(entry, 0);
        incoming.socket.destroy();
        return;
      }
      if (outcome !== undefined) {
        reply(outcome.status, refusal(outcome.status, 'the emulator was told to answer so'));
        return;
      }
      const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
      const resource = searchParams.get('resource') ?? '';
      if (pathname !== identityPath || method !== 'GET') {
        reply(404, refusal(404, `${method} ${pathname}`));
      } else if (incoming.headers['x-identity-header'] !== identityHeader) {
        reply(401, refusal(401, 'X-IDENTITY-HEADER is not the IDENTITY_HEADER of this environment'));
      } else if (resource === '' || searchParams.get('api-version') !== '2019-08-01') {
        reply(400, refusal(400, 'resource, and api-version=2019-08-01, are required'));
      } else {
        reply(200, {
          access_token: identityToken(tokens, resource),
          expires_on: String(Math.floor(tokens.now() / 1000) + identityLifeSeconds),
          resource,
          token_type: 'Bearer',
          client_id: searchParams.get('client_id') ?? '00000000-0000-0000-0000-0000000000c1',
        });
      }
    };
    if (controls.faults.latencyMs > 0) void sleep(controls.faults.latencyMs, undefined, { ref: false }).then(answer);
    else answer();
  };
}

function refusal(statusCode: number, message: string): object {
  return { statusCode, message };
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
