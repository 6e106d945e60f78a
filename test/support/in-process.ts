import type { Agent, DecoratorHandler, Dispatcher } from 'undici';
import { certificate } from '../../src/dev/emulator/certificate.ts';
import { newEmulator } from '../../src/dev/emulator/emulator.ts';
import { exchange } from '../../src/dev/emulator/exchange.ts';
import type { Emulator, EmulatorOptions } from '../../src/dev/emulator/index.ts';
import type { Answers } from '../../src/dev/emulator/server.ts';

/*
 * Registries of this process, without sockets. The SDK, its pipeline and the HTTP client are the real ones: only the agent
 * of undici, which has the connections, is another (`in-process-setup.ts`). A call costs a tenth of one over TLS.
 */

const registries = new Map<string, Answers>();

/** Below the ports that are given to servers, so that none is called the same. */
let port = 10_000;

/** A registry that is reached in this process only. */
export async function emulatorInProcess(options: EmulatorOptions): Promise<Emulator> {
  const loginServer = `127.0.0.1:${port++}`;
  const storageHost = `127.0.0.1:${port++}`;
  const { emulator, answers, close } = newEmulator(
    options,
    () => loginServer,
    undefined,
    () => storageHost,
  );
  for (const host of [loginServer, storageHost]) registries.set(host, answers);
  return {
    ...emulator,
    url: `https://${loginServer}`,
    loginServer,
    certificate: (await certificate()).cert,
    environment: {
      get IDENTITY_ENDPOINT(): never {
        throw new Error('a registry without sockets has no managed identity: use withServedEmulator');
      },
      IDENTITY_HEADER: '',
    },
    close: () => {
      for (const host of [loginServer, storageHost]) registries.delete(host);
      close();
      return Promise.resolve();
    },
  };
}

/** Undici's agent, which hands requests for registries of this process to them. */
export function agentInProcess(Real: typeof Agent, Told: typeof DecoratorHandler): typeof Agent {
  return class extends Real {
    override dispatch(options: Agent.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const { host } = new URL(options.origin ?? '');
      const answers = registries.get(host);
      if (!answers) return super.dispatch(options, handler);
      // `request` of undici still has handlers of its older interface, which this one translates.
      const told = handler.onRequestStart ? handler : new Told(handler);
      void exchange(answers, host, options, told);
      return true;
    }
  };
}
