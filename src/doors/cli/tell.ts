import { readNotifySettings } from '../../policy/settings.ts';
import { printable } from '../../report/escape.ts';
import { type Ledger, notifyDue } from '../../index.ts';
import type { Display } from './flags.ts';

/** How long a command waits for messages after its run. */
const LONGEST_MS = 15_000;

interface Told {
  readonly ledger: Ledger;
  readonly log: Display['log'];
  /** The registries that the command is about; absent: whichever its run is about. */
  readonly registries: readonly string[] | undefined;
}

/**
 * Tells the addresses of NOTIFY, where it is set, of the run that a command has made. Whatever comes of that, the command
 * ends as its run did.
 * @returns does the work, and tells after it
 * @throws {InvalidPolicy} for settings that are wrong, before anything is done
 */
export function telling(environment: NodeJS.ProcessEnv, { ledger, log, registries }: Told) {
  const notify = readNotifySettings(environment);
  const lines = log ?? {
    info: () => undefined,
    warn: (_: object, message: string) => void process.stderr.write(`acr-retention: ${printable(message)}\n`),
  };
  return async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } finally {
      await notifyDue({ notify, ledger, log: lines, registries, milliseconds: LONGEST_MS });
    }
  };
}
