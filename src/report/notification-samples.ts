import type { RunRecord } from '../ledger/records.ts';
import type { RepositorySummary } from '../ledger/summary.ts';
import { total } from '../ledger/total.ts';
import type { NotifyKind } from '../policy/notify.ts';
import type { Notification } from './notification.ts';
import { overdueNotification, runNotification } from './notification-words.ts';
import { verdictOf } from './verdict.ts';

/* Made-up events, so that people can see what messages look like, and whether they arrive. */

const REGISTRY = 'example.azurecr.io';
const MINUTE = 60_000;

/**
 * What would be said of an event of this kind. It says that it is a test, in its title and for programs.
 * @param id tells this test from every other one
 */
export function sampleNotification(kind: NotifyKind, id: string, now: Date, reviewUrl?: string): Notification {
  const said = sampleOf(kind, now, reviewUrl);
  const { link, ...others } = said;
  return {
    ...others,
    id: `test/${id}/${kind}`,
    title: `Test: ${said.title}`,
    sentences: ['This is a test of acr-retention. Nothing of it has happened.', ...said.sentences],
    // Not to a run that there is not.
    ...(link && { link: { text: 'Open the runs', url: `${reviewUrl ?? ''}/review` } }),
    data: { ...said.data, test: true },
  };
}

function sampleOf(kind: NotifyKind, now: Date, reviewUrl: string | undefined): Notification {
  if (kind === 'schedule-overdue') {
    const since = new Date(now.getTime() - 49 * 60 * MINUTE);
    return overdueNotification({ registry: REGISTRY, since, schedule: '0 1 * * *' }, now, reviewUrl);
  }
  const repositories = [
    summaryOf('shop/api', 12, kind === 'guard-tripped' ? 'held' : 'done'),
    { ...summaryOf('shop/web', 5, 'done'), ...(kind === 'image-released' && { quarantine: RELEASED }) },
  ].map((summary) => ({ summary, planned: { deletions: summary.state === 'held' ? 12 : 0, hash: '' } }));
  const run = runOf(
    kind,
    now,
    repositories.map(({ summary }) => summary),
  );
  const verdict = { ...verdictOf({ run, repositories }), changes: [] };
  return runNotification({ news: 'test', kinds: [kind], at: now.toISOString(), now, run, verdict, reviewUrl });
}

/** An image of a few parts that a client asked for. */
const RELEASED = { waiting: 9, tagsWaiting: 3, released: 4, needed: 4 };

function summaryOf(repository: string, deletions: number, state: 'done' | 'held'): RepositorySummary {
  const isHeld = state === 'held';
  const none = { deleted: 0, kept: 0, failed: 0, notAttempted: 0, alreadyGone: 0 };
  const counts = { ...none, kept: 8, ...(isHeld ? { notAttempted: deletions } : { deleted: deletions }) };
  const there = deletions + 8;
  return {
    repository,
    state,
    listed: { tags: there, manifests: there },
    tags: counts,
    manifests: none,
    bytes: isHeld ? 0 : deletions * 115_000_000,
    reasons: { 'matched-and-expired': deletions },
    beyondAcrPurge: 0,
  };
}

function runOf(kind: NotifyKind, now: Date, summaries: readonly RepositorySummary[]): RunRecord {
  const started = new Date(now.getTime() - 3 * MINUTE).toISOString();
  const isPlan = kind === 'plan-waits';
  const waits = isPlan || kind === 'guard-tripped';
  return {
    format: 1,
    id: 'test',
    kind: 'scheduled',
    dryRun: isPlan,
    startedBy: 'schedule',
    registry: REGISTRY,
    policy: { commands: [], hash: '', from: 'settings' },
    toolVersion: '',
    started,
    agesFrom: started,
    holder: { runId: 'test', startedBy: 'schedule', host: '', pid: 0, since: started },
    ended: now.toISOString(),
    state: kind === 'run-failed' ? 'failed' : kind === 'guard-tripped' ? 'waiting' : 'done',
    progress: { done: 2, of: 2 },
    totals: total(summaries),
    warnings: [],
    breakers:
      kind === 'guard-tripped'
        ? [
            {
              breaker: 'max-deletion-percent',
              repository: 'shop/api',
              found: 60,
              limit: 50,
              detail: '60 % of the tags would be deleted, and 50 % are the most',
            },
          ]
        : [],
    guards: { maxDeletionPercent: 50, keepLastTag: true },
    ...(waits && { plan: { hash: '', deletions: isPlan ? 17 : 12, state: isPlan ? 'open' : 'waiting' } }),
    ...(kind === 'run-failed' && { error: { message: 'the registry did not answer within 100 s' } }),
  };
}
