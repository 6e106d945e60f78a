import { describe } from '../executor/results.ts';
import type { RunSummary } from '../ledger/summary.ts';
import { fail, finish } from './finish.ts';
import { beginInline } from './inline.ts';
import type { Task } from './inventory.ts';
import type { Job, RunOptions } from './run.ts';

/** What of a run's options a release and a restore take: no policy decides in them. */
export type NamedRunOptions = Pick<
  RunOptions,
  | 'ledger'
  | 'onDecisions'
  | 'onProgress'
  | 'watch'
  | 'onBegin'
  | 'signal'
  | 'log'
  | 'startedBy'
  | 'by'
  | 'actor'
  | 'now'
  | 'keepReleasedMilliseconds'
>;

/**
 * One run through repositories that are known by their names, in one pass, and without a policy: under the registry's lock,
 * recorded and closed like any other.
 *
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 */
export async function runThrough(names: readonly string[], job: Omit<Job, 'policies'>): Promise<RunSummary> {
  const driver = await beginInline({ ...job, policies: [] });
  const { context } = driver;
  try {
    job.onBegin?.(context.record.id);
    const selected = new Map<string, readonly Task[]>(names.map((name) => [name, []]));
    await context.writes.select(names.map((repository) => ({ repository, commands: [] })));
    driver.listed(selected, 'purge');
    await driver.drive(context, 'purge');
    const summary = await finish(context, { ...(await driver.ended()), selected, foreseen: undefined });
    context.log?.ended(summary, undefined);
    return summary;
  } catch (error) {
    const records = [...driver.records.values()];
    const why = describe(error as Error);
    await fail(driver, job.ledger.system.clock, why, records, { warnings: driver.warnings }).catch(() => undefined);
    context.log?.broke(error as Error);
    throw error;
  } finally {
    await driver.release();
  }
}
