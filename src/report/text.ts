import { commandInWords } from '../ledger/command.ts';
import { approvalOf } from '../ledger/records.ts';
import { outcomeOf } from '../ledger/counters.ts';
import { hasFailed, nameOf, type RepositorySummary, type RunSummary } from '../ledger/summary.ts';
import {
  type Decision,
  errorOf,
  GUARD_NAMES,
  type Hold,
  holdInWords,
  type Outcome,
  type Release,
} from '../planner/decision.ts';
import { type RestoreOutcome } from '../planner/restore.ts';
import { archiveInWords } from './archive-words.ts';
import { printable } from './escape.ts';
import { findingsOfDecision } from './finding-words.ts';
import { quarantinedIn, quarantineOfDecision } from './quarantine-words.ts';
import { renderRestored } from './restored.ts';
import { storageInWords } from './storage-words.ts';
import { labelled, paint, PLAIN_STYLE, sentence, type Style, wrapped } from './style.ts';
import { renderTable } from './table.ts';
import { plural } from './page/format.ts';
import {
  cellsOf,
  deletedIn,
  findingsColumn,
  notAttemptedIn,
  quarantineColumn,
  repositoryColumns,
  totalsInWords,
} from './totals.ts';
import { undoInWords } from './undo.ts';
import { isEvidenceWarning } from './warnings.ts';

/** Repositories that a summary lists: those in which most happens. */
const MAX_ROWS = 40;

/** Failures of repositories that it names. */
const MAX_FAILED = 20;

/** Guards that it names. */
const MAX_HOLDS = 20;

/** A run, as a person reads it in ten seconds: what is deleted where, what is kept and why, what went wrong. */
export function renderSummary(summary: RunSummary, style: Style = PLAIN_STYLE): string {
  const { dryRun, repositories, totals, warnings, restores } = summary;
  const archived = archiveInWords(summary);
  const lines = [...unknownUse(summary, style), ...(restores ? renderRestored(summary, style) : [])];
  const busy = (restores ? [] : repositories)
    .filter((one) => one.state === 'failed' || touchedIn(one) > 0)
    .toSorted((a, b) => touchedIn(b) - touchedIn(a));
  if (busy.length > 0) {
    const { head, cell } = quarantineColumn(busy);
    const findings = findingsColumn(busy, dryRun);
    const rows = busy
      .slice(0, MAX_ROWS)
      .map((one) => [printable(one.repository), ...cell(one), ...cellsOf(one), ...findings.cell(one)]);
    lines.push(renderTable(style, repositoryColumns(dryRun, head, findings.head), rows));
    if (busy.length > MAX_ROWS) lines.push(`… and ${busy.length - MAX_ROWS} more repositories`);
    lines.push('');
  }
  const why = reasons(summary, style);
  if (why !== '') lines.push(why, '');
  if (!restores) for (const text of totalsInWords(totals, dryRun)) lines.push(sentence(style, text));
  if (!restores && deletedIn(totals) > 0)
    lines.push(sentence(style, printable(undoInWords({ ...summary, id: summary.runId }))));
  for (const text of restores ? [] : storageInWords(summary)) lines.push(sentence(style, printable(text)));
  if (archived !== undefined) lines.push(sentence(style, printable(archived)));
  const alreadyGone = totals.tags.alreadyGone + totals.manifests.alreadyGone;
  if (alreadyGone > 0)
    lines.push(`${plural(alreadyGone, 'artifact')} ${alreadyGone === 1 ? 'was' : 'were'} already deleted.`);
  for (const warning of warnings.filter((one) => !isEvidenceWarning(one)))
    lines.push(labelled(style, 'yellow', 'Warning:', printable(warning)));
  for (const line of [...problems(summary), ...planInWords(summary)]) lines.push(problemLine(line, style));
  if (dryRun) lines.push(paint(style, 'bold', `DRY RUN: nothing was ${notDone(summary)}.`));
  return `${lines.join('\n')}\n`;
}

/** On top, for it explains all that follows: what is in use could not be found out, and what to do. */
export function unknownUse(
  { warnings, registry }: Pick<RunSummary, 'warnings' | 'registry'>,
  style: Style,
): readonly string[] {
  const unknown = warnings.filter(isEvidenceWarning);
  if (unknown.length === 0) return [];
  const lines = unknown.map((warning) => labelled(style, 'red', 'FAILED:', printable(warning)));
  return [
    ...lines,
    sentence(style, printable(`To see what a source may not read: acr-retention in-use -r ${registry}`)),
    '',
  ];
}

/** What a dry run has not done. */
function notDone({ restores, totals }: RunSummary): string {
  if (restores) return 'restored';
  const { until, released = 0 } = totals.quarantine ?? {};
  if (until !== undefined) return 'deleted or made unreadable';
  return released > 0 && deletedIn(totals) === 0 ? 'released' : 'deleted';
}

function problemLine(line: string, style: Style): string {
  const [label] = /^[A-Z][A-Z -]+:/.exec(line) ?? [];
  if (label === undefined) return sentence(style, line);
  return labelled(style, label.includes('HELD BACK') ? 'yellow' : 'red', label, line.slice(label.length + 1));
}

function touchedIn(one: RepositorySummary): number {
  const { tags, manifests } = one;
  const others = tags.failed + tags.alreadyGone + manifests.failed + manifests.alreadyGone;
  return deletedIn(one) + quarantinedIn(one) + notAttemptedIn(one) + others;
}

/** What guards hold back, or in a dry run would hold back, a line each. */
export function guardsInWords(holds: readonly Hold[], isDry: boolean): readonly string[] {
  const lines = holds.slice(0, MAX_HOLDS).map((hold) => {
    const what = printable(`${hold.repository === undefined ? 'everything: ' : ''}${holdInWords(hold)}`);
    return `${isDry ? 'WOULD BE HELD BACK' : 'HELD BACK'}: ${what} (guard ${GUARD_NAMES[hold.breaker]})`;
  });
  const more = holds.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more; --output json, and the log, name each`] : lines;
}

/** What guards hold back, and how to delete it all the same. */
function planInWords({
  dryRun,
  breakers,
  plan,
  repositories,
  evidence,
  findings,
  archive,
  totals,
}: RunSummary): readonly string[] {
  const lines = [...guardsInWords(breakers, dryRun)];
  if (dryRun && breakers.length > 0) {
    const isAll = breakers.some(({ repository }) => repository === undefined);
    const names = new Set(breakers.map(({ repository }) => repository));
    const deletions = (some: readonly RepositorySummary[]): number =>
      some.reduce((sum, one) => sum + deletedIn(one), 0);
    const held = deletions(repositories.filter(({ repository }) => isAll || names.has(repository)));
    const all = plural(deletions(repositories), 'deletion');
    lines.push(`A purge with these guards would hold back ${held} of ${all} until they are approved.`);
  }
  if (!plan) return lines;
  const apply = (approval?: string) =>
    printable(commandInWords('apply', { id: plan.id, evidence, findings, archive }, approval));
  const act = totals.quarantine?.until === undefined ? 'delete' : 'carry out';
  if (dryRun && breakers.length === 0) return [...lines, `To ${act} exactly this: ${apply()}`];
  const what = dryRun ? 'this, whatever guards say' : 'what was held back';
  return [...lines, `To ${act} exactly ${what}: ${apply(approvalOf(plan))}`];
}

/** Columns that an example needs beside its reason; where there are fewer, it stands below. */
const NARROWEST_EXAMPLE = 30;

/** Each reason with one example, what is deleted first. */
function reasons({ totals, examples }: RunSummary, style: Style): string {
  const countOf = ({ reason }: Decision): number => totals.reasons[reason] ?? 0;
  const found = Object.values(examples).toSorted(
    (a, b) => Number(a.action === 'keep') - Number(b.action === 'keep') || countOf(b) - countOf(a),
  );
  if (found.length === 0) return '';
  const widthOf = (texts: readonly string[]): number =>
    texts.reduce((widest, { length }) => Math.max(widest, length), 0);
  const counts = widthOf(found.map((example) => String(countOf(example))));
  const names = widthOf(found.map(({ reason }) => reason));
  const actions = Math.max('delete'.length, widthOf(found.map(({ action }) => action)));
  const before = actions + counts + names + 6;
  const details = found.map((example) =>
    printable(
      shortDigests(`${nameOf(example)}${ruleInWords(example)}: ${example.detail}${quarantineOfDecision(example)}`),
    ),
  );
  const longest = widthOf(details.flatMap((detail) => detail.split(' ')));
  const isBeside = !style.wraps || style.width - before >= Math.max(NARROWEST_EXAMPLE, longest);
  const indent = isBeside ? before : 4;
  const lines = found.flatMap((example, index) => {
    const { action, reason } = example;
    const start = `${action.padEnd(actions)}  ${String(countOf(example)).padStart(counts)}  ${reason.padEnd(names)}`;
    const colored = start.replace(action, paint(style, action === 'delete' ? 'red' : 'green', action));
    const [first = '', ...others] = wrapped(details[index] ?? '', style.width - indent);
    const below = (isBeside ? others : [first, ...others]).map((line) => ' '.repeat(indent) + line);
    return [isBeside ? `${colored}  ${first}` : colored.trimEnd(), ...below];
  });
  const head = isBeside ? `${'WHY'.padEnd(before)}FOR EXAMPLE` : 'WHY, FOR EXAMPLE';
  return [paint(style, 'bold', head), ...lines].join('\n');
}

function problems({ repositories, totals, failures, stopped: stop, restores }: RunSummary): readonly string[] {
  const lines: string[] = [];
  // An error that many repositories share is said once.
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
    if (failure.action === 'keep') {
      if (failure.release)
        lines.push(`NOT RELEASED: ${printable(`${nameOf(failure)}: ${failure.release.error?.message ?? ''}`)}`);
      continue;
    }
    // What there is no copy of has not failed: its detail says what is known of it.
    const why = failure.error?.message ?? (failure.outcome === 'impossible' ? failure.detail : undefined);
    lines.push(
      `${failure.outcome.toUpperCase()}: ${printable(`${nameOf(failure)}${why === undefined ? '' : `: ${why}`}`)}${correlation(failure.error?.correlationId)}`,
    );
  }
  // Where a right is missing, a warning says so once.
  const missing = Object.values(totals.missing ?? {});
  const shown = new Set(failures.flatMap((one) => errorOf(one)?.missing ?? [])).size;
  const refused = missing.reduce((sum, one) => sum + one.refused, 0) - shown;
  // What is held back is said with the guard that holds it.
  const notAttempted =
    repositories.reduce((sum, one) => sum + (one.state === 'held' ? 0 : notAttemptedIn(one)), 0) -
    missing.reduce((sum, one) => sum + one.notAttempted, 0);
  if (notAttempted > 0 && !restores)
    lines.push(`NOT ATTEMPTED: ${plural(notAttempted, 'artifact')}; --output ndjson says why for each.`);
  const more = totals.tags.failed + totals.manifests.failed - failures.length - refused;
  if (more > 0) lines.push(`… and ${more} more failures; --output ndjson names each.`);
  return lines;
}

function correlation(id: string | undefined): string {
  return id === undefined ? '' : ` (correlation id ${printable(id)})`;
}

/** A decision on one line: delete or keep and the outcome, the artifact, and why. */
export function renderDecision(decision: Decision): string {
  const marks = { deleted: '-', kept: ' ', failed: '!', notAttempted: '!', alreadyGone: '-', quarantined: '~' };
  const mark = { ...marks, restored: '+' }[outcomeOf(decision)];
  const outcome = resultOf(decision);
  const beyond = decision.beyondAcrPurge ? ' [acr purge would delete it]' : '';
  return printable(
    `${mark} ${outcome.padEnd(12)} ${nameOf(decision)}  ${decision.reason}${ruleInWords(decision)}: ${shortDigests(decision.detail)}${quarantineOfDecision(decision)}${findingsOfDecision(decision)}${beyond}`,
  );
}

/** What a decision came to, or would, in a word or two. */
export function resultOf(decision: Decision): string {
  if (decision.action === 'restore') return RESTORE_OUTCOMES[decision.outcome];
  if (decision.action === 'keep') return decision.release ? RELEASE_OUTCOMES[decision.release.outcome] : 'keep';
  return decision.quarantine && decision.outcome === 'planned' ? 'would quarantine' : OUTCOMES[decision.outcome];
}

const RELEASE_OUTCOMES: Readonly<Record<Release['outcome'], string>> = {
  planned: 'would release',
  released: 'released',
  refused: 'not released',
  failed: 'not released',
};

/** ` (pull requests)`: the rule of a policy file that decided it. What has no tag is under one key, and not under a rule. */
export function ruleInWords({ rule, kind, reason }: Decision): string {
  const isUntagged = kind === 'manifest' && reason === 'untagged-and-expired';
  return rule === undefined || isUntagged ? '' : ` (${rule})`;
}

/** The result of a deletion, for a person. */
const OUTCOMES: Readonly<Record<Outcome, string>> = {
  planned: 'would delete',
  held: 'held back',
  deleted: 'deleted',
  quarantined: 'quarantined',
  'already-gone': 'already deleted',
  refused: 'refused',
  failed: 'failed',
  'not-attempted': 'not attempted',
};

/** What bringing an artifact back came to, for a person. */
const RESTORE_OUTCOMES: Readonly<Record<RestoreOutcome, string>> = {
  planned: 'would restore',
  restored: 'restored',
  'already-there': 'is there',
  impossible: 'impossible',
  refused: 'refused',
  failed: 'failed',
  'not-attempted': 'not attempted',
};

/** Digests as people quote them, with twelve digits. JSON and CSV have them whole. */
export function shortDigests(text: string): string {
  return text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1');
}
