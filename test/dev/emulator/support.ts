import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { ContainerRegistryClient } from '@azure/container-registry';
import type { TokenCredential } from '@azure/identity';
import { onTestFinished } from 'vitest';
import {
  startEmulator,
  type Emulator,
  type EmulatorOptions,
  type RegistryState,
} from '../../../src/dev/emulator/index.ts';
import { image } from '../../../src/dev/emulator/manifests.ts';

const admin = { username: 'admin', password: 'p:ss' };

/** An emulator that is closed when the test is over. */
export async function emulatorOf(
  repositories: RegistryState,
  options: Omit<EmulatorOptions, 'repositories'> = {},
): Promise<Emulator> {
  const emulator = await startEmulator({ repositories, basic: admin, ...options });
  onTestFinished(() => emulator.close());
  return emulator;
}

/** Images `app/0`, `app/1`, … each an hour older than the one before, tagged `v0`, `v1`, … */
export function images(count: number): RegistryState[string] & { digests: string[] } {
  const built = Array.from({ length: count }, (_, n) => image(`app/${n}`));
  return {
    digests: built.map(({ digest }) => digest),
    manifests: built.map(({ body }, n) => ({ body, age: n * 3600 })),
    tags: built.map(({ digest }, n) => ({ name: `v${n}`, digest, age: n * 3600 })),
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** As the admin user, unless said otherwise. */
  readonly auth?: string | null;
  /** How the body is read. Default: UTF-8. */
  readonly encoding?: BufferEncoding;
}

/** One request over a real socket, exactly as written here: no retries, no tokens. */
export function call(emulator: Pick<Emulator, 'url' | 'certificate'>, path: string, sent: Sent = {}): Promise<Reply> {
  const auth = sent.auth === undefined ? `${admin.username}:${admin.password}` : sent.auth;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      emulator.url + path,
      { method: sent.method ?? 'GET', headers: sent.headers ?? {}, auth, ca: emulator.certificate, agent: new Agent() },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString(sent.encoding),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(sent.body);
  });
}

/** The body of an answer. */
export function parsed(reply: Reply): unknown {
  return JSON.parse(reply.body);
}

/** The code of the first error of an answer. */
export function errorCode(reply: Reply): string | undefined {
  return (parsed(reply) as { errors?: { code: string }[] }).errors?.[0]?.code;
}

/** A form, as `/oauth2` takes it. */
export function form(fields: Record<string, string> | [string, string][]): Sent {
  return {
    method: 'POST',
    auth: null,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
}

/** An Entra token, straight from the emulator's managed-identity endpoint. */
export async function identityToken(emulator: Emulator): Promise<string> {
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = emulator.environment;
  const url = `${IDENTITY_ENDPOINT}?resource=https://containerregistry.azure.net&api-version=2019-08-01`;
  const response = await fetch(url, { headers: { 'X-IDENTITY-HEADER': IDENTITY_HEADER } });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** A credential for the SDK, without the weight of @azure/identity. */
export function credentialOf(emulator: Emulator): TokenCredential {
  return {
    getToken: async () => ({ token: await identityToken(emulator), expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
}

/** The SDK's client; `retries` are its own. */
export function clientOf(emulator: Emulator, retries = 0): ContainerRegistryClient {
  return new ContainerRegistryClient(emulator.url, credentialOf(emulator), {
    tlsOptions: { ca: emulator.certificate },
    retryOptions: { maxRetries: retries },
  });
}

/** Everything an async iterable gives. */
export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of iterable) found.push(one);
  return found;
}
