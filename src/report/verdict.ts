import { type Comparison, type Some, toDeleteIn } from '../ledger/compare.ts';
import { isEvidenceWhole, type RepositoryRecord, type RunRecord } from '../ledger/records.ts';
import { rejectionOf, reviewInWords } from '../ledger/reviews.ts';
import type { Totals } from '../ledger/summary.ts';
import { total } from '../ledger/total.ts';
import { findingsSentence } from './finding-words.ts';
import { plural } from './page/format.ts';
import { approvedBy, heldBy } from './select-repositories.ts';
import { quarantineOfRun } from './quarantine-words.ts';
import { storageInWords } from './storage-words.ts';
import { undoInWords } from './undo.ts';
import { deletedIn, type Share, shareIn } from './totals.ts';
import {
  changesInWords,
  failuresInWords,
  guardsInForce,
  guardsInWords,
  heldInWords,
  isAllHeld,
  keepsOf,
  nextOf,
  partsInWords,
  sourcesInWords,
  whatOf,
} from './verdict-words.ts';
import { isEvidenceWarning } from './warnings.ts';

/**
 * - `safe`: a plan that each guard lets through, of which nothing failed
 * - `unchecked`: the same, but no guard is set
 * - `held`: a guard holds all or some of it back
 * - `failed`: something failed, or what is in use could not be found out
 * - `stopped`: it ended before it was done
 * - `nothing`: there is nothing to delete
 * - `outdated`: a plan that the app refuses to carry out by now
 * - `rejected`, `applied`: what a person decided, or what was done, about the plan
 * - `deleted`: a run that deletes has deleted what it was to
 * - `restored`: a run that brings back what was deleted has done so, or would
 */
export type VerdictKind =
  | 'safe'
  | 'unchecked'
  | 'held'
  | 'failed'
  | 'running'
  | 'stopped'
  | 'nothing'
  | 'outdated'
  | 'rejected'
  | 'applied'
  | 'deleted'
  | 'restored';

/** How much of a repository a run deletes, or would. */
export interface Loss extends Share {
  readonly repository: string;
  readonly isHeld: boolean;
}

/** What guards hold back. */
export interface Held {
  /** A guard holds back everything. */
  readonly all: boolean;
  /** Those of which only their own deletions are held back. */
  readonly repositories: Some<string>;
  /** Artifacts that are held back, and those that are not. */
  readonly deletions: number;
  readonly others: number;
}

/**
 * What a person must know of a run before anything else. Sentences are plain text, and may quote a registry: what shows
 * them escapes them.
 */
export interface Verdict {
  readonly kind: VerdictKind;
  /** In a word or two: `safe`, `held back in part`. */
  readonly label: string;
  /** What it would delete, or did: one sentence. */
  readonly what: string;
  /** What is kept: tags and manifests, a sentence. */
  readonly keeps: string;
  /** Which findings it removes, and which stay. Absent: no source of findings was asked, or there is nothing to say. */
  readonly findings?: string;
  /** Why it is of this kind, the most important sentence first. */
  readonly why: readonly string[];
  /** Whether, and until when, its deletions can be undone, a sentence. Absent: it deletes nothing. */
  readonly undo?: string;
  /** What it frees, and what that costs, in sentences. Absent: that is not asked, or not known yet. */
  readonly storage?: string;
  /** What a person does next. */
  readonly next: string;
  readonly held?: Held;
  /** What changed since the last run that can be compared, and the id of that; absent: there is none. */
  readonly changes: readonly string[];
  readonly since?: string;
  /** The repositories that lose most in percent, at most five. */
  readonly most: readonly Loss[];
  /** What else the run warned of; the first ones stand in `why` as well. */
  readonly cautions: readonly string[];
}

/** What a verdict is about. */
export interface Judged {
  readonly run: RunRecord;
  /** Of all its repositories; of a run that has not ended, those that are done. */
  readonly repositories: readonly Pick<RepositoryRecord, 'summary' | 'planned'>[];
  /** With the last run before it; absent: there is none. */
  readonly comparison?: Comparison | undefined;
  /** Why the app refuses to carry out its plan by now; absent: it does not, or that is not looked at. */
  readonly refused?: string | undefined;
}

/** Repositories of which the loss is named. */
const MOST = 5;
/** Warnings that stand in the verdict itself. */
const CAUTIONS = 2;
/** Those that are held back alone, and named. */
const NAMES = 3;

export function verdictOf({ run, repositories, comparison, refused }: Judged): Verdict {
  const totals = run.totals ?? total(repositories.map(({ summary }) => summary));
  const held = heldIn(run, repositories);
  const kind = kindOf(run, totals, held, refused);
  const findings = run.restores ? undefined : findingsSentence(totals.findings, run.dryRun);
  const storage = run.totals?.storage ? storageInWords(run) : [];
  const cautions = run.warnings.filter((warning) => !isEvidenceWarning(warning));
  return {
    kind,
    label: labelOf(run, kind, held, cautions.length),
    what: whatOf(run, totals, repositories, held),
    keeps: keepsOf(run, totals),
    ...(findings !== undefined && { findings }),
    why: [
      ...(kind === 'outdated' ? [`The app refuses it: ${refused ?? ''}.`] : []),
      ...whyOf(kind, run, totals, repositories, held),
      ...(UNCHANGED.includes(kind) ? [] : quarantineOfRun(run, totals)),
      ...cautions.slice(0, CAUTIONS).map((caution) => `Warning: ${caution}`),
    ],
    ...(run.restores || deletedIn(totals) === 0 || kind === 'rejected' ? {} : { undo: undoInWords(run) }),
    ...(storage.length > 0 && { storage: storage.join(' ') }),
    next: nextOf(kind, run),
    ...(held && { held }),
    changes: changesInWords(run, comparison),
    ...(comparison && { since: comparison.before.id }),
    most: mostLost(run, repositories, held),
    cautions,
  };
}

/** Of these it is past, or not known yet, what is in quarantine. */
const UNCHANGED: readonly VerdictKind[] = ['running', 'rejected', 'applied', 'restored'];

function kindOf(run: RunRecord, totals: Totals, held: Held | undefined, refused: string | undefined): VerdictKind {
  const { state, plan, dryRun } = run;
  if (state === 'running') return 'running';
  if (plan?.state === 'rejected' || plan?.state === 'applied') return plan.state;
  if (state === 'failed' || run.error || !isEvidenceWhole(run.evidence)) return 'failed';
  if (state === 'stopped' || state === 'interrupted') return 'stopped';
  if (plan && refused !== undefined) return 'outdated';
  if (run.restores) return restoredIn(totals) === 0 ? 'nothing' : 'restored';
  if (held) return 'held';
  const released = totals.quarantine?.released ?? 0;
  if (toDeleteIn(totals) === 0 && (dryRun || released === 0)) return 'nothing';
  if (!dryRun) return 'deleted';
  return guardsInForce(run).length > 0 ? 'safe' : 'unchecked';
}

function restoredIn({ tags, manifests }: Totals): number {
  return (tags.restored ?? 0) + (manifests.restored ?? 0);
}

function labelOf({ restores, dryRun }: RunRecord, kind: VerdictKind, held: Held | undefined, cautions: number): string {
  const labels: Readonly<Record<VerdictKind, string>> = {
    safe: cautions > 0 ? `safe, but ${plural(cautions, 'warning')}` : 'safe',
    unchecked: 'no guard is set',
    held: held && isAllHeld(held) ? 'held back' : 'held back in part',
    failed: 'failed',
    running: 'running',
    stopped: 'stopped',
    nothing: restores ? 'nothing to restore' : 'nothing to delete',
    outdated: 'out of date',
    rejected: 'rejected',
    applied: 'applied',
    deleted: 'done',
    restored: dryRun ? 'dry run' : 'done',
  };
  return labels[kind];
}

function heldIn(run: RunRecord, repositories: Judged['repositories']): Held | undefined {
  const { breakers, dryRun, plan } = run;
  if (breakers.length === 0 || plan?.state === 'applied') return undefined;
  const all = breakers.some(({ repository }) => repository === undefined);
  const isApproved = approvedBy(run);
  const names = new Set(breakers.flatMap(({ repository = '' }) => (isApproved(repository) ? [] : [repository])));
  if (names.size === 0) return undefined;
  let deletions = 0;
  let others = 0;
  for (const { summary, planned } of repositories) {
    const { repository } = summary;
    if ((all || names.has(repository)) && !isApproved(repository))
      deletions += dryRun ? toDeleteIn(summary) : planned.deletions;
    else others += toDeleteIn(summary);
  }
  names.delete('');
  return { all, repositories: { first: [...names].slice(0, NAMES), count: names.size }, deletions, others };
}

function whyOf(
  kind: VerdictKind,
  run: RunRecord,
  totals: Totals,
  repositories: Judged['repositories'],
  held: Held | undefined,
): readonly string[] {
  const { stopped, plan } = run;
  const rejection = plan && rejectionOf(plan);
  switch (kind) {
    case 'safe':
    case 'unchecked':
      return [...partsInWords(run), guardsInWords(run), sourcesInWords(run)];
    case 'outdated':
    case 'held':
      return [...(held ? heldInWords(run, held) : []), ...partsInWords(run), sourcesInWords(run)];
    case 'failed':
      return [...failuresInWords(run, totals, repositories), ...(held ? heldInWords(run, held) : [])];
    case 'stopped':
      return [
        stopped ? `${stopped.detail}.` : 'Its process ended before it was done.',
        ...(held ? heldInWords(run, held) : []),
      ];
    case 'rejected':
      return [rejection ? `It was ${reviewInWords(rejection)}.` : 'It was rejected.'];
    case 'applied':
      return [`The plan was carried out${plan?.appliedBy === undefined ? '' : ` by the run ${plan.appliedBy}`}.`];
    case 'nothing':
      return run.restores ? [] : [sourcesInWords(run)];
    case 'restored':
      return [];
    case 'running':
    case 'deleted':
      return [];
  }
}

function mostLost(run: RunRecord, repositories: Judged['repositories'], held: Held | undefined): readonly Loss[] {
  const isHeld = heldBy(run);
  const losses = repositories.flatMap(({ summary }): readonly Loss[] => {
    const { repository } = summary;
    const share = shareIn(summary);
    return share ? [{ repository, ...share, isHeld: held !== undefined && isHeld(summary) }] : [];
  });
  return losses.sort((a, b) => b.percent - a.percent || b.deleted - a.deleted).slice(0, MOST);
}
