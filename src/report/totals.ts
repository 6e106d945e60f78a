import prettyBytes from 'pretty-bytes';
import { toDeleteOf } from '../ledger/compare.ts';
import type { Counts, RepositorySummary, Totals } from '../ledger/summary.ts';
import { type Decision, DELETE_REASONS, KEEP_REASONS, type Reason } from '../planner/decision.ts';
import { RESTORE_REASONS } from '../planner/restore.ts';
import { findingsSentence, removedOfAll } from './finding-words.ts';
import { plural } from './page/format.ts';
import { quarantinedIn, quarantineInWords } from './quarantine-words.ts';
import type { Cell, Columns } from './table.ts';

type Kind = 'tags' | 'manifests';

/**
 * How many are there afterwards, also those that no filter matched, without those that are put into quarantine. Where that
 * is not known: those with a decision to keep them.
 */
export function keptIn(totals: Totals, kind: Kind): number {
  const after = totals.afterwards?.[kind];
  const { kept, quarantined = 0 } = totals[kind];
  return after === undefined ? kept : Math.max(0, after - quarantined);
}

/** Whether the run was stopped before it looked at a repository, so that what is there is not known. */
export function isUnseen({ state, listed }: RepositorySummary): boolean {
  return state === 'stopped' && listed.tags === undefined && listed.manifests === undefined;
}

/** The percentage of tags or manifests that are deleted; `undefined` where there were none, or they were not listed. */
export function percentOf(totals: Totals, kind: Kind): string | undefined {
  const before = totals.listed[kind] ?? 0;
  return before === 0 ? undefined : percentInWords((totals[kind].deleted / before) * 100);
}

/** `<1 %`, `30 %`. Rounding must not say that all are deleted where some are kept. */
export function percentInWords(percent: number): string {
  if (percent > 0 && percent < 1) return '<1 %';
  return `${percent < 100 ? Math.min(99, Math.round(percent)) : 100} %`;
}

/** How much a repository is to lose: of its tags or of its manifests, whichever share is larger. */
export interface Share {
  readonly kind: Kind;
  readonly deleted: number;
  readonly of: number;
  /** 0 to 100. */
  readonly percent: number;
}

/** `undefined` where nothing is to be deleted. What a guard holds back counts. */
export function shareIn(summary: RepositorySummary): Share | undefined {
  const [tags, manifests] = [shareOf(summary, 'tags'), shareOf(summary, 'manifests')];
  return (manifests?.percent ?? 0) > (tags?.percent ?? 0) ? manifests : tags;
}

function shareOf(summary: RepositorySummary, kind: Kind): Share | undefined {
  const deleted = toDeleteOf(summary[kind]);
  const of = Math.max(summary.listed[kind] ?? 0, deleted);
  return deleted === 0 ? undefined : { kind, deleted, of, percent: (deleted / of) * 100 };
}

/** What is deleted, what is kept, and what still takes up space: a sentence each. */
export function totalsInWords(totals: Totals, dryRun: boolean): readonly string[] {
  const deleted = (kind: Kind): string => {
    const percent = percentOf(totals, kind);
    return `${plural(totals[kind].deleted, kind.slice(0, -1))}${percent === undefined ? '' : ` (${percent})`}`;
  };
  const kept = (kind: Kind): string => plural(keptIn(totals, kind), kind.slice(0, -1));
  const are = (count: number): string => (dryRun ? 'would be' : count === 1 ? 'is' : 'are');
  // A release looks at nothing else.
  if (isRelease(totals)) return quarantineInWords(totals, dryRun);
  const lines = [
    `${deleted('tags')} and ${deleted('manifests')} ${dryRun ? 'would be deleted' : 'deleted'}, at most ${prettyBytes(totals.bytes)}; ` +
      `${kept('tags')} and ${kept('manifests')} are kept.`,
    ...quarantineInWords(totals, dryRun),
  ];
  const findings = findingsSentence(totals.findings, dryRun);
  if (findings !== undefined) lines.push(findings);
  const { manifests = 0, bytes = 0 } = totals.leftUntagged ?? {};
  if (manifests > 0)
    lines.push(
      `${plural(manifests, 'manifest')} (${prettyBytes(bytes)}) ${are(manifests)} left without a tag; --untagged deletes ${manifests === 1 ? 'it' : 'them'}.`,
    );
  const signatures = totals.leftSignatures ?? 0;
  if (signatures > 0)
    lines.push(
      `${plural(signatures, 'signature tag')} ${are(signatures)} left without the image; a filter such as '.*:^sha256-' selects ${signatures === 1 ? 'it' : 'them'}.`,
    );
  const orphans = totals.reasons['referrer-of-unlisted'] ?? 0;
  if (orphans > 0)
    lines.push(
      `${plural(orphans, 'referrer')} (a signature, an SBOM) ${orphans === 1 ? 'is' : 'are'} kept whose subject is not listed, and most likely deleted.`,
    );
  if (totals.beyondAcrPurge > 0)
    lines.push(`acr purge would have deleted ${plural(totals.beyondAcrPurge, 'artifact')} of what is kept.`);
  return lines;
}

function isRelease({ tags, manifests, listed, quarantine }: Totals): boolean {
  const isSeen = (listed.tags ?? listed.manifests) !== undefined;
  return !isSeen && (quarantine?.released ?? 0) > 0 && tags.deleted + manifests.deleted === 0;
}

/** How often each reason was given: what is deleted first, the most frequent reason first. */
export function reasonsIn({
  reasons,
}: Totals): readonly { readonly action: Decision['action']; readonly reason: Reason; readonly count: number }[] {
  const of = (action: Decision['action'], all: readonly Reason[]) =>
    all
      .map((reason) => ({ action, reason, count: reasons[reason] ?? 0 }))
      .filter(({ count }) => count > 0)
      .toSorted((a, b) => b.count - a.count);
  return [...of('delete', DELETE_REASONS), ...of('keep', KEEP_REASONS), ...of('restore', RESTORE_REASONS)];
}

const QUARANTINED = 'QUARANTINED';

/** The column of what is put into quarantine, where there is something: its name, and its cell of a repository. */
export function quarantineColumn(repositories: readonly RepositorySummary[]): {
  readonly head: readonly string[];
  readonly cell: (one: RepositorySummary) => readonly Cell[];
} {
  return repositories.some((one) => quarantinedIn(one) > 0)
    ? { head: [QUARANTINED], cell: (one) => [quarantinedIn(one)] }
    : { head: [], cell: () => [] };
}

/** The column of findings, where they are known of a repository: its name, and its cell. */
export function findingsColumn(
  repositories: readonly RepositorySummary[],
  dryRun: boolean,
): { readonly head: readonly string[]; readonly cell: (one: RepositorySummary) => readonly Cell[] } {
  return repositories.some(({ findings }) => findings)
    ? { head: [dryRun ? 'FINDINGS remove' : 'FINDINGS removed'], cell: ({ findings }) => [removedOfAll(findings)] }
    : { head: [], cell: () => [] };
}

/** The columns of what is deleted and kept in repositories. @param last names of columns behind them */
export function repositoryColumns(
  dryRun: boolean,
  more: readonly string[] = [],
  last: readonly string[] = [],
): Columns {
  const [verb, keep] = dryRun ? ['delete', 'keep'] : ['deleted', 'kept'];
  const numbers = [`TAGS ${verb}`, keep, '%', `MANIFESTS ${verb}`, keep, '%', 'SIZE', ...last];
  const first = 1 + more.length;
  return {
    head: ['REPOSITORY', ...more, ...numbers],
    right: [
      ...more.flatMap((name, index) => (name === QUARANTINED ? [1 + index] : [])),
      ...numbers.map((_, index) => first + index),
    ],
    inWords(row) {
      const cells = row.slice(first);
      if (cells[0] === 'failed') return 'failed';
      const of = (kind: Kind, [deleted = '', kept = '', percent = '']: readonly Cell[]): string =>
        `${kind}: ${verb} ${deleted}${percent === '' ? '' : ` (${percent})`}, ${keep} ${kept}`;
      return [
        ...row.slice(1, first).map((cell, index) => (more[index] === QUARANTINED ? `quarantined: ${cell}` : cell)),
        of('tags', cells),
        of('manifests', cells.slice(3)),
        cells[6] ?? '',
        ...last.map((title, index) => `${title.toLowerCase()} ${cells[7 + index] ?? ''}`),
      ].join('; ');
    },
  };
}

/** The cells of a repository in these columns, after its name. */
export function cellsOf(one: RepositorySummary): readonly Cell[] {
  if (one.state === 'failed') return ['failed', '', '', '', '', '', ''];
  const of = (kind: Kind): readonly Cell[] => [
    one[kind].deleted,
    isUnseen(one) ? '–' : keptIn(one, kind),
    percentOf(one, kind) ?? '',
  ];
  return [...of('tags'), ...of('manifests'), prettyBytes(one.bytes)];
}

/** How many artifacts of a repository are deleted, or would be. */
export function deletedIn({ tags, manifests }: { readonly tags: Counts; readonly manifests: Counts }): number {
  return tags.deleted + manifests.deleted;
}

/** How many were not attempted. */
export function notAttemptedIn({ tags, manifests }: RepositorySummary): number {
  return tags.notAttempted + manifests.notAttempted;
}
