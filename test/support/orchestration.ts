import { registry, retention, settled, worker } from '../../src/engine/durable/orchestrators.ts';
import { activitiesOf } from '../../src/engine/durable/activities.ts';
import { newUseOf } from '../../src/engine/evidence.ts';
import { newFresh } from '../../src/engine/fresh.ts';
import { type App, newConnections } from '../../src/engine/durable/context.ts';
import type { RegistryJob, Start } from '../../src/engine/durable/messages.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { newRunId } from '../../src/ledger/paths.ts';
import { type Environment, readSettings, type Settings } from '../../src/policy/settings.ts';
import { createLog, type Log } from '../../src/report/log.ts';
import { openRegistry } from '../../src/engine/registries.ts';
import type { OpenSources } from '../../src/engine/sources.ts';
import { type Activity, createDurable, type Durable, type DurableOptions, type Execution } from './durable.ts';
import { newFolder } from './ledger.ts';
import { mortal } from './mortal.ts';
import { USER } from './registry.ts';

export interface Hall {
  readonly emulators: readonly Emulator[];
  readonly ledger: Ledger;
  readonly settings: Environment;
  readonly options: Omit<DurableOptions, 'orchestrators' | 'activities'>;
  /** What one execution has of the ledger, and dies with it; absent: none dies. */
  readonly ledgerOf?: (execution: Execution) => Ledger;
  /** Changes what the settings were read as, each time that they are asked for. */
  readonly adjust?: (settings: Settings) => Settings;
  /** Wraps what workers do: to fail them, say. */
  readonly wrap?: (activity: Activity, name: string) => Activity;
  readonly log?: Log;
  /** How sources of evidence are reached; absent: as the settings say. */
  readonly openSources?: OpenSources;
  /** What Defender for Cloud found; absent: it is asked, as the settings say. */
  readonly defenderOf?: App['defenderOf'];
  /** In the place of those that are deployed. */
  readonly orchestrators?: DurableOptions['orchestrators'];
}

export function settingsOf({ emulators, settings }: Pick<Hall, 'emulators' | 'settings'>): Settings {
  const read = readSettings(
    {
      ACR_REGISTRY: emulators.map(({ loginServer }) => loginServer).join(' '),
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      PURGE_SCHEDULE: '0 1 * * Sun',
      RETENTION_STORAGE: newFolder(),
      RETENTION_ENGINE: 'durable',
      ...settings,
    },
    () => '',
  );
  if (read.state === 'invalid') throw new Error(read.mistakes.map(({ message }) => message).join('; '));
  return read.settings;
}

/** The durable engine on the executor, with registries that are served here. */
export function hall({
  emulators,
  ledger,
  ledgerOf,
  settings,
  options,
  adjust = (read) => read,
  wrap = (activity) => activity,
  log = createLog('silent'),
  openSources,
  defenderOf = newFresh(ledger.system.clock),
  orchestrators = {},
}: Hall): Durable {
  const read = settingsOf({ emulators, settings });
  const app: App = {
    settings: () => adjust(read),
    ledger,
    log,
    useOf: newUseOf(ledger),
    defenderOf,
    ...(openSources && { openSources }),
    connections: newConnections((target) => {
      const emulator = emulators.find(({ loginServer }) => loginServer === target.endpoint.host);
      return openRegistry({ ...target, ...(emulator && { certificate: emulator.certificate }) });
    }),
    signal: new AbortController().signal,
  };
  const appOf = (execution: Execution): App =>
    ledgerOf
      ? {
          ...app,
          ledger: ledgerOf(execution),
          connections: {
            using: (target, work) => app.connections.using(target, (registry) => work(mortal(registry, execution))),
          },
        }
      : app;
  const names = Object.keys(activitiesOf(app)) as (keyof ReturnType<typeof activitiesOf>)[];
  const activities = Object.fromEntries(
    names.map((name) => [name, wrap((input, execution) => activitiesOf(appOf(execution))[name](input as never), name)]),
  );
  return createDurable({
    orchestrators: { retention, registry, worker, settled, ...orchestrators },
    activities,
    ...options,
  });
}

/** What the timer starts. */
export function scheduled(
  emulators: readonly Emulator[],
  by = 'tick',
  parent?: string,
): { readonly start: Start; readonly jobs: readonly RegistryJob[] } {
  // Ages count from the emulator's start. What has an age of exactly --ago is older when a run begins, if only just.
  const now = new Date((emulators[0]?.start.getTime() ?? 0) + 1);
  return {
    start: {
      kind: 'scheduled',
      startedBy: 'schedule',
      by,
      pastDue: false,
      now: now.toISOString(),
      ...(parent !== undefined && { parent }),
    },
    jobs: emulators.map(({ loginServer }) => ({
      registry: loginServer,
      instanceId: loginServer.replace(':', '_'),
      runId: newRunId(new Date()),
    })),
  };
}
