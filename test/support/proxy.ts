import type { IncomingHttpHeaders } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificate } from '../../src/dev/emulator/certificate.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';

export interface Asked {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What arrives instead of the registry's answer; `'cut off'`: its beginning, and then the connection breaks. */
export type Alter = (asked: Asked, answered: Answered) => Partial<Answered> | 'cut off' | undefined;

/**
 * Runs a test at an emulator behind a proxy that may put other answers in the place of its own: what no honest registry
 * says, and a network may. The emulator given to the test has the proxy's address.
 */
export async function behindProxy<T>(
  emulator: Emulator,
  alter: Alter,
  test: (emulator: Emulator) => Promise<T>,
): Promise<T> {
  return serving(
    (asked, body) => forward(emulator, asked, body),
    alter,
    (loginServer) => test({ ...emulator, loginServer, url: `https://${loginServer}` }),
  );
}

/** A server of another origin, with what arrived there. To everything it answers the same. */
export async function withStranger<T>(
  answered: Answered,
  test: (stranger: { readonly url: string; readonly asked: readonly Asked[] }) => Promise<T>,
): Promise<T> {
  const asked: Asked[] = [];
  return serving(
    (one) => {
      asked.push(one);
      return Promise.resolve(answered);
    },
    () => undefined,
    (host) => test({ url: `https://${host}`, asked }),
  );
}

/** A server that answers nothing for as long as the test takes. */
export async function withSilence<T>(
  onRequest: (path: string) => void,
  test: (silent: Pick<Emulator, 'url' | 'certificate'>) => Promise<T>,
): Promise<T> {
  const { cert } = await certificate();
  return serving(
    ({ path }) => {
      onRequest(path);
      return new Promise(() => undefined);
    },
    () => undefined,
    (host) => test({ url: `https://${host}`, certificate: cert }),
  );
}

async function serving<T>(
  answer: (asked: Asked, body: Buffer) => Promise<Answered>,
  alter: Alter,
  test: (host: string) => Promise<T>,
): Promise<T> {
  const { key, cert } = await certificate();
  const server = createServer({ key, cert }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = 'GET', url: path = '/', headers } = incoming;
      const asked = { method, path, headers };
      answer(asked, Buffer.concat(chunks)).then(
        (answered) => {
          const altered = alter(asked, answered);
          const { status, headers, body } = altered === 'cut off' ? answered : { ...answered, ...altered };
          const whole = Buffer.from(body);
          response.writeHead(status, { ...headers, 'content-length': whole.length });
          if (altered !== 'cut off') response.end(whole);
          else if (whole.length === 0) response.destroy();
          else response.write(whole.subarray(0, Math.ceil(whole.length / 2)), () => response.destroy());
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await test(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    await close(server);
  }
}

function forward(emulator: Emulator, { method, path, headers }: Asked, body: Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request(emulator.url + path, { method, headers, ca: emulator.certificate }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
