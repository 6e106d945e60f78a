import type { NotBegun } from '../ledger/messages.ts';
import type { RunRecord } from '../ledger/records.ts';
import { actorOf } from '../ledger/reviews.ts';
import { GUARD_NAMES } from '../planner/decision.ts';
import type { NotifyKind } from '../policy/notify.ts';
import { findingSumFields } from './finding-fields.ts';
import { findingSumsInWords } from './finding-words.ts';
import type { Notification, NotificationList } from './notification.ts';
import { bytes, minute, plural } from './page/format.ts';
import { untilInWords } from './quarantine-words.ts';
import { titleOf, whereOf } from './title.ts';
import { lossInWords } from './verdict-words.ts';
import type { Loss, Verdict } from './verdict.ts';

/* What people are told of each kind of event. The page of a run says the same: both have it from the verdict. */

/** Where a message is about a run. */
export interface RunNews {
  /** Names the event within the run: once for each. */
  readonly news: string;
  /** What it is news of, the most important first. */
  readonly kinds: readonly [NotifyKind, ...NotifyKind[]];
  readonly at: string;
  readonly now: Date;
  readonly run: RunRecord;
  readonly verdict: Verdict;
  readonly reviewUrl?: string | undefined;
  /** It was said before, and waits still. */
  readonly reminder?: { readonly waits: string; readonly isTooOld: boolean };
}

/** Of the sentences of a verdict, those that a message has. */
const MOST_WHY = 3;
const MOST_CHANGES = 3;
/** Of what guards hold back, for programs. */
const MOST_HOLDS = 20;

export function runNotification(about: RunNews): Notification {
  const { news, kinds, at, now, run, verdict, reviewUrl, reminder } = about;
  const { id, registry, dryRun, plan } = run;
  const { what, why, undo, changes, next, most } = verdict;
  return {
    id: `${id}/${news}`,
    kind: kinds[0],
    at,
    registry,
    subject: id,
    tone: toneOf(kinds[0]),
    title: `${reminder ? 'Still waits for approval' : newsOf(kinds[0], run)}: ${titleOf(run, now)} UTC`,
    sentences: [
      ...(reminder ? [remindedInWords(reminder)] : []),
      what,
      ...why.slice(0, MOST_WHY),
      ...(undo === undefined ? [] : [undo]),
      ...changes.slice(0, MOST_CHANGES),
      next,
    ],
    facts: [...factsOf(run, verdict), ...(kinds.some((kind) => OF_FINDINGS.has(kind)) ? findingFacts(run) : [])],
    lists: [...lostMost(most, dryRun)],
    ...linkTo(reviewUrl, id, plan !== undefined && kinds[0] !== 'deletion-done' ? 'Open the plan' : 'Open the run'),
    data: { kinds, ...(reminder && { reminder: true }), ...runData(run, most) },
  };
}

function newsOf(kind: NotifyKind, { state, dryRun, totals }: RunRecord): string {
  switch (kind) {
    case 'run-failed':
      if (state === 'stopped') return 'Stopped before it was done';
      return state === 'interrupted' ? 'Interrupted' : 'Failed';
    case 'guard-tripped':
      return `A guard ${dryRun ? 'would hold' : 'holds'} deletions back`;
    case 'plan-waits':
      return 'A plan waits for approval';
    case 'schedule-overdue':
      return 'The schedule is not kept';
    case 'image-released':
      return 'Images in quarantine were needed, and can be pulled again';
    case 'deletion-done':
      return totals && totals.tags.deleted + totals.manifests.deleted === 0
        ? 'Images were put into quarantine'
        : 'Images were deleted';
  }
}

function toneOf(kind: NotifyKind): Notification['tone'] {
  if (kind === 'deletion-done') return 'good';
  return kind === 'run-failed' || kind === 'schedule-overdue' ? 'attention' : 'warning';
}

function remindedInWords({ waits, isTooOld }: NonNullable<RunNews['reminder']>): string {
  const old = isTooOld
    ? ' It is older than PLAN_MAX_AGE allows, so it cannot be carried out any more: start a new dry run, or raise PLAN_MAX_AGE.'
    : '';
  return `It has waited for ${waits}.${old}`;
}

function factsOf(run: RunRecord, { label }: Verdict): Notification['facts'] {
  const { dryRun, totals, plan } = run;
  const failed = (totals?.tags.failed ?? 0) + (totals?.manifests.failed ?? 0);
  const left = plan && (plan.state === 'open' || plan.state === 'waiting') ? plan.deletions : 0;
  return [
    ['Registry', run.registry],
    ['State', label],
    ['Begun by', actorOf(run).name],
    ...(totals ? ([[dryRun ? 'Would delete' : 'Deleted', inWords(totals)]] as const) : []),
    ...quarantineFacts(run),
    ...(failed > 0 ? ([['Failed or refused', plural(failed, 'deletion')]] as const) : []),
    ...(left > 0 ? ([['Plan', plural(left, 'deletion')]] as const) : []),
  ];
}

/** What is told where something was deleted, or is to be decided. */
const OF_FINDINGS: ReadonlySet<NotifyKind> = new Set(['deletion-done', 'plan-waits', 'guard-tripped']);

/** Nothing where no source of findings was asked. */
function findingFacts({ dryRun, totals }: RunRecord): Notification['facts'] {
  const said = totals?.findings && findingSumsInWords(totals.findings, dryRun);
  return said === undefined ? [] : [['Findings', said]];
}

function quarantineFacts({ dryRun, totals }: RunRecord): Notification['facts'] {
  const { until, released = 0, waiting = 0 } = totals?.quarantine ?? {};
  const would = (verb: string, done: string): string => (dryRun ? `Would ${verb}` : done);
  return [
    ...(totals && until !== undefined
      ? ([
          [
            would('quarantine', 'Quarantined'),
            `${plural(totals.tags.quarantined ?? 0, 'tag')} and ${plural(totals.manifests.quarantined ?? 0, 'manifest')}, ${untilInWords(until)}`,
          ],
        ] as const)
      : []),
    ...(waiting > 0 ? ([['Waiting in quarantine', plural(waiting, 'artifact')]] as const) : []),
    ...(released > 0 ? ([[would('release', 'Released'), plural(released, 'artifact')]] as const) : []),
  ];
}

function inWords({ tags, manifests, bytes: size }: NonNullable<RunRecord['totals']>): string {
  return `${plural(tags.deleted, 'tag')} and ${plural(manifests.deleted, 'manifest')}, at most ${bytes(size)}`;
}

function lostMost(most: readonly Loss[], dryRun: boolean): readonly NotificationList[] {
  if (most.length === 0) return [];
  const lines = most.map((loss) => `${loss.repository} ${lossInWords(loss)}`);
  return [{ title: `Repositories that ${dryRun ? 'would lose' : 'lose'} most`, lines }];
}

/** For programs. Not the hash of the plan, which would approve it. */
function runData(run: RunRecord, most: readonly Loss[]): Notification['data'] {
  const { id, kind, registry, dryRun, state, startedBy, started, ended, totals, plan, breakers, error } = run;
  return {
    registry,
    run: { id, kind, dryRun, state, startedBy, started, ...(ended !== undefined && { ended }) },
    ...(totals && {
      deleted: { tags: totals.tags.deleted, manifests: totals.manifests.deleted, bytes: totals.bytes },
      failed: totals.tags.failed + totals.manifests.failed,
      ...(totals.findings && { findings: findingSumFields(totals.findings) }),
      ...(totals.quarantine && {
        quarantine: {
          tags: totals.tags.quarantined ?? 0,
          manifests: totals.manifests.quarantined ?? 0,
          ...totals.quarantine,
        },
      }),
    }),
    ...(plan && { plan: { state: plan.state, deletions: plan.deletions } }),
    held: breakers
      .slice(0, MOST_HOLDS)
      .map(({ breaker, repository, found, limit }) => ({ guard: GUARD_NAMES[breaker], repository, found, limit })),
    ...(error && { error: error.message }),
    repositories: most.map(({ repository, kind: of, deleted, of: before }) => ({ repository, of, deleted, before })),
  };
}

/** A run that could not be begun. */
export function notBegunNotification({ id, registry, at, why }: NotBegun, reviewUrl?: string): Notification {
  return {
    id: `${id}/not-begun`,
    kind: 'run-failed',
    at,
    ...(registry !== undefined && { registry }),
    tone: 'attention',
    title: `A run could not be begun: ${registry === undefined ? 'the settings are wrong' : whereOf({ registry })}`,
    sentences: [`${why}.`, 'Nothing was deleted.'],
    facts: registry === undefined ? [] : [['Registry', registry]],
    lists: [],
    ...linkTo(reviewUrl, undefined, 'Open the runs'),
    data: { kinds: ['run-failed'], ...(registry !== undefined && { registry }), error: why },
  };
}

/** A schedule that is not kept. */
export interface Overdue {
  readonly registry: string;
  /** Since when no run has come to its end. */
  readonly since: Date;
  readonly schedule: string;
}

export function overdueNotification(
  { registry, since, schedule }: Overdue,
  at: Date,
  reviewUrl?: string,
): Notification {
  const from = since.toISOString();
  return {
    id: `overdue/${registry}/${from}`,
    kind: 'schedule-overdue',
    at: at.toISOString(),
    registry,
    tone: 'attention',
    title: `The schedule is not kept: ${whereOf({ registry })}`,
    sentences: [
      `No scheduled run has come to its end since ${minute(from)} UTC: two are missing.`,
      'Look whether the app runs, and what its log says.',
    ],
    facts: [
      ['Registry', registry],
      ['Schedule', schedule],
    ],
    lists: [],
    ...linkTo(reviewUrl, undefined, 'Open the runs'),
    data: { kinds: ['schedule-overdue'], registry, since: from, schedule },
  };
}

function linkTo(reviewUrl: string | undefined, runId: string | undefined, text: string): Pick<Notification, 'link'> {
  if (reviewUrl === undefined) return {};
  const query = runId === undefined ? '' : `?run=${encodeURIComponent(runId)}`;
  return { link: { text, url: `${reviewUrl}/review${query}` } };
}
