import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { certificate } from './certificate.ts';
import { FaultInjector } from './faults.ts';
import { identityListener, identityPath } from './identity.ts';
import { RequestLog } from './request-log.ts';
import { digestOf } from './manifests.ts';
import { answering, type Answers, type Controls, listener } from './server.ts';
import { Contents } from './contents.ts';
import { Tokens } from './tokens.ts';
import type { Emulator, EmulatorContents, EmulatorOptions, PushOptions } from './types.ts';

/** Longer than any client keeps an idle connection, so that the server never closes one that is used again. */
const keepAliveMs = 120_000;

/**
 * Shared by all emulators of the process: @azure/identity keeps the token of a managed identity as long as the process
 * lives, and shows a second emulator the token from the endpoint of the first.
 */
const identities = new Tokens();

/** An embedded registry without a server: what it holds, its log, and how it answers. */
export interface UnservedEmulator {
  readonly emulator: EmulatorContents;
  readonly answers: Answers;
  readonly log: RequestLog;
  readonly controls: Controls;
}

/** @param loginServer the name of the registry for requests without a `Host` header */
export function newEmulator(options: EmulatorOptions, loginServer: () => string): UnservedEmulator {
  const start = options.start ?? new Date();
  const contents = new Contents(options.repositories, start, options.lazy);
  const log = new RequestLog();
  const controls: Controls = { faults: new FaultInjector(options.faults ?? {}), hook: undefined };
  const backend = { contents, auth: { ...options, tokens: new Tokens(), identities }, limits: options };
  return {
    log,
    controls,
    answers: answering(backend, log, controls, loginServer),
    emulator: {
      start,
      counts: () => log.counts(),
      statuses: () => log.statuses(),
      requests: () => log.requests(),
      faults: (faults) => {
        controls.faults = new FaultInjector(faults);
      },
      onRequest: (hook) => {
        controls.hook = hook;
      },
      push: (repository, body, push = {}) => pushTo(contents, repository, body, push),
      tag: (repository, name, digest, age = ageOfNow(start)) => contents.find(repository).putTag({ name, digest, age }),
      untag: (repository, name) => {
        if (contents.find(repository).deleteTag(name) === undefined)
          throw new Error(`${repository} has no tag ${name}`);
      },
      remove: (repository, digest) => {
        const gone = contents.deleteManifest(contents.find(repository), digest);
        if (gone.length === 0) throw new Error(`${repository} has no ${digest}`);
      },
      lock: (repository, reference, attributes) => contents.lock(repository, reference, attributes),
      repositories: () => contents.state(),
      tagsLeft: () => contents.tagsLeft(),
      manifestsLeft: () => contents.manifestsLeft(),
    },
  };
}

/** Starts a registry and a managed-identity endpoint on loopback. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  let loginServer = '';
  const { emulator, answers, log, controls } = newEmulator(options, () => loginServer);
  const identityHeader = randomUUID();
  const { key, cert } = await certificate();

  const registry = createHttpsServer({ key, cert }, listener(answers));
  const identity = createHttpServer(identityListener(identities, log, controls, identityHeader));
  loginServer = `127.0.0.1:${await listen(registry, options.port ?? 0)}`;
  const identityPort = await listen(identity, 0);

  let closing: Promise<void> | undefined;
  return {
    ...emulator,
    url: `https://${loginServer}`,
    loginServer,
    certificate: cert,
    environment: {
      IDENTITY_ENDPOINT: `http://127.0.0.1:${identityPort}${identityPath}`,
      IDENTITY_HEADER: identityHeader,
    },
    close: async () => {
      closing ??= Promise.all([close(registry), close(identity)]).then(() => undefined);
      await closing;
    },
  };
}

function pushTo(contents: Contents, repository: string, body: string, options: PushOptions): string {
  const { tag, age = ageOfNow(contents.start), ...state } = options;
  const digest = digestOf(body);
  if (contents.get(repository)?.manifests.get(digest) === undefined) {
    contents.put(repository, { body, age, ...state });
  }
  if (tag !== undefined) contents.find(repository).putTag({ name: tag, digest, age });
  return digest;
}

/** The age of what happens now: negative, because ages count from the start. */
function ageOfNow(start: Date): number {
  return (start.getTime() - Date.now()) / 1000;
}

/** Open sockets of each server. */
const sockets = new WeakMap<Server, Set<Socket>>();

async function listen(server: Server, port: number): Promise<number> {
  const open = new Set<Socket>();
  sockets.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.keepAliveTimeout = keepAliveMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
    // `closeAllConnections` leaves out connections during their handshake.
    for (const socket of sockets.get(server) ?? []) socket.destroy();
  });
}
