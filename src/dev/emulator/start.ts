import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { certificate } from './certificate.ts';
import { newEmulator } from './emulator.ts';
import { identityListener, identityPath } from './identity.ts';
import { listener } from './server.ts';
import { Tokens } from './tokens.ts';
import type { Emulator, EmulatorOptions } from './types.ts';

/** Longer than any client keeps an idle connection, so that the server never closes one that is used again. */
const keepAliveMs = 120_000;

/**
 * Shared by all emulators of the process: @azure/identity keeps the token of a managed identity as long as the process
 * lives, and shows a second emulator the token from the endpoint of the first.
 */
const identities = new Tokens(Date.now);

/** Starts a registry and a managed-identity endpoint on loopback. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  let loginServer = '';
  const { emulator, answers, log, controls } = newEmulator(options, () => loginServer, identities);
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
