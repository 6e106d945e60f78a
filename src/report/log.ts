import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type DestinationStream, type Logger, pino } from 'pino';
import { isEvidenceWhole, type RunKind, type RunRecord } from '../ledger/records.ts';
import type { PlanReview } from '../ledger/reviews.ts';
import { type Decision, type Decisions, GUARD_NAMES, type Hold, holdInWords } from '../planner/decision.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { redact } from '../ledger/redact/redact.ts';
import { outcomeOf } from '../ledger/counters.ts';
import { hasFailed, type RunSummary } from '../ledger/summary.ts';
import { printable } from './escape.ts';
import { storageFields } from './storage-words.ts';
import { findingFields, findingSumFields, isCriticalImage } from './finding-fields.ts';
import { truncate } from './truncate.ts';

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
 * Runs `work` so that its log lines belong to this invocation. Lines that come after `work` has settled go to standard
 * output: the host drops lines of an invocation that has ended, and takes those of standard output for the app's own.
 */
export function inInvocation<T>(log: InvocationLog, work: () => T): T {
  const own = { log, isOver: false };
  const end = (): boolean => (own.isOver = true);
  const result = invocation.run(own, work);
  if (result instanceof Promise) result.then(end, end);
  return result;
}

/** The contract of pino with a destination that wants to know the level of a line. */
interface LevelledDestination extends DestinationStream {
  readonly [metadata: symbol]: true;
  lastLevel: number;
}

const DESTINATION: LevelledDestination = {
  [Symbol.for('pino.metadata')]: true,
  lastLevel: 0,
  write(text) {
    // Redacted here, where every line passes: an error message may quote a secret that it was given.
    const line = printable(redact(text.trimEnd()));
    const own = invocation.getStore();
    if (own && !own.isOver) own.log[methodFor(this.lastLevel)](line);
    else if (waiting[own ? 'stdout' : 'stderr'].push(`${line}\n`) === 1) setImmediate(flush);
  },
};

/** Lines of this turn of the event loop, to be written at once: one by one, 40,000 lines take half a second. */
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
 * The log: JSON, a record a line. In the Functions host it goes through the log methods of the invocation that it belongs
 * to, elsewhere to standard error.
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
          method.apply(this, typeof fields === 'object' && fields ? [...truncate(fields, message ?? '')] : [fields]);
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

/** Logs that a plan was approved or rejected, by whom, and why. */
export function logReview(log: Logger, { verdict, at: _, ...review }: PlanReview, plan: RunRecord): void {
  const { comment, by } = review;
  log.info(
    { event: `plan-${verdict}`, ...review, planId: plan.id, registry: plan.registry },
    `the plan ${plan.id} was ${verdict} by ${by.name}${comment === undefined ? '' : `: ${comment}`}`,
  );
}

export type RunLog = ReturnType<typeof runLog>;

/** The log of a run. @param about the fields that every line of it has */
export function runLog(
  log: Logger,
  about: { readonly runId: string; readonly registry: string; readonly dryRun: boolean },
  kind: RunKind,
) {
  const lines = log.child(about);

  async function decided(decisions: Decisions, isWanted: (decision: Decision) => boolean): Promise<void> {
    let count = 0;
    for (const decision of decisions) {
      const level = levelOf(decision);
      if (!isWanted(decision) || !lines.isLevelEnabled(level)) continue;
      // The worker of Azure Functions queues log lines in memory until the event loop lets it send them.
      if (++count % LINES_A_TURN === 0) await nextTurn();
      const { detail, findings, ...fields } = decision;
      lines[level]({ event: 'decision', ...fields, ...(findings && { findings: findingFields(findings) }) }, detail);
    }
  }

  return {
    started(
      policies: readonly PurgePolicy[],
      began: { readonly startedBy: string | undefined; readonly pastDue: boolean | undefined },
    ): void {
      const commands = policies.map((policy) => {
        const { text, filters, ago, keep, tags, untagged, includeLocked, retention, protect, keepAtLeast } = policy;
        const quarantine = policy.quarantine && { quarantine: policy.quarantine.text };
        const names = filters.map((filter) => filter.text);
        if (retention) {
          const hasUntagged = retention.untagged !== undefined;
          return {
            policy: text,
            rules: names,
            protections: retention.protect.length,
            untagged: hasUntagged,
            includeLocked,
            ...quarantine,
          };
        }
        return {
          filters: names,
          ago,
          keep,
          tags,
          untagged,
          includeLocked,
          ...(protect.length > 0 && { protect: protect.map((one) => one.text) }),
          ...(keepAtLeast > 0 && { keepAtLeast }),
          ...quarantine,
        };
      });
      const late = began.pastDue ? ', later than scheduled' : '';
      const what = kind === 'restore' || kind === 'release' ? kind : 'purge';
      lines.info({ event: 'run-started', ...began, commands }, `${about.dryRun ? 'dry run' : what} started${late}`);
    },

    /** A run that had been stopped is resumed. */
    resumed({ started, resumed = [], progress: { done, of } }: RunRecord): void {
      const { startedBy } = resumed.at(-1) ?? {};
      const slice = resumed.length + 1;
      lines.info(
        { event: 'run-resumed', startedBy, started, slice, repositoriesDone: done, repositories: of },
        `resumes the run of ${started}: ${done} of ${of} repositories are done`,
      );
    },

    decided: (decisions: Decisions): Promise<void> => decided(decisions, () => true),

    /**
     * Logs only what is kept; where none of that is logged, the decisions are not even iterated.
     * @param withFindings whether they say what is known of vulnerabilities
     */
    async kept(decisions: Decisions, withFindings: boolean): Promise<void> {
      if (withFindings || lines.isLevelEnabled('debug')) await decided(decisions, ({ action }) => action === 'keep');
    },

    /** A guard held something back, which is the plan of that run. */
    heldBack: ({ detail, ...hold }: Hold, planId: string): void =>
      lines.warn({ event: 'breaker-tripped', ...hold, planId }, `held back: ${detail}`),

    /** A guard would hold back what a dry run planned. */
    foreseen: ({ breaker, ...hold }: Hold): void =>
      lines.warn(
        { event: 'guard-foreseen', breaker, guard: GUARD_NAMES[breaker], ...hold, planId: about.runId },
        `a guard would hold back: ${holdInWords({ breaker, ...hold })}`,
      ),

    /** The record of a run whose process had ended was completed. */
    recovered: (interrupted: string, settled: number, deleted: number): void =>
      lines.warn(
        { event: 'run-recovered', interrupted, settled, deleted },
        `the run ${interrupted} had ended before it was done; its record is complete now`,
      ),

    /** What is recorded of a repository whose worker had ended was completed, and the run continues. */
    completed: (repository: string, settled: number, deleted: number): void =>
      lines.warn(
        { event: 'repository-recovered', repository, settled, deleted },
        `the worker of ${repository} had ended before it was done; what it began is recorded now`,
      ),

    /** @param usual how many artifacts a run usually deletes */
    ended(summary: RunSummary, usual: number | undefined): void {
      const { totals, warnings, repositories, started, ended, succeeded, plan, stopped, evidence, undo } = summary;
      for (const warning of warnings) lines.warn({ event: 'warning' }, warning);
      const failed = repositories.filter(hasFailed);
      for (const { repository, error } of failed)
        lines.error({ event: 'repository-failed', repository, error }, error?.message ?? 'failed');
      const countOf = (wanted: string): number => repositories.filter(({ state }) => state === wanted).length;
      const held = countOf('held');
      const repositoriesStopped = countOf('stopped');
      const { tags, manifests, bytes, reasons, beyondAcrPurge, quarantine, archived, findings } = totals;
      const needed = about.dryRun ? 0 : (quarantine?.needed ?? 0);
      if (needed > 0)
        lines.warn(
          { event: 'images-released', released: quarantine?.released, needed },
          `released from quarantine: ${needed} artifacts, because a client asked for them, or a workload came to use them`,
        );
      const hasFailures = failed.length + tags.failed + manifests.failed > 0 || !isEvidenceWhole(evidence);
      // Stopping a run, and holding back, is no failure: a warning is enough.
      const isIncomplete = repositoriesStopped + held > 0 && !hasFailures;
      const message = succeeded
        ? 'done'
        : !isIncomplete
          ? 'ended with failures'
          : held > 0
            ? 'done but for what a guard held back, which waits for approval'
            : stopped
              ? `stopped: ${stopped.detail}`
              : 'stopped before it was done';
      lines[succeeded ? 'info' : isIncomplete ? 'warn' : 'error'](
        {
          event: 'run-ended',
          kind,
          succeeded,
          durationMs: Date.parse(ended) - Date.parse(started),
          repositories: repositories.length,
          repositoriesFailed: failed.length,
          repositoriesStopped,
          repositoriesHeld: held,
          ...(plan && { planId: plan.id, planHash: plan.hash, planDeletions: plan.deletions }),
          tags,
          manifests,
          bytes,
          reasons,
          beyondAcrPurge,
          ...(quarantine && { quarantine }),
          ...(findings && { findings: findingSumFields(findings) }),
          ...(undo && { undo }),
          ...(archived && { archived }),
          ...storageFields(summary),
          ...(usual !== undefined && { usual }),
          ...(stopped && { stopped }),
        },
        message,
      );
    },

    /** The run could not continue. */
    broke: (error: Error): void =>
      lines.error({ event: 'run-ended', kind, succeeded: false, error: { message: error.message } }, 'broke off'),
  };
}

/**
 * Deletions are logged as information, failures as errors. What is kept is logged with LOG_LEVEL=debug only, but for images
 * with critical findings, once each.
 */
function levelOf(decision: Decision): 'debug' | 'info' | 'error' | 'warn' {
  if (decision.action === 'keep' && decision.release === undefined && isCriticalImage(decision)) return 'info';
  if (decision.action === 'keep' && decision.release?.outcome === 'released') return 'info';
  const levels = {
    kept: 'debug',
    deleted: 'info',
    alreadyGone: 'info',
    quarantined: 'info',
    restored: 'info',
    notAttempted: 'warn',
    failed: 'error',
  } as const;
  return levels[outcomeOf(decision)];
}
