import Table from 'cli-table3';
import prettyBytes from 'pretty-bytes';
import type { Difference } from '../ledger/diff.ts';
import type { Sighting } from '../ledger/query.ts';
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
} from '../ledger/types.ts';
import { printable } from './escape.ts';
import { guardsInWords } from './guards.ts';
import { PLAIN } from './table.ts';
import { nameOf, renderDecision } from './text.ts';
import { byWhom } from './who.ts';

/** Runs, a line each. */
export function renderRuns(runs: readonly RunRecord[]): string {
  if (runs.length === 0) return 'There are no runs.\n';
  const table = new Table({
    ...PLAIN,
    head: ['RUN', 'KIND', 'STATE', 'REGISTRY', 'TAGS', 'MANIFESTS', 'SIZE', ''],
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'left'],
  });
  for (const run of runs) {
    const { id, state, registry, progress, plan } = run;
    const left = state === 'stopped' && progress.of > 0 ? `${progress.done} of ${progress.of} done` : undefined;
    const note = left ?? { waiting: 'waits for approval', applied: 'was carried out' }[plan?.state as string];
    table.push([id, kindOf(run), state, printable(registry), ...numbersOf(run), note ?? doneBy(run)]);
  }
  return `${trimmed(table)}\n`;
}

function doneBy({ dryRun, breakers }: RunRecord): string {
  if (!dryRun) return 'deleted';
  return breakers.length > 0 ? 'guards would hold back' : 'would go';
}

function numbersOf({ totals, progress }: RunRecord): readonly (string | number)[] {
  return totals
    ? [totals.tags.deleted, totals.manifests.deleted, prettyBytes(totals.bytes)]
    : ['', '', `${progress.done} of ${progress.of}`];
}

/** The runs of several registries that began together, a line for each registry, and what they come to. */
export function renderParent({ record, state, cancelled, children, totals, progress }: ParentStatus): string {
  const facts = new Table({ ...PLAIN });
  facts.push(
    ['runs', `${record.id}, ${record.registries.length} registries`],
    ['kind', record.kind],
    ['state', state + (state === 'running' ? `, ${progressInWords(progress)}` : '')],
    ...(cancelled ? [['cancelled', printable(cancelledInWords(cancelled))]] : []),
    ['started', `${record.started} by ${printable(record.startedBy)}${printable(byWhom(record))}`],
  );
  const table = new Table({
    ...PLAIN,
    head: ['REGISTRY', 'STATE', 'RUN', 'TAGS', 'MANIFESTS', 'SIZE'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right'],
  });
  for (const { registry, state: of, run } of children)
    table.push([printable(registry), of, run?.id ?? '', ...(run ? numbersOf(run) : ['', '', ''])]);
  table.push(['together', '', '', totals.tags.deleted, totals.manifests.deleted, prettyBytes(totals.bytes)]);
  return `${[trimmed(facts), '', trimmed(table), ...children.flatMap(problemOf)].join('\n')}\n`;
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
export function isUnfinished({ state, progress }: Pick<RunRecord, 'state' | 'progress'>): boolean {
  return state === 'running' || ((state === 'stopped' || state === 'interrupted') && progress.of > 0);
}

/** How far a run is. */
export function progressInWords({ done, of, planned }: RunProgress): string {
  const left = `${of - done} left${planned === undefined ? '' : `, ${planned} of these planned`}`;
  return `${done} of ${of} repositories done, ${left}`;
}

/** What is done in a repository. */
export function workInWords({ repository, listed, read, deleted }: Activity): string {
  return `${repository}: ${listed} tags and manifests listed, ${read} manifests read, ${deleted} deletions`;
}

/** Repositories that a run lists on a terminal: those in which most happens. */
const MAX_ROWS = 40;

/** A run: who, when, by which rule, what became of it, and what to do with its plan. */
export function renderRun(run: RunRecord, repositories: readonly RepositoryRecord[]): string {
  const { id, state, startedBy, registry, policy, toolVersion, started, ended, progress, totals, plan } = run;
  const facts = new Table({ ...PLAIN });
  facts.push(
    ['run', id],
    ['kind', kindOf(run) + (run.applies === undefined ? '' : ` of the plan ${run.applies}`)],
    ['state', state + (isUnfinished(run) ? `, ${progressInWords(progress)}` : '')],
    ...(state === 'running' ? (progress.working ?? []).map((one) => ['working', printable(workInWords(one))]) : []),
    ...(run.cancelled ? [['cancelled', printable(cancelledInWords(run.cancelled))]] : []),
    ['registry', printable(registry)],
    ...(run.parent === undefined ? [] : [['together', `with those of other registries: ${run.parent}`]]),
    ['started', `${started} by ${startedBy}${printable(byWhom(run))}, version ${toolVersion}`],
    ...(run.resumed ?? []).map((one) => ['went on', `${one.at} by ${one.startedBy}${printable(byWhom(one))}`]),
    ['ended', ended ?? ''],
    ...policy.commands.map(({ given }) => ['purge', printable(given)]),
  );
  const lines = [trimmed(facts)];
  const busy = repositories
    .map(({ summary }) => summary)
    .filter((one) => one.state !== 'done' || one.tags.deleted + one.manifests.deleted > 0)
    .toSorted((a, b) => b.tags.deleted + b.manifests.deleted - a.tags.deleted - a.manifests.deleted);
  if (busy.length > 0) {
    const goes = run.dryRun ? 'go' : 'deleted';
    const table = new Table({
      ...PLAIN,
      head: ['REPOSITORY', 'STATE', `TAGS ${goes}`, 'stay', `MANIFESTS ${goes}`, 'stay', 'SIZE'],
      colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    });
    for (const one of busy.slice(0, MAX_ROWS))
      table.push([
        printable(one.repository),
        one.state,
        one.tags.deleted,
        one.tags.kept,
        one.manifests.deleted,
        one.manifests.kept,
        prettyBytes(one.bytes),
      ]);
    lines.push('', trimmed(table));
    if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
  }
  if (totals) {
    const reasons = new Table({ ...PLAIN, head: ['WHY', ''], colAligns: ['left', 'right'] });
    for (const [reason, count] of Object.entries(totals.reasons)) reasons.push([reason, count]);
    const verb = run.dryRun ? 'would go' : 'deleted';
    lines.push(
      '',
      trimmed(reasons),
      '',
      `${totals.tags.deleted} tags and ${totals.manifests.deleted} manifests ${verb}, at most ${prettyBytes(totals.bytes)}; ` +
        `${totals.tags.kept} tags and ${totals.manifests.kept} manifests stay.`,
    );
  }
  for (const warning of run.warnings) lines.push(`Warning: ${printable(warning)}`);
  lines.push(...guardsInWords(run.breakers, run.dryRun && plan?.state !== 'waiting'));
  for (const { repository, error } of busy) if (error) lines.push(printable(`${repository}: ${error.message}`));
  if (run.stopped) lines.push(`STOPPED: ${printable(run.stopped.detail)}`);
  else if (state === 'interrupted')
    lines.push(`INTERRUPTED: its process ended before it was done; to go on: acr-retention resume ${id}`);
  if (run.error) lines.push(`FAILED: ${printable(run.error.message)}`);
  if (plan) lines.push('', planInWords(run, plan));
  return `${lines.join('\n')}\n`;
}

function planInWords({ id, breakers }: RunRecord, plan: PlanRecord): string {
  const { state, deletions, appliedBy } = plan;
  if (state === 'applied') return `Its plan was carried out by the run ${appliedBy ?? ''}.`;
  const approve = state === 'waiting' || breakers.length > 0 ? ` --approve ${approvalOf(plan)}` : '';
  const waits = state === 'waiting' ? 'wait for approval' : 'would go';
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
      : `${other.action === 'keep' ? 'stays' : 'goes'}, ${other.reason}: ${other.detail}`;
  const otherRun = change === 'added' ? 'before' : 'now';
  return `${printable(`${mark} ${nameOf(goes)}  ${goes.reason}; ${otherRun}: ${elsewhere}`)}\n`;
}

function trimmed(table: InstanceType<typeof Table>): string {
  return table.toString().replace(/ +$/gm, '');
}
