import { isPurge, type RunRecord } from '../../ledger/records.ts';
import type { Counts } from '../../ledger/summary.ts';
import type { NotifyKind } from '../../policy/notify.ts';
import { lastActivity } from '../schedule-monitor.ts';

/** Something about a run that people are told of. */
export interface DueOfRun {
  /** Names it within the run. */
  readonly news: string;
  /** What it is, the most important first: one message says all of it. */
  readonly kinds: readonly [NotifyKind, ...NotifyKind[]];
  readonly at: Date;
  /** It was said before, and waits since then. */
  readonly waitsSince?: Date;
}

/** How it is seen whether a plan waits still. */
export interface Watched {
  readonly now: Date;
  readonly remindMilliseconds: number;
  /** A later run of the registry has another plan, or none: this one is history. */
  readonly isSuperseded: boolean;
}

/** Runs that end at a request, or at the end of their time, are resumed or were meant to end. */
const MEANT: readonly (string | undefined)[] = ['budget', 'cancel'];

/**
 * What people are told of a run, by its record alone: so it is found out again by whichever process looks, and nothing is
 * lost with the one that did the run. A dry run, or a restore, that a client asked for has told that client, and is no news.
 */
export function dueOf(run: RunRecord, { now, remindMilliseconds, isSuperseded }: Watched): readonly DueOfRun[] {
  const { kind, dryRun, state, plan, resumed = [] } = run;
  if (state === 'running') return [];
  const at = lastActivity(run);
  const ended = kind === 'dry-run' || !isPurge(run) ? [] : kindsOf(run);
  const due: DueOfRun[] = [];
  // Each time that it ended: a run that was stopped, said so and was resumed ends once more.
  if (isSome(ended)) due.push({ news: `ended-${resumed.length}`, kinds: ended, at });
  // A guard holds a dry run's plan back only when it is to be carried out.
  if (dryRun && plan?.state === 'waiting') due.push({ news: 'held', kinds: ['guard-tripped', 'plan-waits'], at });
  const remindAt = new Date(at.getTime() + remindMilliseconds);
  const isDecided = (plan?.reviews ?? []).length > 0;
  if (waits(run) && !isDecided && !isSuperseded && remindAt <= now)
    due.push({ news: 'reminder', kinds: ['plan-waits'], at: remindAt, waitsSince: at });
  return due;
}

function kindsOf(run: RunRecord): readonly NotifyKind[] {
  const { dryRun, state, stopped, breakers, totals } = run;
  const isOver = !(state === 'stopped' && stopped?.by === 'budget');
  const done = dryRun ? undefined : totals;
  const changed = done ? changedIn(done.tags) + changedIn(done.manifests) : 0;
  const hasFailed =
    state === 'failed' || state === 'interrupted' || (state === 'stopped' && !MEANT.includes(stopped?.by));
  return [
    ...(hasFailed ? (['run-failed'] as const) : []),
    ...((done?.quarantine?.needed ?? 0) > 0 && isOver ? (['image-released'] as const) : []),
    ...(!dryRun && breakers.length > 0 && isOver ? (['guard-tripped'] as const) : []),
    ...(waits(run) ? (['plan-waits'] as const) : []),
    ...(changed > 0 && isOver ? (['deletion-done'] as const) : []),
  ];
}

function changedIn({ deleted, quarantined = 0 }: Counts): number {
  return deleted + quarantined;
}

/** Whether a person is to decide about the plan of a run. */
function waits({ kind, dryRun, state, plan, breakers }: RunRecord): boolean {
  if (!plan || plan.deletions === 0 || state === 'stopped' || state === 'interrupted') return false;
  if (plan.state === 'waiting') return dryRun || breakers.length > 0;
  return plan.state === 'open' && dryRun && kind === 'scheduled';
}

function isSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}
