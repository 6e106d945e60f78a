import Table from 'cli-table3';
import prettyBytes from 'pretty-bytes';
import type { Decision } from '../planner/decision.ts';
import { approvalOf } from '../ledger/types.ts';
import { printable } from './escape.ts';
import { foreseenCount, guardsInWords } from './guards.ts';
import { PLAIN } from './table.ts';
import { type Counts, outcomeOf, type RepositorySummary, type RunSummary } from './summary.ts';

/** Repositories that a summary lists: those in which most happens. */
const MAX_ROWS = 40;

/** Failed repositories that it names. */
const MAX_FAILED = 20;

/** Characters of an example: with what stands before it, a line of 120. */
const MAX_EXAMPLE = 84;

/** A run, as a person reads it in ten seconds: what goes where, what stays and why, what went wrong. */
export function renderSummary(summary: RunSummary): string {
  const { dryRun, totals, repositories } = summary;
  const lines: string[] = [];
  const busy = repositories.filter((one) => one.state === 'failed' || touched(one) > 0);
  if (busy.length > 0) lines.push(table(summary, busy.toSorted((a, b) => touched(b) - touched(a)).slice(0, MAX_ROWS)));
  if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
  if (busy.length > 0) lines.push('');
  const why = reasons(summary);
  if (why !== '') lines.push(why, '');
  const verb = dryRun ? 'would go' : 'deleted';
  lines.push(
    `${plural(totals.tags.deleted, 'tag')} and ${plural(totals.manifests.deleted, 'manifest')} ${verb}, at most ${prettyBytes(totals.bytes)}; ` +
      `${plural(totals.tags.kept, 'tag')} and ${plural(totals.manifests.kept, 'manifest')} stay.`,
  );
  if (totals.beyondAcrPurge > 0) {
    lines.push(`acr purge would have deleted ${plural(totals.beyondAcrPurge, 'artifact')} of what stays.`);
  }
  const alreadyGone = totals.tags.alreadyGone + totals.manifests.alreadyGone;
  if (alreadyGone > 0) lines.push(`${plural(alreadyGone, 'artifact')} had gone already.`);
  for (const warning of summary.warnings) lines.push(`Warning: ${printable(warning)}`);
  lines.push(...problems(summary));
  lines.push(...planInWords(summary));
  if (dryRun) lines.push('DRY RUN: nothing was deleted.');
  return `${lines.join('\n')}\n`;
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

/** Each reason with one example, what goes first. */
function reasons({ totals, examples }: RunSummary): string {
  const rendered = new Table({
    ...PLAIN,
    head: ['WHY', '', '', 'FOR EXAMPLE'],
    colAligns: ['left', 'right', 'left', 'left'],
  });
  const found = Object.values(examples).toSorted(
    (a, b) => Number(a.action === 'keep') - Number(b.action === 'keep') || count(totals, b) - count(totals, a),
  );
  for (const example of found) {
    const goes = example.action === 'delete' ? 'goes' : 'stays';
    const detail = shorten(`${nameOf(example)}: ${example.detail}`);
    rendered.push([
      goes,
      count(totals, example),
      example.reason,
      printable(detail.length > MAX_EXAMPLE ? `${detail.slice(0, MAX_EXAMPLE - 1)}…` : detail),
    ]);
  }
  return found.length === 0 ? '' : rendered.toString().replace(/ +$/gm, '');
}

function count({ reasons: counts }: RunSummary['totals'], { reason }: Decision): number {
  return counts[reason] ?? 0;
}

function touched({ tags, manifests }: RepositorySummary): number {
  const of = (counts: Counts): number => counts.deleted + counts.failed + counts.notAttempted + counts.alreadyGone;
  return of(tags) + of(manifests);
}

function table({ dryRun }: RunSummary, repositories: readonly RepositorySummary[]): string {
  const goes = dryRun ? 'go' : 'deleted';
  const head = ['REPOSITORY', `TAGS ${goes}`, 'stay', `MANIFESTS ${goes}`, 'stay', 'SIZE'];
  const rendered = new Table({ ...PLAIN, head, colAligns: ['left', 'right', 'right', 'right', 'right', 'right'] });
  for (const { repository, state, tags, manifests, bytes } of repositories) {
    const cells =
      state === 'failed'
        ? ['failed', '', '', '', '']
        : [tags.deleted, tags.kept, manifests.deleted, manifests.kept, prettyBytes(bytes)];
    rendered.push([printable(repository), ...cells]);
  }
  return rendered.toString().replace(/ +$/gm, '');
}

function problems({ repositories, totals, failures, stopped: stop }: RunSummary): readonly string[] {
  const lines: string[] = [];
  const failed = repositories.filter(({ state }) => state === 'failed');
  for (const { repository, error } of failed.slice(0, MAX_FAILED)) {
    lines.push(`FAILED: ${printable(`${repository}: ${error?.message ?? ''}`)}${correlation(error?.correlationId)}`);
  }
  if (failed.length > MAX_FAILED) lines.push(`… and ${failed.length - MAX_FAILED} more repositories that failed`);
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
  const notAttempted = totals.tags.notAttempted + totals.manifests.notAttempted;
  if (notAttempted > 0)
    lines.push(`NOT ATTEMPTED: ${plural(notAttempted, 'artifact')}; --output ndjson says why for each.`);
  const more = totals.tags.failed + totals.manifests.failed - failures.length;
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

/** As image tools name it. */
export function nameOf({ repository, kind, tag, digest }: Decision): string {
  return kind === 'tag' ? `${repository}:${tag ?? ''}` : `${repository}@${digest ?? ''}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/y?$/, (y) => (y === '' ? 's' : 'ies'))}`;
}
