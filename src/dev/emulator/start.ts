import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { close, listen } from '../loopback.ts';
import { certificate } from './certificate.ts';
import { newEmulator } from './emulator.ts';
import { identityListener, identityPath } from './identity.ts';
import { listener } from './server.ts';
import { Tokens } from './tokens.ts';
import type { Emulator, EmulatorOptions } from './types.ts';

/**
 * Shared by all emulators of the process: @azure/identity keeps the token of a managed identity as long as the process
 * lives, and shows a second emulator the token from the endpoint of the first.
 */
const identities = new Tokens(Date.now);

/** Starts a registry, its storage of blobs, and a managed-identity endpoint on loopback. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  let [loginServer, storageHost] = ['', ''];
  const unserved = newEmulator(
    options,
    () => loginServer,
    identities,
    () => storageHost,
  );
  const { emulator, answers, log, controls } = unserved;
  const identityHeader = randomUUID();
  const { key, cert } = await certificate();

  const registry = createHttpsServer({ key, cert }, listener(answers));
  // Another origin, to which clients must not take the registry's token along.
  const storage = createHttpsServer({ key, cert }, listener(answers));
  const identity = createHttpServer(identityListener(identities, log, controls, identityHeader));
  loginServer = `127.0.0.1:${await listen(registry, options.port ?? 0)}`;
  storageHost = `127.0.0.1:${await listen(storage, 0)}`;
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
      closing ??= Promise.all([registry, storage, identity].map((server) => close(server))).then(() =>
        unserved.close(),
      );
      await closing;
    },
  };
}
