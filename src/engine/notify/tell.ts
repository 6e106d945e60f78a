import { createHash } from 'node:crypto';
import type { Ledger } from '../../ledger/ledger.ts';
import { idOf, newRunId } from '../../ledger/paths.ts';
import type { Configuration, Settings } from '../../policy/settings.ts';
import { notifyDue, type Notifying } from './notify.ts';

/* When people are told: after a run, where one could not be begun, where the settings are wrong. */

/**
 * How long messages are waited for after a run: it is recorded and its lock is released, but what started it waits. What is
 * left then is sent by the watch.
 */
export const AFTER_RUN_MS = 30_000;

/** How long the hourly watch takes for messages. */
export const WATCH_MS = 240_000;

/** Who is told of what, by the app's settings: also where others of them are wrong. */
export function notifyingOf(
  configuration: Configuration,
): Pick<Notifying, 'notify' | 'registries' | 'planAgeMilliseconds'> {
  // Which registries it serves is not known: of none.
  if (configuration.state === 'invalid') return { notify: configuration.notify, registries: [] };
  return notifyingFor(configuration.settings);
}

/** The same, by settings that are right. */
export function notifyingFor({ notify, ledger, registries }: Settings) {
  return {
    notify,
    registries: registries.map(({ endpoint }) => endpoint.host),
    planAgeMilliseconds: ledger.planAgeMilliseconds,
  };
}

/** Notes that a run could not be begun: nothing else in the ledger says so. */
export async function noteNotBegun(
  { notify, ledger, log }: Pick<Notifying, 'notify' | 'ledger' | 'log'>,
  registry: string | undefined,
  why: string,
  id?: string,
): Promise<void> {
  if (!notify) return;
  const now = new Date(ledger.system.clock.now());
  const note = { id: id ?? newRunId(now), at: now.toISOString(), why, ...(registry !== undefined && { registry }) };
  await ledger.messages.noteNotBegun(note).catch((error: unknown) => {
    log?.warn({ event: 'warning' }, (error as Error).message);
  });
}

/** The id of a note of one day: a schedule may have a tick each minute, and the same is wrong at each. */
function dailyId(what: string, { system }: Ledger): string {
  const day = new Date(system.clock.now());
  day.setUTCHours(0, 0, 0, 0);
  return `${idOf(day)}-${createHash('sha256').update(what).digest('hex').slice(0, 6)}`;
}

/** Tells people that the settings are wrong, so that the schedule does nothing: once a day. */
export async function tellMisconfigured(
  configuration: Configuration,
  about: Pick<Notifying, 'ledger' | 'log' | 'signal'>,
): Promise<void> {
  if (configuration.state === 'valid') return;
  const notifying = { ...about, ...notifyingOf(configuration) };
  const mistakes = configuration.mistakes.map(({ message }) => message).join('; ');
  await noteNotBegun(notifying, undefined, `The app settings are wrong: ${mistakes}`, dailyId(mistakes, about.ledger));
  await notifyDue({ ...notifying, milliseconds: AFTER_RUN_MS });
}

/** Tells people of each run of several, while the next one is under way. */
export interface Teller {
  /** @param begun to be called once the run is recorded: what goes wrong after that stands in its record */
  readonly after: <T>(registry: string, work: (begun: () => void) => Promise<T>) => Promise<T>;
  /** Waits for the messages that are under way. */
  readonly settled: () => Promise<void>;
}

export function newTeller(about: Omit<Notifying, 'milliseconds'>): Teller {
  let last = Promise.resolve();
  let isQueued = false;
  const queue = (): void => {
    // One call sends whatever is due: none has to be made for each run.
    if (isQueued) return;
    isQueued = true;
    last = last.then(() => {
      isQueued = false;
      return notifyDue({ ...about, milliseconds: AFTER_RUN_MS });
    });
  };
  return {
    async after(registry, work) {
      const run = { isBegun: false };
      try {
        return await work(() => void (run.isBegun = true));
      } catch (error) {
        if (!run.isBegun) await noteNotBegun(about, registry, (error as Error).message);
        throw error;
      } finally {
        queue();
      }
    },
    settled: () => last,
  };
}
