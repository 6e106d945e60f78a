import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { certificate } from '../emulator/certificate.ts';
import { close, listen } from '../loopback.ts';
import { type Answer, answerOf, type Azure, type AzureFault, failed } from './answers.ts';

export interface RunningAzure {
  /** `https://localhost:<port>` */
  readonly endpoint: string;
  /** The certificate authority to trust (PEM). */
  readonly certificate: string;
  /** What was asked, in turn: `GET /subscriptions/…`. */
  readonly asked: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Azure Resource Manager on loopback, over TLS: the clients of Azure show a token to nothing else. */
export async function startAzure(azure: Azure, faults: readonly AzureFault[] = []): Promise<RunningAzure> {
  const { key, cert } = await certificate();
  const asked: string[] = [];
  const left = new Map(faults.map((fault) => [fault, fault.times ?? Infinity]));
  const server = createServer({ key, cert }, (request, response) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    asked.push(line);
    const fault = faults.find((one) => one.at.test(line) && (left.get(one) ?? 0) > 0);
    if (fault) {
      left.set(fault, (left.get(fault) ?? 0) - 1);
      request.resume();
      fail(fault, response);
    } else {
      void text(request).then((body) => send(response, answer(azure, request, body)));
    }
  });
  const port = await listen(server, 0);
  return {
    endpoint: `https://localhost:${port}`,
    certificate: cert,
    asked,
    stop: () => close(server),
  };
}

function answer(azure: Azure, { method = '', url = '', headers }: IncomingMessage, body: string): Answer {
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  return answerOf(azure, { method, url: new URL(url, `https://${headers.host ?? 'localhost'}`), token, body });
}

function fail({ status, code = 'Fault', headers, body }: AzureFault, response: ServerResponse): void {
  if (status === 'drop') response.destroy();
  else if (status !== 'hang')
    send(response, { ...failed(status, code), ...(body !== undefined && { body }), ...(headers && { headers }) });
}

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}
