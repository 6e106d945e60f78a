import type { DurableClient } from 'durable-functions';
import type { Ledger } from '../../ledger/ledger.ts';
import { registryKey, newRunId } from '../../ledger/paths.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Settings } from '../../policy/settings.ts';
import { beginBatch } from '../batch.ts';
import { fail } from '../finish.ts';
import { notifyDue } from '../notify/notify.ts';
import { AFTER_RUN_MS, noteNotBegun, notifyingFor } from '../notify/tell.ts';
import type { Log } from '../../report/log.ts';
import { inBatch } from './context.ts';
import type { Begin, RegistryJob, Start, StartMany } from './messages.ts';

export type { DurableClient };

/** What of the engine's client is used. */
export type Starter = Pick<DurableClient, 'startNew' | 'getStatus'>;

/** A registry has an orchestration already: there is never a second one. */
class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
  /** Absent: it has only just been started. */
  readonly runId: string | undefined;
  /** As the engine says it: `Running`, `Pending`. */
  readonly state: string;

  constructor(registry: string, { instanceId, runId, state }: Running) {
    const run = runId === undefined ? '' : `, with the run ${runId}`;
    super(`${registry} has an orchestration already: ${instanceId} is ${state}${run}; start again when it has ended`);
    this.runId = runId;
    this.state = state;
  }
}

/** The orchestration that a registry has. */
interface Running {
  readonly instanceId: string;
  readonly state: string;
  readonly runId: string | undefined;
}

/** The instance id of a registry's scheduled orchestration: there is never a second one. */
function instanceOf(registry: string): string {
  return registryKey(registry);
}

/** What is running, in the engine's words: anything that has not ended. */
const LIVE: readonly string[] = ['Running', 'Pending', 'ContinuedAsNew', 'Suspended'];

/** @throws where the engine cannot tell: then nothing may be started */
async function runningIn(client: Starter, registry: string): Promise<Running | undefined> {
  const instanceId = instanceOf(registry);
  const status = await client.getStatus(instanceId).catch((error: unknown) => {
    // That is how the SDK says that there is none.
    if (error instanceof Error && error.message.includes('HTTP 404')) return undefined;
    throw error;
  });
  if (!status || !LIVE.includes(status.runtimeStatus)) return undefined;
  const { customStatus } = status;
  const runId: unknown =
    typeof customStatus === 'object' && customStatus !== null && 'runId' in customStatus
      ? customStatus.runId
      : undefined;
  return { instanceId, state: status.runtimeStatus, runId: typeof runId === 'string' ? runId : undefined };
}

export interface Started {
  /** Of the orchestration; none where each registry has one already. */
  readonly instanceId: string | undefined;
  /** Registries that were left as they are, and why. */
  readonly left: readonly AlreadyRunning[];
}

/** What a tick of the timer is started with. */
export interface Tick {
  readonly client: Starter;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly now: Date;
  readonly by: string;
  readonly pastDue: boolean;
}

/**
 * Starts the configured purge of all registries, and returns. A registry whose last one has not ended is left to it.
 */
export async function startScheduled(settings: Settings, tick: Tick): Promise<Started> {
  const { registries, notify } = settings;
  const { client, ledger, now, by, pastDue } = tick;
  const served = registries.filter(({ commands }) => commands.length > 0).map(({ endpoint }) => endpoint.host);
  const batch = { kind: 'scheduled', startedBy: 'schedule', by, registries: served } as const;
  const parent = served.length > 1 ? await beginBatch(ledger, batch) : undefined;
  const log = inBatch(tick.log, parent === undefined ? {} : { parent });
  const jobs: RegistryJob[] = [];
  const left: AlreadyRunning[] = [];
  const failures: unknown[] = [];
  const note = async (registry: string, error: unknown): Promise<void> => {
    const { message } = error as Error;
    failures.push(error);
    log.error({ event: 'run-not-begun', registry, why: message }, message);
    if (parent !== undefined) await ledger.child(parent, { registry, error: { message } });
    await noteNotBegun({ notify, ledger, log }, registry, message);
  };
  for (const registry of served) {
    try {
      const running = await runningIn(client, registry);
      if (!running) {
        jobs.push({ registry, instanceId: instanceOf(registry), runId: newRunId(now) });
        continue;
      }
      const refusal = new AlreadyRunning(registry, running);
      const { message, runId, state } = refusal;
      log.warn({ event: 'run-not-begun', registry, why: message, running: runId, state }, message);
      // Its run is shown in this batch as well.
      if (parent !== undefined)
        await ledger.child(parent, runId === undefined ? { registry, error: { message } } : { registry, runId });
      left.push(refusal);
    } catch (error) {
      await note(registry, error);
    }
  }
  const start: Start = {
    kind: 'scheduled',
    startedBy: 'schedule',
    by,
    pastDue,
    now: now.toISOString(),
    ...(parent !== undefined && { parent }),
  };
  const [first] = jobs;
  let instanceId: string | undefined;
  try {
    const input: StartMany = { start, jobs };
    instanceId = first && (await client.startNew('retention', { instanceId: parent ?? first.runId, input }));
  } catch (error) {
    for (const { registry } of jobs) await note(registry, error);
  }
  // The others are started. The host takes the tick for failed when its function throws.
  if (failures.length > 0) {
    await notifyDue({ ...notifyingFor(settings), ledger, log, milliseconds: AFTER_RUN_MS });
    throw failures[0];
  }
  return { instanceId, left };
}

/**
 * Starts the orchestrations of dry runs whose records are begun. Any number may run at a time: they delete nothing. The
 * record of one that cannot be started says so.
 *
 * @throws what the engine's client threw for the first that could not be started; the others are started
 */
export async function startDryRuns(
  records: readonly RunRecord[],
  { client, ledger, now, by }: Pick<Tick, 'client' | 'ledger' | 'now' | 'by'>,
): Promise<void> {
  const start: Start = { kind: 'dry-run', startedBy: 'request', by, pastDue: false, now: now.toISOString() };
  const failures: unknown[] = [];
  for (const { id: runId, registry } of records) {
    const instanceId = `${registryKey(registry)}.${runId}`;
    const input: Begin = { start, job: { registry, runId, instanceId } };
    try {
      await client.startNew('registry', { instanceId, input });
    } catch (error) {
      failures.push(error);
      const { message } = error as Error;
      // Where this fails too, the record is taken for that of a run that broke off, after a day.
      await ledger.reopen({ id: runId }).then(
        (written) => fail(written, ledger.system.clock, { message }, []),
        () => undefined,
      );
    }
  }
  if (failures.length > 0) throw failures[0];
}
