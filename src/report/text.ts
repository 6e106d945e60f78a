import prettyBytes from 'pretty-bytes';
import type { Decision } from '../planner/decision.ts';
import { approvalOf } from '../ledger/records.ts';
import { printable } from './escape.ts';
import { foreseenCount, guardsInWords } from './guards.ts';
import { labelled, paint, PLAIN_STYLE, sentence, type Style, wrapped } from './style.ts';
import { type Cell, type Columns, renderTable } from './table.ts';
import {
  type Counts,
  hasFailed,
  nameOf,
  outcomeOf,
  type RepositorySummary,
  type RunSummary,
} from '../ledger/summary.ts';

/** Repositories that a summary lists: those in which most happens. */
const MAX_ROWS = 40;

/** Failed repositories that it names. */
const MAX_FAILED = 20;

/** A run, as a person reads it in ten seconds: what is deleted where, what is kept and why, what went wrong. */
export function renderSummary(summary: RunSummary, style: Style = PLAIN_STYLE): string {
  const { dryRun, repositories } = summary;
  const lines: string[] = [];
  const busy = repositories.filter((one) => one.state === 'failed' || touched(one) > 0);
  if (busy.length > 0)
    lines.push(table(summary, busy.toSorted((a, b) => touched(b) - touched(a)).slice(0, MAX_ROWS), style));
  if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
  if (busy.length > 0) lines.push('');
  const why = reasons(summary, style);
  if (why !== '') lines.push(why, '');
  for (const text of totalsInWords(summary, dryRun)) lines.push(sentence(style, text));
  const { totals } = summary;
  const alreadyGone = totals.tags.alreadyGone + totals.manifests.alreadyGone;
  if (alreadyGone > 0) lines.push(`${plural(alreadyGone, 'artifact')} had gone already.`);
  for (const warning of summary.warnings) lines.push(labelled(style, 'yellow', 'Warning:', printable(warning)));
  for (const line of problems(summary)) lines.push(problemLine(line, style));
  for (const line of planInWords(summary)) lines.push(sentence(style, line));
  if (dryRun) lines.push(paint(style, 'bold', 'DRY RUN: nothing was deleted.'));
  return `${lines.join('\n')}\n`;
}

function problemLine(line: string, style: Style): string {
  const [label] = /^[A-Z][A-Z -]+:/.exec(line) ?? [];
  return label === undefined ? sentence(style, line) : labelled(style, 'red', label, line.slice(label.length + 1));
}

/** What is deleted, what is there afterwards, and what takes room yet: sentences, for runs and for records of them. */
export function totalsInWords({ totals }: Pick<RunSummary, 'totals'>, dryRun: boolean): readonly string[] {
  const verb = dryRun ? 'would be deleted' : 'deleted';
  const deleted = (kind: Kind): string => {
    const share = percentOf(totals, kind);
    return `${plural(totals[kind].deleted, kind.slice(0, -1))}${share === undefined ? '' : ` (${share})`}`;
  };
  const kept = (kind: Kind): string => plural(keptIn(totals, kind), kind.slice(0, -1));
  const lines = [
    `${deleted('tags')} and ${deleted('manifests')} ${verb}, at most ${prettyBytes(totals.bytes)}; ` +
      `${kept('tags')} and ${kept('manifests')} are kept.`,
  ];
  const { manifests = 0, bytes = 0 } = totals.leftUntagged ?? {};
  if (manifests > 0)
    lines.push(
      `${plural(manifests, 'manifest')} (${prettyBytes(bytes)}) ${isAre(manifests, dryRun)} left without a tag; --untagged deletes them.`,
    );
  const signatures = totals.leftSignatures ?? 0;
  if (signatures > 0)
    lines.push(
      `${plural(signatures, 'signature tag')} ${isAre(signatures, dryRun)} left without the image; a filter such as '.*:^sha256-' selects them.`,
    );
  const orphans = totals.reasons['referrer-of-unlisted'] ?? 0;
  if (orphans > 0)
    lines.push(
      `${plural(orphans, 'referrer')} (a signature, an SBOM) ${orphans === 1 ? 'is' : 'are'} kept whose subject is not listed, and most likely gone.`,
    );
  if (totals.beyondAcrPurge > 0)
    lines.push(`acr purge would have deleted ${plural(totals.beyondAcrPurge, 'artifact')} of what is kept.`);
  return lines;
}

type Kind = 'tags' | 'manifests';

function isAre(count: number, dryRun: boolean): string {
  return dryRun ? 'would be' : count === 1 ? 'is' : 'are';
}

/** What is there afterwards, also what no filter matched; of what was not listed, what a decision keeps. */
export function keptIn({ afterwards, ...counts }: Pick<RepositorySummary, 'afterwards' | Kind>, kind: Kind): number {
  return afterwards?.[kind] ?? counts[kind].kept;
}

/** Not begun when the run was stopped: what is there is not known. */
export function isUnseen({ state, listed }: Pick<RepositorySummary, 'state' | 'listed'>): boolean {
  return state === 'stopped' && listed.tags === undefined && listed.manifests === undefined;
}

/** How much of what was there is deleted; `undefined` where nothing was, or it was not asked. */
export function percentOf(
  { listed, ...counts }: Pick<RepositorySummary, 'listed' | Kind>,
  kind: Kind,
): string | undefined {
  const before = listed[kind] ?? 0;
  const { deleted } = counts[kind];
  if (before === 0) return undefined;
  const percent = Math.min(100, (deleted / before) * 100);
  if (percent > 0 && percent < 1) return '<1 %';
  // All of it is only what is all of it.
  return `${percent < 100 ? Math.min(99, Math.round(percent)) : 100} %`;
}

/** What holds something back, and how to carry it out all the same. */
function planInWords({ dryRun, breakers, plan, repositories }: RunSummary): readonly string[] {
  const lines = [...guardsInWords(breakers, dryRun)];
  if (dryRun && breakers.length > 0) {
    const { held, of } = foreseenCount(breakers, repositories);
    lines.push(
      `A purge with these guards would hold back ${held} of ${plural(of, 'deletion')} until they are approved.`,
    );
  }
  if (!plan) return lines;
  const apply = `acr-retention apply ${plan.id}`;
  const approve = ` --approve ${approvalOf(plan)}`;
  if (!dryRun) return [...lines, `To delete exactly what was held back: ${apply}${approve}`];
  return breakers.length === 0
    ? [...lines, `To delete exactly this: ${apply}`]
    : [...lines, `To delete exactly this, whatever guards say: ${apply}${approve}`];
}

/** Columns that an example needs beside its reason; where there are fewer, it stands below. */
const NARROWEST_EXAMPLE = 30;

/** Each reason with one example, what is deleted first. */
function reasons({ totals, examples }: RunSummary, style: Style): string {
  const found = Object.values(examples).toSorted(
    (a, b) => Number(a.action === 'keep') - Number(b.action === 'keep') || count(totals, b) - count(totals, a),
  );
  if (found.length === 0) return '';
  const widthOf = (texts: readonly string[]): number =>
    texts.reduce((widest, { length }) => Math.max(widest, length), 0);
  const counts = widthOf(found.map((example) => String(count(totals, example))));
  const names = widthOf(found.map(({ reason }) => reason));
  const before = 'delete'.length + counts + names + 6;
  const details = found.map((example) => printable(shorten(`${nameOf(example)}: ${example.detail}`)));
  const longest = widthOf(details.flatMap((detail) => detail.split(' ')));
  const isBeside = !style.wraps || style.width - before >= Math.max(NARROWEST_EXAMPLE, longest);
  const indent = isBeside ? before : 4;
  const lines = found.flatMap((example, index) => {
    const { action, reason } = example;
    const start = `${action.padEnd(6)}  ${String(count(totals, example)).padStart(counts)}  ${reason.padEnd(names)}`;
    const colored = start.replace(action, paint(style, action === 'delete' ? 'red' : 'green', action));
    const [first = '', ...others] = wrapped(details[index] ?? '', style.width - indent);
    const below = (isBeside ? others : [first, ...others]).map((line) => ' '.repeat(indent) + line);
    return [isBeside ? `${colored}  ${first}` : colored.trimEnd(), ...below];
  });
  const head = isBeside ? `${'WHY'.padEnd(before)}FOR EXAMPLE` : 'WHY, FOR EXAMPLE';
  return [paint(style, 'bold', head), ...lines].join('\n');
}

function count({ reasons: counts }: RunSummary['totals'], { reason }: Decision): number {
  return counts[reason] ?? 0;
}

function touched({ tags, manifests }: RepositorySummary): number {
  const of = (counts: Counts): number => counts.deleted + counts.failed + counts.notAttempted + counts.alreadyGone;
  return of(tags) + of(manifests);
}

function table({ dryRun }: RunSummary, repositories: readonly RepositorySummary[], style: Style): string {
  const verb = dryRun ? 'delete' : 'deleted';
  return renderTable(
    style,
    repositoryColumns(verb),
    repositories.map((one) => [printable(one.repository), ...cellsOf(one)]),
  );
}

/** The columns of what is deleted and kept in repositories. */
export function repositoryColumns(verb: 'delete' | 'deleted', more: readonly string[] = []): Columns {
  const numbers = [`TAGS ${verb}`, 'keep', '%', `MANIFESTS ${verb}`, 'keep', '%', 'SIZE'];
  const first = 1 + more.length;
  return {
    head: ['REPOSITORY', ...more, ...numbers],
    right: numbers.map((_, index) => first + index),
    inWords(row) {
      const cells = row.slice(first);
      if (cells[0] === 'failed') return 'failed';
      const of = (kind: Kind, [deleted = '', kept = '', percent = '']: readonly Cell[]): string =>
        `${kind}: ${verb} ${deleted}${percent === '' ? '' : ` (${percent})`}, keep ${kept}`;
      return [...row.slice(1, first), of('tags', cells), of('manifests', cells.slice(3)), cells[6] ?? ''].join('; ');
    },
  };
}

/** The cells of a repository in these columns, behind its name. */
export function cellsOf(one: RepositorySummary): readonly Cell[] {
  if (one.state === 'failed') return ['failed', '', '', '', '', '', ''];
  const of = (kind: Kind): readonly Cell[] => [
    one[kind].deleted,
    isUnseen(one) ? '–' : keptIn(one, kind),
    percentOf(one, kind) ?? '',
  ];
  return [...of('tags'), ...of('manifests'), prettyBytes(one.bytes)];
}

function problems({ repositories, totals, failures, stopped: stop }: RunSummary): readonly string[] {
  const lines: string[] = [];
  // What is wrong with many alike is said once.
  const failed = new Map<string, RepositorySummary[]>();
  for (const one of repositories.filter(hasFailed)) {
    const message = one.error?.message ?? '';
    failed.set(message, [...(failed.get(message) ?? []), one]);
  }
  for (const [message, [first, ...others]] of [...failed].slice(0, MAX_FAILED)) {
    const more = others.length > 0 ? ` and ${plural(others.length, 'other repository')}` : '';
    const { repository = '', error } = first ?? {};
    lines.push(`FAILED: ${printable(`${repository}${more}: ${message}`)}${correlation(error?.correlationId)}`);
  }
  const unsaid = [...failed.values()].slice(MAX_FAILED).flat().length;
  if (unsaid > 0) lines.push(`… and ${unsaid} more repositories that failed`);
  const stopped = repositories.filter(({ state }) => state === 'stopped').length;
  if (stop) lines.push(`STOPPED: ${printable(stop.detail)}`);
  else if (stopped > 0) lines.push(`STOPPED: ${plural(stopped, 'repository')} not begun, or not finished.`);
  for (const failure of failures) {
    if (failure.action === 'keep') continue;
    const why = failure.error ? `: ${failure.error.message}` : '';
    lines.push(
      `${failure.outcome.toUpperCase()}: ${printable(`${nameOf(failure)}${why}`)}${correlation(failure.error?.correlationId)}`,
    );
  }
  // For want of a right: a warning says so, once.
  const lacking = Object.values(totals.missing ?? {});
  const shown = new Set(failures.flatMap((one) => (one.action === 'delete' ? (one.error?.missing ?? []) : []))).size;
  const refused = lacking.reduce((sum, one) => sum + one.refused, 0) - shown;
  const unattempted = lacking.reduce((sum, one) => sum + one.notAttempted, 0);
  const notAttempted = totals.tags.notAttempted + totals.manifests.notAttempted - unattempted;
  if (notAttempted > 0)
    lines.push(`NOT ATTEMPTED: ${plural(notAttempted, 'artifact')}; --output ndjson says why for each.`);
  const more = totals.tags.failed + totals.manifests.failed - failures.length - refused;
  if (more > 0) lines.push(`… and ${more} more failures; --output ndjson names each.`);
  return lines;
}

function correlation(id: string | undefined): string {
  return id === undefined ? '' : ` (correlation id ${printable(id)})`;
}

/** A decision on one line: what becomes of it, what it is, why. */
export function renderDecision(decision: Decision): string {
  const became =
    decision.action === 'keep' ? 'keep' : ({ planned: 'would delete' }[decision.outcome as string] ?? decision.outcome);
  const mark = { deleted: '-', kept: ' ', failed: '!', notAttempted: '!', alreadyGone: '-' }[outcomeOf(decision)];
  const beyond = decision.beyondAcrPurge ? ' [acr purge would delete it]' : '';
  return printable(
    `${mark} ${became.padEnd(12)} ${nameOf(decision)}  ${decision.reason}: ${shorten(decision.detail)}${beyond}`,
  );
}

/** Digests as people quote them: the first twelve digits. The other outputs have them whole. */
function shorten(text: string): string {
  return text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1');
}

export { nameOf };

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/y?$/, (y) => (y === '' ? 's' : 'ies'))}`;
}
