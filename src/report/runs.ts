import prettyBytes from 'pretty-bytes';
import type { Difference } from '../ledger/plan-diff.ts';
import type { Sighting } from '../ledger/reader.ts';
import {
  type Activity,
  approvalOf,
  cancelledInWords,
  type ChildStatus,
  type ParentStatus,
  type PlanRecord,
  type RepositoryRecord,
  type RunProgress,
  type RunRecord,
} from '../ledger/records.ts';
import { printable } from './escape.ts';
import { guardsInWords } from './guards.ts';
import { PLAIN_STYLE, sentence, type Style } from './style.ts';
import { type Cell, renderFacts, renderTable } from './table.ts';
import { cellsOf, nameOf, renderDecision, repositoryColumns, totalsInWords } from './text.ts';
import { byWhom } from './who.ts';

/** Runs, a line each. */
export function renderRuns(runs: readonly RunRecord[], style: Style = PLAIN_STYLE): string {
  if (runs.length === 0) return 'There are no runs.\n';
  const columns = {
    head: ['RUN', 'KIND', 'STATE', 'REGISTRY', 'TAGS', 'MANIFESTS', 'SIZE', ''],
    inWords: ([, kind, state, registry, tags, manifests, size, note]: readonly Cell[]) =>
      `${kind}, ${state}, ${registry}; ${inCounts(tags, manifests, size)}${note === '' ? '' : ` ${note}`}`,
    right: [4, 5, 6],
  };
  const rows = runs.map((run): readonly Cell[] => {
    const { id, state, registry, progress, plan } = run;
    const left = state === 'stopped' && progress.of > 0 ? `${progress.done} of ${progress.of} done` : undefined;
    const note = left ?? { waiting: 'waits for approval', applied: 'was carried out' }[plan?.state as string];
    return [id, kindOf(run), state, printable(registry), ...numbersOf(run), note ?? doneBy(run)];
  });
  return `${renderTable(style, columns, rows)}\n`;
}

/** Where there are no totals yet, the size says how far it is. */
function inCounts(tags: Cell = '', manifests: Cell = '', size: Cell = ''): string {
  return tags === '' ? String(size) : `${tags} tags and ${manifests} manifests, ${size}`;
}

function doneBy({ dryRun, breakers }: RunRecord): string {
  if (!dryRun) return 'deleted';
  return breakers.length > 0 ? 'guards would hold back' : 'would be deleted';
}

function numbersOf({ totals, progress }: RunRecord): readonly (string | number)[] {
  return totals
    ? [totals.tags.deleted, totals.manifests.deleted, prettyBytes(totals.bytes)]
    : ['', '', `${progress.done} of ${progress.of}`];
}

/** The runs of several registries that began together, a line for each registry, and what they come to. */
export function renderParent(
  { record, state, cancelled, children, totals, progress }: ParentStatus,
  style: Style = PLAIN_STYLE,
): string {
  const facts = renderFacts(style, [
    ['runs', `${record.id}, ${record.registries.length} registries`],
    ['kind', record.kind],
    ['state', state + (state === 'running' ? `, ${progressInWords(progress)}` : '')],
    ...(cancelled ? [['cancelled', printable(cancelledInWords(cancelled))] as const] : []),
    ['started', `${record.started} by ${printable(record.startedBy)}${printable(byWhom(record))}`],
  ]);
  const columns = {
    head: ['REGISTRY', 'STATE', 'RUN', 'TAGS', 'MANIFESTS', 'SIZE'],
    inWords: ([, state, run, tags, manifests, size]: readonly Cell[]) =>
      [state, run, inCounts(tags, manifests, size)].filter((one) => one !== '').join('; '),
    right: [3, 4, 5],
  };
  const rows = children.map(({ registry, state: of, run }): readonly Cell[] => [
    printable(registry),
    of,
    run?.id ?? '',
    ...(run ? numbersOf(run) : ['', '', '']),
  ]);
  const sum = ['together', '', '', totals.tags.deleted, totals.manifests.deleted, prettyBytes(totals.bytes)];
  const problems = children.flatMap(problemOf).map((line) => sentence(style, line));
  return `${[facts, '', renderTable(style, columns, [...rows, sum]), ...problems].join('\n')}\n`;
}

function problemOf({ registry, run, error, notBegun }: ChildStatus): readonly string[] {
  const why = run ? (run.stopped?.detail ?? run.error?.message) : error?.message;
  const isStop = run ? run.stopped !== undefined : notBegun !== undefined;
  return why === undefined ? [] : [printable(`${isStop ? 'STOPPED' : 'FAILED'}: ${registry}: ${why}`)];
}

function kindOf({ kind, dryRun }: RunRecord): string {
  return kind === 'scheduled' && dryRun ? 'scheduled (dry)' : kind;
}

/** Whether there is something left that a run could still do. */
function isUnfinished({ state, progress }: Pick<RunRecord, 'state' | 'progress'>): boolean {
  return state === 'running' || ((state === 'stopped' || state === 'interrupted') && progress.of > 0);
}

/** How far a run is. */
function progressInWords({ done, of, planned }: RunProgress): string {
  const left = `${of - done} left${planned === undefined ? '' : `, ${planned} of these planned`}`;
  return `${done} of ${of} repositories done, ${left}`;
}

/** What is done in a repository. */
function workInWords({ repository, listed, read, deleted }: Activity): string {
  return `${repository}: ${listed} tags and manifests listed, ${read} manifests read, ${deleted} deletions`;
}

/** Repositories that a run lists on a terminal: those in which most happens. */
const MAX_ROWS = 40;

/** A run: who, when, by which rule, what became of it, and what to do with its plan. */
export function renderRun(
  run: RunRecord,
  repositories: readonly RepositoryRecord[],
  style: Style = PLAIN_STYLE,
): string {
  const { id, state, startedBy, registry, policy, toolVersion, started, ended, progress, totals, plan } = run;
  const working = state === 'running' ? (progress.working ?? []) : [];
  const facts = renderFacts(style, [
    ['run', id],
    ['kind', kindOf(run) + (run.applies === undefined ? '' : ` of the plan ${run.applies}`)],
    ['state', state + (isUnfinished(run) ? `, ${progressInWords(progress)}` : '')],
    ...working.map((one) => ['working', printable(workInWords(one))] as const),
    ...(run.cancelled ? [['cancelled', printable(cancelledInWords(run.cancelled))] as const] : []),
    ['registry', printable(registry)],
    ...(run.parent === undefined ? [] : [['together', `with those of other registries: ${run.parent}`] as const]),
    ['started', `${started} by ${startedBy}${printable(byWhom(run))}, version ${toolVersion}`],
    ...(run.resumed ?? []).map((one) => ['went on', `${one.at} by ${one.startedBy}${printable(byWhom(one))}`] as const),
    ['ended', ended ?? ''],
    ...policy.commands.map(({ given }) => ['purge', printable(given)] as const),
  ]);
  const lines = [facts];
  const busy = repositories
    .map(({ summary }) => summary)
    .filter((one) => one.state !== 'done' || one.tags.deleted + one.manifests.deleted > 0)
    .toSorted((a, b) => b.tags.deleted + b.manifests.deleted - a.tags.deleted - a.manifests.deleted);
  if (busy.length > 0) {
    const rows = busy.slice(0, MAX_ROWS).map((one) => [printable(one.repository), one.state, ...cellsOf(one)]);
    lines.push('', renderTable(style, repositoryColumns(run.dryRun ? 'delete' : 'deleted', ['STATE']), rows));
    if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
  }
  if (totals) {
    const reasons = renderTable(style, { head: ['WHY', ''], right: [1] }, Object.entries(totals.reasons));
    lines.push('', reasons, '');
    for (const line of totalsInWords({ totals }, run.dryRun)) lines.push(sentence(style, line));
  }
  const notes: string[] = run.warnings.map((warning) => `Warning: ${printable(warning)}`);
  for (const one of guardsInWords(run.breakers, run.dryRun && plan?.state !== 'waiting')) notes.push(one);
  for (const { repository, error } of busy) if (error) notes.push(printable(`${repository}: ${error.message}`));
  if (run.stopped) notes.push(`STOPPED: ${printable(run.stopped.detail)}`);
  else if (state === 'interrupted')
    notes.push(`INTERRUPTED: its process ended before it was done; to go on: acr-retention resume ${id}`);
  if (run.error) notes.push(`FAILED: ${printable(run.error.message)}`);
  if (plan) notes.push('', planInWords(run, plan));
  return `${[...lines, ...notes.map((line) => sentence(style, line))].join('\n')}\n`;
}

function planInWords({ id, breakers }: RunRecord, plan: PlanRecord): string {
  const { state, deletions, appliedBy } = plan;
  if (state === 'applied') return `Its plan was carried out by the run ${appliedBy ?? ''}.`;
  const approve = state === 'waiting' || breakers.length > 0 ? ` --approve ${approvalOf(plan)}` : '';
  const waits = state === 'waiting' ? 'wait for approval' : 'would be deleted';
  return `${deletions} artifacts ${waits}. To delete exactly these: acr-retention apply ${id}${approve}`;
}

/** One sighting of an artifact, a line or two. */
export function renderSighting({ run, decision }: Sighting): string {
  const rule = run.policy.commands.map(({ given }) => given).join(' && ');
  return `${run.id}  ${kindOf(run)}, ${run.state}; purge ${printable(rule)}\n${renderDecision(decision)}\n`;
}

/** One difference between two plans, a line. */
export function renderDifference({ change, goes, other }: Difference): string {
  const mark = change === 'added' ? '+' : '-';
  const elsewhere =
    other === undefined
      ? 'not there, or not selected'
      : `${other.action === 'keep' ? 'kept' : 'deleted'}, ${other.reason}: ${other.detail}`;
  const otherRun = change === 'added' ? 'before' : 'now';
  return `${printable(`${mark} ${nameOf(goes)}  ${goes.reason}; ${otherRun}: ${elsewhere}`)}\n`;
}
