import type { Ledger } from '../../ledger/ledger.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { ConflictError, HeldError, type Lock } from '../../ledger/store/store.ts';
import { checkHeld, whileHeld } from '../../ledger/writer.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import type { Settings } from '../../policy/settings.ts';
import { interruptible } from '../../registry/abortable.ts';
import type { Registry } from '../../registry/types.ts';
import { type Log, type RunLog, runLog } from '../../report/log.ts';
import { noProcess } from '../begin.ts';
import type { RunContext } from '../context.ts';
import { countAnew } from '../count-anew.ts';
import { matchOf } from '../matching.ts';
import { undoIn } from '../undo.ts';
import { storageFrom, storageIn } from '../storage/used.ts';
import { archiveFrom } from '../archive/archive.ts';
import { evidenceIn, type UseOf } from '../evidence.ts';
import { type DefenderOf, findingsIn } from '../findings/findings.ts';
import { quarantinesIn } from '../quarantine/quarantine.ts';
import { evidenceFrom, findingsFrom, type OpenSources } from '../sources.ts';
import { concurrencyOf, openRegistry, type TargetOptions } from '../registries.ts';
import { recoverRepository } from '../recover.ts';
import { whyCutShort } from './cut-short.ts';
import type { Run } from './messages.ts';

/** What the activities of an app work with, in whichever process they are. */
export interface App {
  /** @throws {Misconfigured} */
  readonly settings: () => Settings;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly connections: Connections;
  /** What is in use, as all activities of this process know it. */
  readonly useOf: UseOf;
  /** What Defender for Cloud found, as all activities of this process know it. */
  readonly defenderOf: DefenderOf;
  /** How sources of evidence are reached. Absent: as they are configured. */
  readonly openSources?: OpenSources;
  /** Aborted when this process is told to end. */
  readonly signal: AbortSignal;
}

/** Lends out connections to registries: one to each worker at a time, so that each has its share of the calls in flight. */
export interface Connections {
  readonly using: <T>(target: TargetOptions, work: (registry: Registry) => Promise<T>) => Promise<T>;
}

/**
 * Keeps connections from one worker to the next: each knows tokens already, and how fast the registry takes calls. As
 * many are kept as there were workers at once.
 */
export function newConnections(open = openRegistry): Connections {
  const idle = new Map<string, Registry[]>();
  return {
    async using(target, work) {
      const key = `${target.endpoint.host} ${target.concurrency}`;
      const free = idle.get(key) ?? [];
      idle.set(key, free);
      const registry = free.pop() ?? (await open(target));
      try {
        return await work(registry);
      } finally {
        free.push(registry);
      }
    },
  };
}

/** A run as it stands, for one activity. */
export interface OpenRun {
  readonly run: Run;
  readonly record: RunRecord;
  readonly policies: readonly PurgePolicy[];
  readonly target: TargetOptions;
  readonly log: RunLog;
}

/** Why nothing is done for a run whose policy this version does not understand as it was meant. */
export const OTHER_POLICY =
  'the run was begun by a version that understands its policy otherwise, or its policy was changed since';

/**
 * Reads a run. `undefined` where it is over, for whatever reason: then nothing more may be done for it.
 * @throws where it cannot be done by this app
 */
export async function openRun(app: App, run: Run): Promise<OpenRun | undefined> {
  const { registry, parallelism } = run;
  const record = await app.ledger.run(run.runId);
  if (!record || !isOwn(record, run) || record.cancelled) return undefined;
  const policies = policiesOf(record.policy);
  if (!policies) throw new Error(OTHER_POLICY);
  const settings = app.settings();
  if (whyCutShort(settings, record, app.ledger.system.clock) !== undefined) return undefined;
  const concurrency = Math.max(1, Math.floor(concurrencyOf(policies) / parallelism));
  return { run, record, policies, target: targetIn(settings, registry, concurrency), log: logOf(app.log, record) };
}

/** What the steps of a run share, for one activity. */
export function contextOf(
  { ledger, settings, useOf, defenderOf, openSources }: App,
  open: OpenRun,
  registry: Registry,
  signal: AbortSignal,
  locks: readonly Lock[] = [],
): RunContext {
  const { run, record, policies, log } = open;
  const amend: RunContext['amend'] = (change) =>
    amendShared(ledger, record.id, (now) => (isOwn(now, run) ? change(now) : undefined));
  const sources = evidenceFrom(settings(), ledger.system.clock, openSources);
  const findings = findingsFrom(settings(), ledger.system.clock, defenderOf);
  const reader = interruptible(registry, signal);
  return {
    ledger,
    record,
    policies,
    reader,
    writer: record.dryRun ? undefined : registry,
    writes: whileHeld(ledger.writer(record.id), locks),
    amend,
    signal,
    log,
    now: new Date(record.agesFrom),
    preview: record.dryRun,
    matched: new Set(),
    archive: archiveFrom(settings()),
    match: matchOf(policies),
    facts: (repository) => ledger.manifestCache(record.registry, repository, checkHeld(locks)),
    quarantine: quarantinesIn(ledger, record.registry, checkHeld(locks), settings().rememberMilliseconds),
    ...evidenceIn(sources, (options) => useOf(record.registry, options, signal), { amend, signal }),
    ...findingsIn(findings, record.registry, {
      amend,
      signal,
      ledger,
      content: reader.content,
      check: checkHeld(locks),
    }),
    ...undoIn(sources?.softDelete, record.registry, { clock: ledger.system.clock, signal }),
    ...storageIn(
      { ledger, record, signal, check: checkHeld(locks) },
      storageFrom(settings(), ledger.system.clock),
      settings().timeBudget,
    ),
  };
}

/** How often a change is tried that another worker comes before with its own. */
const MOST_CONFLICTS = 20;

/** Changes a record that several workers change. */
async function amendShared(
  ledger: Ledger,
  id: string,
  change: (record: RunRecord) => Partial<RunRecord> | undefined,
): Promise<RunRecord> {
  for (let conflicts = 0; ; conflicts += 1) {
    const record = await ledger.run(id);
    if (record && !change(record)) return record;
    try {
      return await ledger.changeRun(id, (now) => ({ ...now, ...change(now) }));
    } catch (error) {
      if (!(error instanceof ConflictError) || conflicts === MOST_CONFLICTS) throw error;
    }
  }
}

/** @throws where the app does not serve it */
export function targetIn({ registries, identity }: Settings, registry: string, concurrency: number): TargetOptions {
  const served = registries.find(({ endpoint }) => endpoint.host === registry);
  // The identity of the app is shown to registries that its owner chose, and to no other.
  if (!served) throw new Error(`the app does not serve ${registry} any more`);
  return { endpoint: served.endpoint, concurrency, ...identity };
}

/**
 * Does something for a run while no other run may have its registry. `undefined` where the run is over.
 * @throws {HeldError} where another run has the registry
 */
export async function withRegistryLock<T>(
  app: App,
  run: Run,
  work: (open: OpenRun) => Promise<T>,
): Promise<T | undefined> {
  const before = await openRun(app, run);
  if (!before) return undefined;
  if (before.record.dryRun) return work(before);
  const lock = await app.ledger.lockShared(
    run.registry,
    noProcess(run.runId, 'orchestration', app.ledger.system.clock),
    run.sharedBy,
  );
  try {
    // Read again: the run that had the lock before may have closed this one.
    const open = await openRun(app, run);
    return open && (await work(open));
  } finally {
    await lock.release();
  }
}

export interface Place {
  readonly run: Run;
  readonly repository: string;
}

/**
 * Does something in a repository while no other worker of the run is in it, and no other run where it may delete.
 * @param work is given the locks
 * @throws {HeldError} where another worker is in it
 */
export async function withRepositoryLock<T>(
  { ledger }: App,
  { run, repository }: Place,
  work: (locks: readonly Lock[]) => Promise<T>,
): Promise<T> {
  const { system } = ledger;
  const shared = noProcess(run.runId, 'orchestration', system.clock);
  const holder = { ...shared, ...system.self() };
  const locks: Lock[] = [];
  try {
    // Other runs may plan it at the same time; of two workers of this one, one that is stopped would undo the other's.
    if (run.dryRun) locks.push(await ledger.lockRepository(run.registry, `${repository} ${run.runId}`, holder));
    else {
      locks.push(await ledger.lockShared(run.registry, shared, run.sharedBy));
      locks.push(await ledger.lockRepository(run.registry, repository, holder));
    }
    return await work(locks);
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

/**
 * Works on a repository while no other worker does. What a worker left open in it is completed first. `undefined` where
 * the run is over; `busy` where another worker has it.
 */
export async function inRepository<T>(
  app: App,
  place: Place,
  work: (open: OpenRun, registry: Registry, locks: readonly Lock[]) => Promise<T>,
): Promise<T | { readonly state: 'busy' } | undefined> {
  const { ledger } = app;
  const { run, repository } = place;
  // Before the locks: an attempt that comes when the run is over must not take the registry from the next run.
  if (!(await openRun(app, run))) return undefined;
  try {
    return await withRepositoryLock(app, place, async (locks) => {
      // Read after the lock is held: the run that had it before may have closed this one.
      const open = await openRun(app, run);
      if (!open) return undefined;
      const { record, target, log } = open;
      return app.connections.using(target, async (registry) => {
        const written = whileHeld(ledger.writer(record.id), locks);
        const about = { written, record, repository, check: checkHeld(locks), log };
        if (!record.dryRun) await recoverRepository(ledger, registry, about);
        const came = await work(open, registry, locks);
        // The run may have been closed meanwhile.
        if (!record.dryRun) await countAnew(ledger, record.id);
        return came;
      });
    });
  } catch (error) {
    if (!(error instanceof HeldError)) throw error;
    // The run that has the registry may have closed this one: then there is nothing to wait for.
    return (await openRun(app, run)) && { state: 'busy' };
  }
}

/** Whether a run is still running, and by this start: another start may have resumed it. */
export function isOwn(record: RunRecord, { by }: Pick<Run, 'by'>): boolean {
  return record.state === 'running' && startOf(record) === by;
}

/** Which start began a run, or resumed it last. */
export function startOf({ by, resumed }: RunRecord): string | undefined {
  return resumed?.at(-1)?.by ?? by;
}

export function logOf(log: Log, record: RunRecord): RunLog {
  const { id, registry, dryRun, kind } = record;
  return runLog(inBatch(log, record), { runId: id, registry, dryRun }, kind);
}

/** Every line of a run says in which batch it was begun, or resumed. */
export function inBatch(log: Log, { parent }: { readonly parent?: string }): Log {
  return parent === undefined ? log : log.child({ parent });
}
