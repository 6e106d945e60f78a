import prettyBytes from 'pretty-bytes';
import { cancelledInWords } from '../ledger/cancellation.ts';
import { commandInWords } from '../ledger/command.ts';
import type { LedgerReader } from '../ledger/reader.ts';
import type { Totals } from '../ledger/summary.ts';
import {
  type Activity,
  approvalOf,
  type ChildStatus,
  type EvidenceRecord,
  type ParentStatus,
  type RepositoryRecord,
  type RunProgress,
  type RunRecord,
  type Stop,
} from '../ledger/records.ts';
import { actorOf } from '../ledger/reviews.ts';
import { whyNotResumed } from '../ledger/resumable.ts';
import { printable } from './escape.ts';
import { findingsSentence, findingSourceInWords } from './finding-words.ts';
import { quarantinedIn } from './quarantine-words.ts';
import { renderRestored, restoredWhat } from './restored.ts';
import { PLAIN_STYLE, sentence, type Style } from './style.ts';
import { type Cell, renderFacts, renderTable } from './table.ts';
import { guardsInWords, unknownUse } from './text.ts';
import {
  cellsOf,
  deletedIn,
  findingsColumn,
  quarantineColumn,
  reasonsIn,
  repositoryColumns,
  totalsInWords,
} from './totals.ts';
import { isEvidenceWarning } from './warnings.ts';

/** Runs, a line each; where there are none, the place that was looked at. */
export function renderRuns(runs: readonly RunRecord[], place: string, style: Style = PLAIN_STYLE): string {
  if (runs.length === 0) return `There are no runs in ${printable(place)}.\n`;
  const columns = {
    head: ['RUN', 'KIND', 'STATE', 'REGISTRY', 'TAGS', 'MANIFESTS', 'SIZE', ''],
    inWords: ([, kind, state, registry, tags, manifests, size, note]: readonly Cell[]) =>
      `${kind}, ${state}, ${registry}; ${inCounts(tags, manifests, size)}${note === '' ? '' : ` ${note}`}`,
    right: [4, 5, 6],
    names: [3],
  };
  const rows = runs.map((run): readonly Cell[] => {
    const { id, state, registry, progress, plan } = run;
    const left = state === 'stopped' && progress.of > 0 ? `${progress.done} of ${progress.of} done` : undefined;
    const note = left ?? { waiting: 'waits for approval', applied: 'was applied' }[plan?.state as string];
    return [id, kindOf(run), state, printable(registry), ...numbersOf(run), note ?? verbOf(run)];
  });
  return `${renderTable(style, columns, rows)}\n`;
}

/** Where there are no totals yet, the size column says how many repositories are done. */
function inCounts(tags: Cell = '', manifests: Cell = '', size: Cell = ''): string {
  return tags === '' ? String(size) : `${tags} tags and ${manifests} manifests, ${size}`;
}

function verbOf({ dryRun, breakers, restores, totals, kind }: RunRecord): string {
  if (restores) return dryRun ? 'would be restored' : 'restored';
  if (kind === 'release') return dryRun ? 'would be released' : 'released';
  const isQuarantined = totals !== undefined && quarantinedIn(totals) > 0;
  const verb = !isQuarantined ? 'deleted' : deletedIn(totals) > 0 ? 'deleted or quarantined' : 'quarantined';
  if (!dryRun) return verb;
  return breakers.length > 0 ? 'guards would hold back' : `would be ${verb}`;
}

function numbersOf({ totals, progress, kind }: RunRecord): readonly Cell[] {
  return totals
    ? kind === 'release'
      ? ['', totals.quarantine?.released ?? 0, '']
      : [ofRun(totals.tags), ofRun(totals.manifests), prettyBytes(totals.bytes + (totals.quarantine?.bytes ?? 0))]
    : ['', '', `${progress.done} of ${progress.of}`];
}

function ofRun({ deleted, restored, quarantined = 0 }: Totals['tags']): number {
  return restored ?? deleted + quarantined;
}

/** The runs of several registries that began together, a line for each registry, and their sum. */
export function renderParent(
  { record, state, cancelled, children, totals, progress }: ParentStatus,
  style: Style = PLAIN_STYLE,
): string {
  const facts = renderFacts(style, [
    ['runs', `${record.id}, ${record.registries.length} registries`],
    ['kind', record.kind],
    ['state', state + (state === 'running' ? `, ${progressInWords(progress)}` : '')],
    ...(cancelled ? [['cancelled', printable(cancelledInWords(cancelled))] as const] : []),
    ['started', `${record.started} by ${startedInWords(record)}`],
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
  const isDry = children.every(({ run }) => run?.dryRun ?? true);
  const findings = findingsSentence(totals.findings, isDry);
  const notes = [...(findings === undefined ? [] : [findings]), ...children.flatMap(problemOf)];
  const lines = notes.map((line) => sentence(style, line));
  return `${[facts, '', renderTable(style, columns, [...rows, sum]), ...lines].join('\n')}\n`;
}

function problemOf({ registry, run, error, notBegun }: ChildStatus): readonly string[] {
  const why = run ? (run.stopped?.detail ?? run.error?.message) : error?.message;
  const isStop = run ? run.stopped !== undefined : notBegun !== undefined;
  return why === undefined ? [] : [printable(`${isStop ? 'STOPPED' : 'FAILED'}: ${registry}: ${why}`)];
}

/** The kind of a run, and whether the schedule only looked. */
export function kindOf({ kind, dryRun }: RunRecord): string {
  return kind === 'scheduled' && dryRun ? 'scheduled (dry)' : kind;
}

/** Whether something is left that the run may still do. */
export function isUnfinished({ state, progress }: RunRecord): boolean {
  return state === 'running' || ((state === 'stopped' || state === 'interrupted') && progress.of > 0);
}

/** How many repositories are done. */
function progressInWords({ done, of, planned }: RunProgress): string {
  const left = `${of - done} left${planned === undefined ? '' : `, ${planned} of these planned`}`;
  return `${done} of ${of} repositories done, ${left}`;
}

/** What is done in a repository that is under way. */
function workInWords({ repository, listed, read, deleted }: Activity): string {
  return `${repository}: ${listed} tags and manifests listed, ${read} manifests read, ${deleted} deletions`;
}

/** Who started or resumed a run, as records have it. */
export interface Started {
  readonly startedBy: string;
  readonly by?: string;
}

/** The account on the command line; of a function the id of its invocation. */
export function starterOf({ startedBy, by }: Started): readonly ['Account' | 'Invocation', string] | undefined {
  return by === undefined ? undefined : [startedBy === 'command line' ? 'Account' : 'Invocation', by];
}

/** `Ada Lovelace`, `jane on build-7`, `the schedule`: a person or a machine, never an invocation. */
function startedInWords(started: Parameters<typeof actorOf>[0]): string {
  return printable(actorOf(started).name);
}

/** What resumes a stopped run now: a command, the next scheduled run as well, or nothing any more. */
export type Resumer =
  { readonly by: 'command' } | { readonly by: 'schedule' } | { readonly by: 'nothing'; readonly why: string };

/** What resumes a run as things are now; `undefined` where it was not stopped. What its record says was so when it stopped. */
export async function resumerOf(ledger: LedgerReader, run: RunRecord, now: Date): Promise<Resumer | undefined> {
  const { id, state, kind, registry, cancelled, stopped } = run;
  if (state !== 'stopped' && state !== 'interrupted') return undefined;
  const why = whyNotResumed(run, now) ?? (await whyPlanIsOver(ledger, run));
  if (why !== undefined) return { by: 'nothing', why };
  // The schedule resumes only the last of its own runs, and only while the settings are the same.
  if (kind !== 'scheduled' || cancelled || stopped?.by === 'settings') return { by: 'command' };
  for await (const last of ledger.runs({ registry, kinds: ['scheduled'] }))
    return { by: last.id === id ? 'schedule' : 'command' };
  return { by: 'command' };
}

/** Why the plan that a run carries out is no longer that run's to carry out. */
async function whyPlanIsOver(ledger: LedgerReader, { id, applies }: RunRecord): Promise<string | undefined> {
  const { plan } = (applies === undefined ? undefined : await ledger.run(applies)) ?? {};
  if (plan?.state === 'rejected') return `the plan ${applies ?? ''} was rejected`;
  return plan && plan.appliedBy !== id
    ? `the plan ${applies ?? ''} is carried out by the run ${plan.appliedBy ?? 'none'} since`
    : undefined;
}

/** Why a run was stopped, without what was going to resume it at that time, which the record says last. */
export function whyStopped({ detail }: Stop): string {
  return detail.replace(/; [^;]*\bacr-retention resume .*$/, '');
}

function stoppedInWords(run: RunRecord, resumer: Resumer | undefined): readonly string[] {
  const { state, stopped } = run;
  const why = stopped
    ? `STOPPED: ${whyStopped(stopped)}`
    : state === 'interrupted'
      ? 'INTERRUPTED: its process ended before it was done'
      : undefined;
  if (why === undefined) return [];
  if (resumer?.by === 'nothing') return [why, `It cannot be resumed: ${resumer.why}.`];
  if (!resumer) return [why];
  const next = resumer.by === 'schedule' ? 'The next scheduled run resumes it, as does' : 'To resume it:';
  return [why, `${next} ${commandInWords('resume', run)}`];
}

/** `kube prod: 12 images, all namespaces, as of 2026-11-24T01:00:00Z` */
function evidenceInWords({ source, images, scope, observedAt, complete }: EvidenceRecord): string {
  return `${source}: ${images} images, ${scope}, as of ${observedAt}${complete ? '' : '; not read completely'}`;
}

/** Repositories that a run lists on a terminal: those in which most happens. */
const MAX_ROWS = 40;

/** A run: who, when, by which rule, with what result, and what to do with its plan. */
export function renderRun(
  run: RunRecord,
  repositories: readonly RepositoryRecord[],
  style: Style = PLAIN_STYLE,
  resumer?: Resumer,
): string {
  const { id, state, registry, policy, toolVersion, started, ended, progress, totals, plan, resumed = [] } = run;
  const working = state === 'running' ? (progress.working ?? []) : [];
  const facts = renderFacts(style, [
    ['run', id],
    ['kind', kindOf(run) + (run.applies === undefined ? '' : ` of the plan ${run.applies}`)],
    ['state', state + (isUnfinished(run) ? `, ${progressInWords(progress)}` : '')],
    ...working.map((one) => ['working', printable(workInWords(one))] as const),
    ...(run.cancelled ? [['cancelled', printable(cancelledInWords(run.cancelled))] as const] : []),
    ['registry', printable(registry)],
    ...(run.parent === undefined ? [] : [['together', `with those of other registries: ${run.parent}`] as const]),
    ['started', `${started} by ${startedInWords(run)}, version ${toolVersion}`],
    ...resumed.map((one) => ['resumed', `${one.at} by ${startedInWords(one)}`] as const),
    ...(ended === undefined ? [] : [['ended', ended] as const]),
    ...policy.commands.map(({ given }) => ['purge', printable(given)] as const),
    ...(run.restores ? [['restores', printable(restoredWhat(run.restores))] as const] : []),
    ...(run.evidence ?? []).map((one) => ['in use', printable(evidenceInWords(one))] as const),
    ...(run.findings ?? []).map((one) => ['findings', printable(findingSourceInWords(one))] as const),
  ]);
  const lines = [...unknownUse(run, style), facts, ...policyFilesIn(policy)];
  const busy = repositories
    .map(({ summary }) => summary)
    .filter((one) => one.state !== 'done' || deletedIn(one) + quarantinedIn(one) > 0)
    .toSorted((a, b) => deletedIn(b) + quarantinedIn(b) - deletedIn(a) - quarantinedIn(a));
  if (busy.length > 0 && !run.restores) {
    // A state that all have in common says nothing, and takes the place of names.
    const { head, cell } = quarantineColumn(busy);
    const findings = findingsColumn(busy, run.dryRun);
    const withState = busy.every(({ state: of }) => of === 'done') ? [] : ['STATE'];
    const rows = busy
      .slice(0, MAX_ROWS)
      .map((one) => [
        printable(one.repository),
        ...(withState.length > 0 ? [one.state] : []),
        ...cell(one),
        ...cellsOf(one),
        ...findings.cell(one),
      ]);
    lines.push('', renderTable(style, repositoryColumns(run.dryRun, [...withState, ...head], findings.head), rows));
    if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
  }
  if (totals) {
    const reasons = reasonsIn(totals).map(({ action, count, reason }) => [action, count, reason]);
    lines.push('', renderTable(style, { head: ['WHY', '', ''], right: [1] }, reasons), '');
    const sums = run.restores
      ? renderRestored({ ...run, repositories: repositories.map(({ summary }) => summary), totals }, style)
      : totalsInWords(totals, run.dryRun).map((line) => sentence(style, line));
    for (const line of sums) lines.push(line);
  }
  const notes = [
    ...run.warnings.filter((one) => !isEvidenceWarning(one)).map((warning) => `Warning: ${printable(warning)}`),
    ...guardsInWords(run.breakers, run.dryRun && plan?.state !== 'waiting'),
    ...busy.flatMap(({ repository, error }) => (error ? [printable(`${repository}: ${error.message}`)] : [])),
    ...stoppedInWords(run, resumer).map(printable),
    ...(run.error ? [`FAILED: ${printable(run.error.message)}`] : []),
    ...planInWords(run),
  ];
  return `${[...lines, ...notes.map((line) => sentence(style, line))].join('\n')}\n`;
}

/** Lines of a policy file that are shown on a terminal. */
const MOST_LINES = 200;

/** The text of the policy file that a run is by, as it was when the run began. */
function policyFilesIn({ commands }: RunRecord['policy']): readonly string[] {
  return commands.flatMap(({ file }) => {
    if (file === undefined) return [];
    const all = file.trimEnd().split(/\r?\n/);
    const more = all.length - MOST_LINES;
    const shown = all.slice(0, MOST_LINES).map((line) => (line === '' ? '' : `    ${printable(line)}`));
    return ['', 'The policy file:', ...shown, ...(more > 0 ? [`    … and ${more} more lines`] : [])];
  });
}

function planInWords(run: RunRecord): readonly string[] {
  const { breakers, plan } = run;
  if (!plan) return [];
  const { state, deletions, appliedBy } = plan;
  if (state === 'applied') return ['', `Its plan was applied by the run ${appliedBy ?? ''}.`];
  const approval = state === 'waiting' || breakers.length > 0 ? approvalOf(plan) : undefined;
  const command = printable(commandInWords('apply', run, approval));
  const waits = state === 'waiting' ? 'wait for approval' : 'would be deleted';
  return ['', `${deletions} artifacts ${waits}. To delete exactly these: ${command}`];
}
