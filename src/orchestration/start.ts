import type { DurableClient } from 'durable-functions';
import type { Ledger } from '../ledger/ledger.ts';
import { lockOf, newRunId } from '../ledger/paths.ts';
import type { Settings } from '../policy/settings.ts';
import type { Log } from '../report/log.ts';
import type { Errand, Start, StartMany } from './messages.ts';

/** What of the engine's client is used. */
export type Starter = Pick<DurableClient, 'startNew' | 'getStatus'>;

/** A registry has an orchestration already: there is never a second one. */
export class AlreadyRunning extends Error {
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
  readonly kind: Start['kind'] | undefined;
  readonly runId: string | undefined;
}

/** The instance id of a registry's orchestration: no two may have the same one at a time. */
export function instanceOf(registry: string): string {
  return lockOf(registry);
}

/** What is running, in the engine's words: anything that has not ended. */
const LIVE: readonly string[] = ['Running', 'Pending', 'ContinuedAsNew', 'Suspended'];

async function runningIn(client: Starter, registry: string): Promise<Running | undefined> {
  const instanceId = instanceOf(registry);
  // It throws alike where there is none, which is usual, and where it cannot tell. Then the start itself cannot, either.
  const status = await client.getStatus(instanceId, { showInput: true }).catch(() => undefined);
  if (!status || !LIVE.includes(status.runtimeStatus)) return undefined;
  const { start, errand } = fieldsOf(status.input);
  const { runId } = fieldsOf(status.customStatus);
  const kind = fieldsOf(start)['kind'];
  const known = runId ?? fieldsOf(errand)['runId'];
  return {
    instanceId,
    state: status.runtimeStatus,
    kind: kind === 'scheduled' || kind === 'dry-run' ? kind : undefined,
    runId: typeof known === 'string' ? known : undefined,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
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
 * Starts the configured purge of all registries, and returns. A registry whose last one has not ended is left to it; a
 * dry run that somebody asked for is waited for.
 */
export async function startScheduled({ registries }: Settings, tick: Tick): Promise<Started> {
  const { client, ledger, log, now, by, pastDue } = tick;
  const served = registries.filter(({ commands }) => commands.length > 0).map(({ endpoint }) => endpoint.host);
  const parent = served.length > 1 ? newRunId(now) : undefined;
  if (parent !== undefined)
    await ledger.beginParent({
      format: 1,
      id: parent,
      kind: 'scheduled',
      startedBy: 'schedule',
      by,
      started: now.toISOString(),
      registries: served,
    });
  const errands: Errand[] = [];
  const left: AlreadyRunning[] = [];
  for (const registry of served) {
    const running = await runningIn(client, registry);
    if (running && running.kind !== 'dry-run') {
      const refusal = new AlreadyRunning(registry, running);
      const { message, runId, state } = refusal;
      log.warn({ event: 'run-not-begun', registry, why: message, running: runId, state }, message);
      // Its run goes on, and is shown under this start as well.
      if (parent !== undefined)
        await ledger.child(parent, runId === undefined ? { registry, error: { message } } : { registry, runId });
      left.push(refusal);
      continue;
    }
    const after = running?.runId;
    const errand = { registry, instanceId: instanceOf(registry), runId: newRunId(now) };
    errands.push({ ...errand, ...(after !== undefined && { after }) });
  }
  const start: Start = {
    kind: 'scheduled',
    startedBy: 'schedule',
    by,
    pastDue,
    now: now.toISOString(),
    ...(parent !== undefined && { parent }),
  };
  return { instanceId: await startAll(client, { start, errands }, parent), left };
}

/** A dry run that was begun here, and is to be gone on with. */
export interface Handed {
  readonly registry: string;
  readonly runId: string;
}

/**
 * Goes on with dry runs that were begun here; after whatever else their registries' orchestrations are at. Where that
 * cannot be started, their records say so.
 *
 * @param id what they were asked for as: their parent, or the only run
 */
export async function startHanded(
  id: string,
  handed: readonly Handed[],
  { client, ledger, now, by }: Pick<Tick, 'client' | 'ledger' | 'now' | 'by'>,
): Promise<void> {
  try {
    const errands: Errand[] = [];
    for (const { registry, runId } of handed) {
      const after = (await runningIn(client, registry))?.runId;
      errands.push({ registry, runId, instanceId: instanceOf(registry), ...(after !== undefined && { after }) });
    }
    const start: Start = { kind: 'dry-run', startedBy: 'request', by, pastDue: false, now: now.toISOString() };
    await startAll(client, { start, errands }, id);
  } catch (error) {
    for (const { runId } of handed) {
      const { message } = error as Error;
      const written = await ledger.reopen({ id: runId });
      await written.end({ state: 'failed', ended: new Date().toISOString(), error: { message } });
    }
    throw error;
  }
}

/**
 * Makes sure that none of these registries has an orchestration.
 * @throws {AlreadyRunning}
 */
export async function noneMayRun(client: Starter, registries: readonly string[]): Promise<void> {
  for (const registry of registries) {
    const running = await runningIn(client, registry);
    if (running) throw new AlreadyRunning(registry, running);
  }
}

async function startAll(client: Starter, input: StartMany, id: string | undefined): Promise<string | undefined> {
  const [first] = input.errands;
  return first && client.startNew('retention', { instanceId: id ?? first.runId, input });
}
