import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { certificate } from './certificate.ts';
import { FaultInjector } from './faults.ts';
import { identityListener, identityPath } from './identity.ts';
import { Journal } from './journal.ts';
import { digestOf } from './manifests.ts';
import { answering, type Answers, type Controls, listener } from './server.ts';
import { Store } from './store.ts';
import { Tokens } from './tokens.ts';
import type { Emulator, EmulatorContents, EmulatorOptions, PushOptions } from './types.ts';

/** Longer than any client keeps an idle connection, so that none is closed just as it is used again. */
const keepAliveMs = 120_000;

/**
 * One for the whole process: @azure/identity keeps a managed identity's token for as long as the process lives, so a
 * second emulator is shown the token that the first one's endpoint gave.
 */
const identities = new Tokens();

/** A registry that nobody serves yet: what it holds and noted, and how it answers. */
export interface UnservedEmulator {
  readonly emulator: EmulatorContents;
  readonly answers: Answers;
  readonly journal: Journal;
  readonly controls: Controls;
}

/** @param loginServer what it is called where a client does not say */
export function newEmulator(options: EmulatorOptions, loginServer: () => string): UnservedEmulator {
  const start = options.start ?? new Date();
  const store = new Store(options.repositories, start, options.lazy);
  const journal = new Journal();
  const controls: Controls = { faults: new FaultInjector(options.faults ?? {}), hook: undefined };
  const backend = { store, auth: { ...options, tokens: new Tokens(), identities }, limits: options };
  return {
    journal,
    controls,
    answers: answering(backend, journal, controls, loginServer),
    emulator: {
      start,
      counts: () => journal.counts(),
      statuses: () => journal.statuses(),
      requests: () => journal.requests(),
      faults: (faults) => {
        controls.faults = new FaultInjector(faults);
      },
      onRequest: (hook) => {
        controls.hook = hook;
      },
      push: (repository, body, push = {}) => pushTo(store, repository, body, push),
      tag: (repository, name, digest, age = ageOfNow(start)) => store.find(repository).putTag({ name, digest, age }),
      untag: (repository, name) => {
        if (store.find(repository).deleteTag(name) === undefined) throw new Error(`${repository} has no tag ${name}`);
      },
      remove: (repository, digest) => {
        const gone = store.deleteManifest(store.find(repository), digest);
        if (gone.length === 0) throw new Error(`${repository} has no ${digest}`);
      },
      lock: (repository, reference, attributes) => store.lock(repository, reference, attributes),
      repositories: () => store.state(),
      tagsLeft: () => store.tagsLeft(),
      manifestsLeft: () => store.manifestsLeft(),
    },
  };
}

/** Starts a registry and a managed-identity endpoint on loopback. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  let loginServer = '';
  const { emulator, answers, journal, controls } = newEmulator(options, () => loginServer);
  const identityHeader = randomUUID();
  const { key, cert } = await certificate();

  const registry = createHttpsServer({ key, cert }, listener(answers));
  const identity = createHttpServer(identityListener(identities, journal, controls, identityHeader));
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

function pushTo(store: Store, repository: string, body: string, options: PushOptions): string {
  const { tag, age = ageOfNow(store.start), ...state } = options;
  const digest = digestOf(body);
  if (store.get(repository)?.manifests.get(digest) === undefined) {
    store.put(repository, { body, age, ...state });
  }
  if (tag !== undefined) store.find(repository).putTag({ name: tag, digest, age });
  return digest;
}

/** Ages count from the start: what happens now is younger than that. */
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
    // That leaves out connections whose handshake is not over.
    for (const socket of sockets.get(server) ?? []) socket.destroy();
  });
}
