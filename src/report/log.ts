import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { RunKind, RunRecord } from '../ledger/records.ts';
import { type Decision, type Decisions, GUARD_NAMES, type Hold, holdInWords } from '../planner/decision.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { bounded } from './bounded.ts';
import { printable } from './escape.ts';
import { redact } from '../ledger/redact/redact.ts';
import { hasFailed, outcomeOf, type RunSummary } from '../ledger/summary.ts';

/** The log of one invocation of a function, as the Functions host gives it. */
export interface InvocationLog {
  readonly invocationId: string;
  readonly trace: (line: string) => void;
  readonly debug: (line: string) => void;
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly error: (line: string) => void;
}

const invocation = new AsyncLocalStorage<{ readonly log: InvocationLog; isOver: boolean }>();

/**
 * Whatever `work` logs belongs to this invocation. What goes on after it has settled is logged on standard output: the
 * host passes over what is told through an invocation that has ended, and takes the lines of standard output for the
 * app's own.
 */
export function inInvocation<T>(log: InvocationLog, work: () => T): T {
  const own = { log, isOver: false };
  const end = (): boolean => (own.isOver = true);
  const result = invocation.run(own, work);
  if (result instanceof Promise) result.then(end, end);
  return result;
}

/** pino's contract with a destination that wants to know the level of a line. */
interface LevelledDestination extends DestinationStream {
  readonly [metadata: symbol]: true;
  lastLevel: number;
}

const DESTINATION: LevelledDestination = {
  [Symbol.for('pino.metadata')]: true,
  lastLevel: 0,
  write(text) {
    // Here, where everything comes by: an error message may quote what it was given.
    const line = printable(redact(text.trimEnd()));
    const own = invocation.getStore();
    if (own && !own.isOver) own.log[methodFor(this.lastLevel)](line);
    else if (waiting[own ? 'stdout' : 'stderr'].push(`${line}\n`) === 1) setImmediate(flush);
  },
};

/** Lines on their way to standard output and standard error, with what else is logged in this turn: written one by one, 40,000 take half a second. */
const waiting: Readonly<Record<'stdout' | 'stderr', string[]>> = { stdout: [], stderr: [] };

function flush(): void {
  for (const stream of ['stdout', 'stderr'] as const)
    if (waiting[stream].length > 0) process[stream].write(waiting[stream].splice(0).join(''));
}

process.once('exit', flush);

function methodFor(level: number): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  if (level >= 50) return 'error';
  if (level >= 40) return 'warn';
  if (level >= 30) return 'info';
  return level >= 20 ? 'debug' : 'trace';
}

export type Log = Logger;

/**
 * The log: JSON, a record a line. Inside the Functions host it goes through the log methods of the invocation that it
 * belongs to, outside on standard error. docs/operations.md lists the fields.
 */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod([fields, message], method) {
          method.apply(this, typeof fields === 'object' && fields ? [...bounded(fields, message ?? '')] : [fields]);
        },
      },
      mixin: () => {
        const own = invocation.getStore();
        return own ? { invocationId: own.log.invocationId } : {};
      },
    },
    DESTINATION,
  );
}

/** Lines that are logged before the event loop gets a turn. */
const LINES_A_TURN = 200;

/** What a run tells of itself while it goes on. */
export interface RunLog {
  readonly started: (
    policies: readonly PurgePolicy[],
    about: { readonly startedBy: string | undefined; readonly pastDue: boolean | undefined },
  ) => void;
  /** A run that had been stopped goes on. */
  readonly resumed: (record: RunRecord) => void;
  readonly decided: (decisions: Decisions) => Promise<void>;
  /** The same, of what stays only: where that is not logged, the decisions are not even gone through. */
  readonly kept: (decisions: Decisions) => Promise<void>;
  /** A breaker tripped: what it held back is the plan of that run. */
  readonly heldBack: (hold: Hold, planId: string) => void;
  /** A guard would hold back what a dry run planned. */
  readonly foreseen: (hold: Hold) => void;
  /** What became of a run whose process had ended before it was done. */
  readonly recovered: (runId: string, settled: number, deleted: number) => void;
  /** What became of a repository whose worker had ended before it was done, in a run that goes on. */
  readonly completed: (repository: string, settled: number, deleted: number) => void;
  /** @param usual how many artifacts a run usually deletes */
  readonly ended: (summary: RunSummary, usual: number | undefined) => void;
  /** A run that another engine goes on with. */
  readonly handedOver: () => void;
  /** A run that could not go on. */
  readonly broke: (error: Error) => void;
}

/** A run's log. @param about the fields that every line of it has */
export function runLog(
  log: Logger,
  about: { readonly runId: string; readonly registry: string; readonly dryRun: boolean },
  kind: RunKind,
): RunLog {
  const lines = log.child(about);
  return {
    started(policies, began) {
      const commands = policies.map(({ filters, ago, keep, tags, untagged, includeLocked }) => ({
        filters: filters.map(({ text }) => text),
        ago,
        keep,
        tags,
        untagged,
        includeLocked,
      }));
      lines.info(
        { event: 'run-started', ...began, commands },
        `${about.dryRun ? 'dry run' : 'purge'} started${began.pastDue ? ', later than scheduled' : ''}`,
      );
    },
    resumed({ started, resumed = [], progress: { done, of } }) {
      const { startedBy } = resumed.at(-1) ?? {};
      lines.info(
        {
          event: 'run-resumed',
          startedBy,
          started,
          slice: resumed.length + 1,
          repositoriesDone: done,
          repositories: of,
        },
        `goes on with the run of ${started}: ${done} of ${of} repositories are done`,
      );
    },
    decided: (decisions) => decided(decisions, () => true),
    async kept(decisions) {
      if (lines.isLevelEnabled('debug')) await decided(decisions, ({ action }) => action === 'keep');
    },
    heldBack: ({ detail, ...hold }, planId) =>
      lines.warn({ event: 'breaker-tripped', ...hold, planId }, `held back: ${detail}`),
    foreseen: ({ breaker, ...hold }) =>
      lines.warn(
        { event: 'guard-foreseen', breaker, guard: GUARD_NAMES[breaker], ...hold, planId: about.runId },
        `a guard would hold back: ${holdInWords({ breaker, ...hold })}`,
      ),
    recovered: (interrupted, settled, deleted) =>
      lines.warn(
        { event: 'run-recovered', interrupted, settled, deleted },
        `the run ${interrupted} had ended before it was done; its record is complete now`,
      ),
    handedOver: () => lines.info({ event: 'run-handed-over' }, 'goes on as an orchestration'),
    completed: (repository, settled, deleted) =>
      lines.warn(
        { event: 'repository-recovered', repository, settled, deleted },
        `the worker of ${repository} had ended before it was done; what it began is recorded now`,
      ),
    ended(summary, usual) {
      const { totals, warnings, repositories, started, ended, succeeded, plan, stopped: stop } = summary;
      for (const warning of warnings) lines.warn({ event: 'warning' }, warning);
      const failed = repositories.filter(hasFailed);
      const stopped = repositories.filter(({ state }) => state === 'stopped');
      for (const { repository, error } of failed)
        lines.error({ event: 'repository-failed', repository, error }, error?.message ?? 'failed');
      const durationMs = Date.parse(ended) - Date.parse(started);
      const { tags, manifests, bytes, reasons, beyondAcrPurge } = totals;
      const held = repositories.filter(({ state }) => state === 'held').length;
      // Whoever stopped it knows.
      const onlyStopped = stopped.length + held > 0 && failed.length + tags.failed + manifests.failed === 0;
      lines[succeeded ? 'info' : onlyStopped ? 'warn' : 'error'](
        {
          event: 'run-ended',
          kind,
          succeeded,
          durationMs,
          repositories: repositories.length,
          repositoriesFailed: failed.length,
          repositoriesStopped: stopped.length,
          repositoriesHeld: held,
          ...(plan && { planId: plan.id, planHash: plan.hash, planDeletions: plan.deletions }),
          tags,
          manifests,
          bytes,
          reasons,
          beyondAcrPurge,
          ...(usual !== undefined && { usual }),
          ...(stop && { stopped: stop }),
        },
        succeeded
          ? 'done'
          : !onlyStopped
            ? 'ended with failures'
            : held > 0
              ? 'done but for what a breaker held back, which waits for approval'
              : stop
                ? `stopped: ${stop.detail}`
                : 'stopped before it was done',
      );
    },
    broke: (error) =>
      lines.error({ event: 'run-ended', kind, succeeded: false, error: { message: error.message } }, 'broke off'),
  };

  async function decided(decisions: Decisions, isWanted: (decision: Decision) => boolean): Promise<void> {
    let count = 0;
    for (const decision of decisions) {
      const level = levelOf(decision);
      if (!isWanted(decision) || !lines.isLevelEnabled(level)) continue;
      // The worker of Azure Functions queues what is logged until it comes to send it.
      if (++count % LINES_A_TURN === 0) await nextTurn();
      const { detail, ...fields } = decision;
      lines[level]({ event: 'decision', ...fields }, detail);
    }
  }
}

/** Deletions are told, failures stand out, and what is kept is for those who ask (LOG_LEVEL=debug). */
function levelOf(decision: Decision): 'debug' | 'info' | 'error' | 'warn' {
  const became = outcomeOf(decision);
  return ({ kept: 'debug', deleted: 'info', alreadyGone: 'info', notAttempted: 'warn', failed: 'error' } as const)[
    became
  ];
}
