import { cancelledInWords } from '../../ledger/cancellation.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { archiveFrom } from '../archive/archive.ts';
import { storageFrom } from '../storage/used.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import { type RunRecord } from '../../ledger/records.ts';
import { HeldError, type Lock } from '../../ledger/store/store.ts';
import type { TagFilter } from '../../policy/filter.ts';
import type { RegistrySettings } from '../../policy/settings.ts';
import { StoppedError } from '../../registry/errors.ts';
import { passCancellationOn } from '../batch.ts';
import { begin as beginRun, freshRecord, noProcess } from '../begin.ts';
import { eachOf } from '../each.ts';
import { fail } from '../finish.ts';
import { checkGuards as check } from '../guards.ts';
import { list as listRepositories, matchedBefore, recordMatched } from '../list.ts';
import { isPlanned } from '../merge.ts';
import { concurrencyOf, isDryRun } from '../registries.ts';
import { isNothingLeft } from '../repository.ts';
import { lastScheduled, whyNotTakenUp } from '../resume.ts';
import { passesOf } from '../run.ts';
import { logLeft, wantedOf } from '../scheduled.ts';
import { sourcesNamed } from '../sources.ts';
import { startBudget } from '../stop.ts';
import {
  type App,
  contextOf,
  inBatch,
  logOf,
  openRun,
  startOf,
  withRegistryLock,
  withRepositoryLock,
} from './context.ts';
import { finish } from './finish.ts';
import type {
  Begin,
  Begun,
  Checked,
  Finish,
  GetPage,
  GiveUp,
  Listed,
  Page,
  ProcessRepository,
  Refuse,
  Run,
} from './messages.ts';
import { recordProgress } from './progress.ts';
import { attemptRepository, giveUp, planTooLate } from './repository.ts';
import { type Activity, answering } from './retry.ts';
import { tell } from './tell.ts';

/**
 * The steps of a run as activities, by name. Each may be done once, twice, or twice at the same time, and comes to the
 * same; what it throws, it is asked for again.
 */
export function activitiesOf(app: App): Readonly<Record<Activity, (about: never) => Promise<unknown>>> {
  return {
    begin: answering((about: Begin) => begin(app, about)),
    list: answering((about: Run) => list(app, about)),
    page: answering((about: GetPage) => page(app, about)),
    processRepository: answering((about: ProcessRepository) => attemptRepository(app, about)),
    giveUp: answering((about: GiveUp) => giveUp(app, about)),
    checkGuards: answering((about: Run) => checkGuards(app, about)),
    finish: answering((about: Finish) => finish(app, about)),
    refuse: answering((about: Refuse) => refuse(app, about)),
  };
}

/** Begins the run of a registry, or resumes the one that was stopped. Repeated, it finds what it has begun. */
async function begin(app: App, { start, job }: Begin): Promise<Begun> {
  const { ledger } = app;
  const notBegun = async (message: string, about: { readonly notBegun?: 'cancel' } = {}): Promise<Begun> => {
    if (start.parent !== undefined)
      await ledger.child(start.parent, { registry: job.registry, error: { message }, ...about });
    return { state: 'over' };
  };
  const before = await begunBefore(ledger, { start, job });
  if (before) return begunAs(app, before, { start, job });
  const cancelled = start.parent === undefined ? undefined : await ledger.cancellation(start.parent);
  if (cancelled) return notBegun(`not begun: ${cancelledInWords(cancelled)}`, { notBegun: 'cancel' });
  const served = app.settings().registries.find(({ endpoint }) => endpoint.host === job.registry);
  if (!served || served.commands.length === 0)
    return notBegun(`not begun: the app does not purge ${job.registry} any more`);
  try {
    return await begunAs(app, await beginScheduled(app, served, { start, job }), { start, job });
  } catch (error) {
    if (error instanceof HeldError) return { state: 'held', message: error.message };
    throw error;
  }
}

async function begunAs({ ledger, settings }: App, record: RunRecord | 'over', { start, job }: Begin): Promise<Begun> {
  if (record === 'over') return { state: 'over' };
  if (start.parent !== undefined) {
    // Each time: the first attempt may have ended right before.
    await ledger.child(start.parent, { registry: record.registry, runId: record.id });
    await passCancellationOn(ledger, start.parent, record.id);
  }
  const policies = policiesOf(record.policy) ?? [];
  // None of several workers may have less than one call in flight.
  const parallelism = Math.min(settings().parallelism, policies.length === 0 ? 1 : concurrencyOf(policies));
  const { id: runId, registry, dryRun } = record;
  // Of a run that resumes and did not record it, it is not known which of its filters matched nothing.
  const known = record.matched || record.resumed ? matchedBefore(record.matched, policies) : new Set<TagFilter>();
  const { done, planned = 0 } = record.progress;
  return {
    state: 'begun',
    run: { runId, registry, dryRun, by: start.by, sharedBy: job.runId, parallelism },
    passes: passesOf(record),
    matched: recordMatched(known, policies),
    before: { done, planned },
  };
}

/** The run that an earlier attempt has begun, or resumed. */
async function begunBefore(ledger: Ledger, { start, job }: Begin): Promise<RunRecord | 'over' | undefined> {
  const known = await ledger.run(job.runId);
  if (known) return known.state === 'running' ? known : 'over';
  // The run of a request is begun by the function that was asked.
  if (start.kind === 'dry-run') return 'over';
  for await (const last of ledger.runs({ registry: job.registry, kinds: ['scheduled'] }))
    return startOf(last) === start.by ? (last.state === 'running' ? last : 'over') : undefined;
  return undefined;
}

/** What is locked while a run is begun: no repository has this name. */
const BEGINNING = '';

async function beginScheduled(app: App, served: RegistrySettings, { start, job }: Begin): Promise<RunRecord | 'over'> {
  const { ledger } = app;
  const { endpoint, commands } = served;
  const { startedBy, by, parent, pastDue } = start;
  const settings = app.settings();
  const policies = commands.map(({ policy }) => policy);
  const dryRun = isDryRun(settings, served);
  const now = new Date(start.now);
  const fresh = freshRecord({
    id: job.runId,
    kind: 'scheduled',
    dryRun,
    startedBy,
    by,
    parent,
    registry: endpoint.host,
    policies,
    policyFrom: 'settings',
    now,
    holder: noProcess(job.runId, startedBy, ledger.system.clock),
    guards: settings.guards,
    sources: sourcesNamed(settings),
    archive: archiveFrom(settings),
    storage: storageFrom(settings, app.ledger.system.clock),
  });
  const log = logOf(app.log, fresh);
  const locks: Lock[] = [];
  try {
    if (!dryRun) {
      locks.push(await ledger.lockShared(endpoint.host, fresh.holder, job.runId));
      // The same activity at the same time shares that one, and must not take the run for one whose process has ended.
      locks.push(await ledger.lockRepository(endpoint.host, BEGINNING, { ...fresh.holder, ...ledger.system.self() }));
      const before = await begunBefore(ledger, { start, job });
      if (before) return before;
    }
    const left = (runId: string, why: string): void => logLeft(inBatch(app.log, start), runId, why);
    const resuming = async () => {
      const found = await lastScheduled(ledger, wantedOf(settings, served), now);
      if (found?.state === 'left') left(found.run.id, found.why);
      if (found?.state !== 'resumable') return undefined;
      const stopped = found.run;
      const why = (current: RunRecord): string | undefined => whyNotTakenUp(current, stopped, now);
      return { id: stopped.id, why, refused: (reason: string) => left(stopped.id, reason) };
    };
    const target = { endpoint, concurrency: concurrencyOf(policies), ...settings.identity };
    const { record, written, isResumed, warnings, locksLost } = await app.connections.using(target, (registry) =>
      beginRun({ ledger, writer: dryRun ? undefined : registry, fresh, policies, locks, resuming, log }),
    );
    // What an earlier slice of it could not put back was that one's failure.
    if (warnings.length > 0 || record.locksLost !== undefined)
      await written.update({ warnings: [...record.warnings, ...warnings], locksLost });
    if (isResumed) logOf(app.log, record).resumed(record);
    else log.started(policies, { startedBy, pastDue });
    return record;
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

/** Finds out which repositories a run is about. */
async function list(app: App, run: Run): Promise<Listed> {
  const abort = new AbortController();
  const budget = startBudget(app.settings().timeBudget, abort, app.ledger.system.clock);
  const signal = AbortSignal.any([abort.signal, app.signal]);
  try {
    const listed = await withRegistryLock(app, run, async (open): Promise<Listed> => {
      const selected = await app.connections.using(open.target, (registry) =>
        listRepositories(contextOf(app, open, registry, signal)),
      );
      return { state: 'listed', of: selected.size };
    });
    return listed ?? { state: 'over' };
  } catch (error) {
    if (error instanceof StoppedError) return { state: 'left' };
    throw error;
  } finally {
    budget.clear();
  }
}

/** Repositories of a page: few enough for the history, and so that the workers have about as much to do. */
const PAGE = 25;

/** Records that are read at once. */
const READ_AT_ONCE = 8;

/** Hands out a page of repositories, and records how far the worker is. */
async function page(app: App, { run, pass, page: nth, worker }: GetPage): Promise<Page> {
  const open = await openRun(app, run);
  if (!open) return { state: 'over' };
  const { ledger } = app;
  const selected = (await ledger.selected(run.runId)) ?? [];
  await recordProgress(ledger, run, worker, selected.length);
  const some = selected.slice(nth * PAGE, (nth + 1) * PAGE).map(({ repository }) => repository);
  const left = new Set<string>();
  await eachOf(some, READ_AT_ONCE, async (name) => {
    if (!isNothingLeft(open.record, pass, await ledger.repository(run.runId, name))) left.add(name);
  });
  return { state: 'page', names: some.filter((name) => left.has(name)), size: PAGE };
}

/** Asks the guards about everything that is planned. That they were asked is recorded before anything is deleted, and once. */
async function checkGuards(app: App, run: Run): Promise<Checked> {
  const { ledger } = app;
  const checked = await withRegistryLock<Checked>(app, run, async (open) => {
    if (open.record.breakersAsked) return { state: 'checked' };
    const records = await Array.fromAsync(ledger.repositories(run.runId));
    const asked = await app.connections.using(open.target, (registry) =>
      check(contextOf(app, open, registry, app.signal), records),
    );
    // An attempt that was repeated may have planned something meanwhile, and not know yet that it was too late.
    const known = new Set(records.filter(isPlanned).map(({ summary }) => summary.repository));
    for await (const record of ledger.repositories(run.runId)) {
      const { repository } = record.summary;
      if (isPlanned(record) && !known.has(repository))
        await withRepositoryLock(app, { run, repository }, () => planTooLate(ledger, run.runId, repository));
    }
    return { state: asked.breakersAsked ? 'checked' : 'over' };
  });
  return checked ?? { state: 'over' };
}

/** Says why a registry has no run. */
async function refuse(app: App, { start, job, error }: Refuse): Promise<void> {
  const { ledger, log } = app;
  const { registry, runId } = job;
  inBatch(log, start).error({ event: 'run-not-begun', registry, why: error.message }, error.message);
  if (start.parent !== undefined) await ledger.child(start.parent, { registry, error });
  const record = await ledger.run(runId);
  if (record?.state === 'running') {
    const written = await ledger.reopen(record);
    await fail(written, ledger.system.clock, error, await Array.fromAsync(ledger.repositories(record.id)));
  }
  await tell(app, record ? undefined : { registry, why: error.message, runId });
}
