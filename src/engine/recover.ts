import { cancelStop } from '../ledger/cancellation.ts';
import { timeOf } from '../registry/clock.ts';
import { imageIn, isLockedAsBefore, relock } from '../executor/locks.ts';
import { record, withLostLocks } from '../executor/results.ts';
import { planOf } from '../ledger/plan-hash.ts';
import type { Lock, OpenRepository } from '../ledger/journal.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { checkHeld, type RunWriter, whileHeld } from '../ledger/writer.ts';
import { DamagedError, type Lock as StoreLock } from '../ledger/store/store.ts';
import { type RepositoryRecord, type RunRecord } from '../ledger/records.ts';
import { type Decision, type Deleted, keyOf } from '../planner/decision.ts';
import type { Registry } from '../registry/types.ts';
import { accessWarnings } from '../report/warnings.ts';
import type { RunLog } from '../report/log.ts';
import { isLeft } from './merge.ts';
import { forgetDeleted } from './carry-out.ts';
import { heldIn, quarantinesIn, rememberedOf } from './quarantine/quarantine.ts';
import { forgetLocks, rememberLostLocks, withoutOldWarnings } from './lost-locks.ts';
import { tidy } from './quarantine/release.ts';
import { asBefore } from '../registry/held.ts';
import { RegistryError } from '../registry/errors.ts';
import { remarksOf, withRemarks } from './remarks.ts';
import { settleRestored } from './restore/restore-settle.ts';
import { ENDED, settle } from './settle.ts';
import { type RepositorySummary, summarize, unfinishedRepository } from '../ledger/summary.ts';
import { total } from '../ledger/total.ts';

/** How long the registry may take to carry out what a process asked for before it ended, in milliseconds. */
const LATE_MS = 2_000;

/** What a run does before it begins anything of its own. */
export interface Recovered {
  /** What there is to say about it. */
  readonly warnings: readonly string[];
  /** Locks that a process took off before it ended, and that could not be put back: the run that tried has failed. */
  readonly locksLost: number;
}

/**
 * Completes the records of runs that ended before they were done, however they ended: of each deletion that was intended
 * and whose outcome is not recorded, the registry is asked. The caller holds the registry's lock.
 *
 * @throws {LedgerError | RegistryError} where that cannot be found out: then nothing new may be begun
 */
export async function recover(
  ledger: Ledger,
  registry: Registry,
  locks: readonly StoreLock[],
  log: RunLog | undefined,
): Promise<Recovered> {
  const warnings: string[] = [];
  let locksLost = 0;
  // The registry may still carry out the last request of the process that ended, which may have been sent just now.
  const settling = ledger.system.clock.now() + LATE_MS;
  for (const id of await ledger.unfinished(registry.loginServer)) {
    try {
      const { kind, settled, deleted, lost, records } = await complete(ledger, registry, locks, id, settling);
      locksLost += lost;
      log?.recovered(id, settled, deleted);
      warnings.push(
        `the run ${id} had ended before it was done; of ${settled} ${kind === 'restore' ? 'restores' : 'deletions'} under way then, ${deleted} had taken place`,
      );
      for (const one of accessWarnings(records.map(({ summary }) => summary))) warnings.push(`${ofRun(id)}${one}`);
    } catch (error) {
      // Damage does not mend itself, and must not keep every later run from beginning.
      if (!(error instanceof DamagedError)) throw error;
      await ledger.setAside(id, registry.loginServer);
      warnings.push(`the run ${id} had ended before it was done, and cannot be completed: ${error.message}`);
    }
  }
  return { warnings, locksLost };
}

/** How a warning begins that is about an earlier run. */
export function ofRun(id: string): string {
  return `the run ${id}: `;
}

async function complete(
  ledger: Ledger,
  registry: Registry,
  locks: readonly StoreLock[],
  id: string,
  settling: number,
): Promise<
  Completed & Pick<RunRecord, 'kind'> & { readonly settled: number; readonly records: readonly RepositoryRecord[] }
> {
  const record = await ledger.run(id);
  if (!record) throw new DamagedError(`the run ${id} has no record`);
  const written = await ledger.reopen(record);
  const repositories = whileHeld(written, locks);
  const known = new Map<string, RepositorySummary>();
  for await (const { summary } of ledger.repositories(id)) known.set(summary.repository, summary);
  const repositoriesSettled: string[] = [];
  let settled = 0;
  let deleted = 0;
  let lost = 0;
  for await (const open of ledger.journals(id)) {
    const became = await settleRepository(ledger, registry, {
      written: repositories,
      record,
      open,
      known: known.get(open.repository),
      settling,
      keepsJournal: true,
      check: checkHeld(locks),
    });
    deleted += became.deleted;
    lost += became.lost;
    settled += open.open.size;
    repositoriesSettled.push(open.repository);
  }
  const all = new Map<string, RepositoryRecord>();
  for await (const one of ledger.repositories(id)) all.set(one.summary.repository, one);
  // The list of a run that was closed before still says what it said then.
  for (const name of repositoriesSettled) {
    const one = await ledger.repository(id, name);
    if (one) all.set(name, one);
  }
  const records = [...all.values()];
  const plan = planOf(record, records);
  const { cancelled } = record;
  // The recorded progress may be old, or be missing: it is counted again.
  const done = records.filter(({ summary }) => !isLeft(summary)).length;
  const of = Math.max(record.progress.of, records.length);
  const progress = record.state === 'running' ? { done, of } : record.progress;
  // A cancelled run whose process died ends as cancelled, so that no tick resumes it.
  const stopped = cancelled && {
    state: 'stopped' as const,
    stopped: cancelStop({ ...record, progress }, cancelled),
    cancelled,
  };
  await written.end(
    {
      state: record.state === 'running' ? 'interrupted' : record.state,
      ...stopped,
      ended: record.ended ?? timeOf(ledger.system.clock),
      progress,
      totals: total(records.map(({ summary }) => summary)),
      ...(plan && { plan }),
    },
    records,
    // Not before: a process that is killed here leaves the journals, and the next run completes this one again.
    { settled: repositoriesSettled, check: checkHeld(locks) },
  );
  return { kind: record.kind, settled, deleted, lost, records };
}

/** A repository that was being carried out when its process ended. */
interface Broken {
  readonly written: Pick<RunWriter, 'repository'>;
  readonly record: Pick<RunRecord, 'id' | 'policy'>;
  readonly open: OpenRepository;
  readonly known: RepositorySummary | undefined;
  /** In milliseconds since 1970: from then on the registry has carried out whatever it was asked for. */
  readonly settling: number;
  /** It is removed later, once the record of the run is closed. */
  readonly keepsJournal?: boolean;
  /** Throws where nothing may be written any more. */
  readonly check?: (() => void) | undefined;
}

interface Completed {
  /** How much of what was under way had taken place. */
  readonly deleted: number;
  /** Locks that could not be put back. */
  readonly lost: number;
}

async function settleRepository(
  ledger: Ledger,
  registry: Registry,
  { written, record, open, known, settling, keepsJournal = false, check = () => undefined }: Broken,
): Promise<Completed> {
  const { repository } = open;
  const before = await Array.fromAsync(ledger.decisions(record.id, { repository }));
  const quarantines = quarantinesIn(ledger, registry.loginServer, check);
  const held = heldIn(await quarantines.of(repository), {});
  const now = asBefore(registry, rememberedOf(held.quarantine));
  const became = await settle(now, ledger.system.clock, open, before, settling);
  const settled = await settleRestored(registry, open, became);
  const found = await withLocks(registry, open, settled);
  await forgetDeleted(quarantines, held, found);
  await rememberLostLocks(quarantines, { repository, runId: record.id }, found);
  await forgetLocks(registry, quarantines, await quarantines.of(repository));
  // What cannot be asked for stays as it is recorded, and the next run that plans the repository asks again.
  await tidy(registry, quarantines, held).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error;
  });
  const stands = known && (await withoutOldWarnings(quarantines, known));
  await close(written, repository, found, stands, { commands: record.policy.commands.length, keepsJournal });
  return {
    deleted: found.filter((decision) => open.open.has(keyOf(decision)) && isDeleted(decision)).length,
    lost: found.filter((decision, n) => decision !== settled[n]).length,
  };
}

/**
 * Completes what is recorded of one repository of a run that is still running, where its worker has ended. The caller
 * holds the repository's lock.
 */
export async function recoverRepository(
  ledger: Ledger,
  registry: Registry,
  {
    written,
    record,
    repository,
    check,
    log,
  }: Pick<Broken, 'written' | 'record' | 'check'> & {
    readonly repository: string;
    readonly log: RunLog | undefined;
  },
): Promise<void> {
  const open = await ledger.journal(record.id, repository);
  if (!open) return;
  const known = (await ledger.repository(record.id, repository))?.summary;
  const settling = ledger.system.clock.now() + LATE_MS;
  const { deleted } = await settleRepository(ledger, registry, { written, record, open, known, settling, check });
  log?.completed(repository, open.open.size, deleted);
}

/** Puts the locks back that were taken off for deletions which did not take place. */
async function withLocks(
  registry: Registry,
  { repository, locks }: OpenRepository,
  decisions: readonly Decision[],
): Promise<readonly Decision[]> {
  if (locks.size === 0) return decisions;
  const results: Decision[] = [];
  for (const decision of decisions) {
    const lock = locks.get(keyOf(decision));
    results.push(
      lock && decision.action === 'delete' ? await withLock(registry, repository, decision, lock) : decision,
    );
  }
  return results;
}

async function withLock(registry: Registry, repository: string, decision: Deleted, lock: Lock): Promise<Decision> {
  const { kind, tag = '', digest = '', outcome, error } = decision;
  if (outcome === 'deleted' || outcome === 'already-gone') return decision;
  const name = kind === 'tag' ? tag : digest;
  // It is announced for several, and taken off one at a time.
  if (await isLockedAsBefore(registry, repository, { name, lock })) return decision;
  const lost = await relock(registry, repository, [{ name, lock }]);
  if (lost.length === 0) return decision;
  const result = withLostLocks({ state: 'failed', ...(error && { error }) }, lost, imageIn(registry, repository));
  return record(decision, { tags: new Map([[tag, result]]), manifests: new Map([[digest, result]]) });
}

async function close(
  written: Pick<RunWriter, 'repository'>,
  repository: string,
  decisions: readonly Decision[],
  known: RepositorySummary | undefined,
  { commands, keepsJournal }: { readonly commands: number; readonly keepsJournal: boolean },
): Promise<void> {
  const { listed = {}, stage, state } = known ?? {};
  const isOpen = decisions.some(
    (decision) =>
      decision.action !== 'keep' && decision.outcome === 'not-attempted' && decision.reason !== 'pushed-since',
  );
  // Of several commands some may not even have been planned.
  const isPart = state === 'stopped' && stage !== 'planned' && commands > 1;
  const summary =
    isOpen || isPart
      ? {
          ...unfinishedRepository(repository, 'stopped', { message: ENDED }, decisions, listed),
          ...(stage && { stage }),
        }
      : summarize(repository, decisions, listed);
  const { write, recovered } = written.repository(repository);
  await (keepsJournal ? write : recovered)(withRemarks(summary, remarksOf(known)), decisions);
}

function isDeleted(decision: Decision): boolean {
  return decision.action !== 'keep' && (decision.outcome === 'deleted' || decision.outcome === 'restored');
}
