import { randomUUID } from 'node:crypto';
import type { DurableClient } from 'durable-functions';
import type { RuntimeStatus, Status } from './instance.ts';
import { serialize } from './protocol.ts';

/** What functions use of the client of the SDK; its states are an enumeration, these the same words. */
export type Client = Pick<DurableClient, 'startNew' | 'raiseEvent'> & {
  getStatus(instanceId: string): Promise<Status>;
};

export class AlreadyRunning extends Error {
  constructor(status: RuntimeStatus) {
    super(`An Orchestration instance with the status ${status} already exists.`);
  }
}

export interface Hub {
  start(name: string, options: { readonly instanceId: string; readonly input?: unknown }): void;
  status(instanceId: string): Status | undefined;
  raiseEvent(instanceId: string, name: string, value?: unknown): void;
}

/** How the extension is asked: at once, if nothing else is said. */
type Ask = <T>(ask: () => T) => Promise<T>;

const atOnce: Ask = (ask) => Promise.resolve(ask());

/** Says what the client of the SDK says to what the extension answers. */
export function clientOf(hub: Hub, ask = atOnce): Client {
  return {
    async startNew(name, { instanceId = randomUUID().replaceAll('-', ''), input } = {}) {
      try {
        await ask(() => hub.start(name, { instanceId, input }));
      } catch (error) {
        if (!(error instanceof AlreadyRunning)) throw error;
        const details = serialize({ Message: error.message });
        throw new Error(`The operation failed with an unexpected status code: 409. Details: ${details}`, {
          cause: error,
        });
      }
      return instanceId;
    },
    async getStatus(instanceId) {
      const status = await ask(() => hub.status(instanceId));
      if (!status)
        throw new Error(
          'DurableClient error: Durable Functions extension replied with HTTP 404 response. This usually means we could ' +
            `not find any data associated with the instanceId provided: ${instanceId}.`,
        );
      return status;
    },
    async raiseEvent(instanceId, name, value) {
      await ask(() => {
        if (!hub.status(instanceId)) throw new Error(`No instance with ID '${instanceId}' found.`);
        hub.raiseEvent(instanceId, name, value);
      });
    },
  };
}
