import type { Comparison, RepositoryChange, Some } from '../ledger/compare.ts';
import type { RunRecord } from '../ledger/records.ts';
import { hasFailed, type RepositorySummary, type Totals } from '../ledger/summary.ts';
import { reviewInWords } from '../ledger/reviews.ts';
import { GUARD_NAMES, type Hold, holdInWords } from '../planner/decision.ts';
import { bytes, count, minute, plural } from './page/format.ts';
import { MEANINGS } from './page/words.ts';
import { notRestoredInWords, restoredInWords, restoredWhat, thereInWords } from './restored.ts';
import { hasQuarantine, quarantinedIn, sizeInWords, untilInWords } from './quarantine-words.ts';
import { keptIn, percentInWords } from './totals.ts';
import type { Held, Judged, Loss, VerdictKind } from './verdict.ts';

/* The sentences of a verdict. */

/** Repositories that a sentence names. */
const NAMES = 3;

/** `a, b and c` */
function joined(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

/** What each guard of a run asks for; none where no guard limits anything. */
export function guardsInForce({ guards = {} }: Pick<RunRecord, 'guards'>): readonly string[] {
  const { maxDeletions, maxDeletionPercent, maxMedianFactor, keepLastTag } = guards;
  return [
    ...(maxDeletions === undefined ? [] : [`at most ${plural(maxDeletions, 'deletion')} in one run`]),
    ...(maxDeletionPercent === undefined || maxDeletionPercent >= 100
      ? []
      : [`at most ${maxDeletionPercent} % of a repository’s tags and of the registry’s manifests`]),
    ...(maxMedianFactor === undefined || !Number.isFinite(maxMedianFactor)
      ? []
      : [`at most ${count(maxMedianFactor)} times what runs usually delete`]),
    ...(keepLastTag ? ['a tag left in each repository'] : []),
  ];
}

/** Whether it is known what is in use. */
export function sourcesInWords({ evidence = [] }: Pick<RunRecord, 'evidence'>): string {
  if (evidence.length === 0) return 'It is not known what is in use: no source is configured that says so.';
  const sources = evidence.map(({ source, images }) => `${source} (${plural(images, 'image')})`);
  return `What is in use is known, and kept: ${joined(sources)}.`;
}

/** What changed since the last run that can be compared, a sentence each. */
export function changesInWords(
  { kind }: Pick<RunRecord, 'kind'>,
  comparison: Comparison | undefined,
): readonly string[] {
  if (!comparison) return kind === 'apply' ? [] : ['There is no earlier run that it can be compared with.'];
  const { before, samePolicy, deletions, more, fewer, appeared, disappeared, newReasons } = comparison;
  const difference = deletions.now - deletions.before;
  const how =
    difference === 0
      ? `as many deletions (${count(deletions.now)})`
      : `${plural(Math.abs(difference), 'deletion')} ${difference > 0 ? 'more' : 'fewer'} (${count(deletions.now)}, before ${count(deletions.before)})`;
  return [
    `Since the run of ${minute(before.started)} UTC${samePolicy ? '' : ', which had another policy'}: ${how}.`,
    ...inWords('More', more, changeInWords),
    ...inWords('Fewer', fewer, changeInWords),
    // By another policy a repository that was there all the time is looked at for the first time, or no longer.
    ...inWords(samePolicy ? 'New' : 'Only looked at now', appeared, (name) => name),
    ...inWords(samePolicy ? 'Not there any more' : 'Only looked at then', disappeared, (name) => name),
    ...newReasons.map(
      (one) => `For the first time for this reason: ${plural(one.count, 'artifact')}, ${MEANINGS[one.reason]}.`,
    ),
  ];
}

/** `59 %: 44 of 74 manifests, held back` */
export function lossInWords({ percent, deleted, of, kind, isHeld }: Loss): string {
  return `${percentInWords(percent)}: ${count(deleted)} of ${plural(of, kind.slice(0, -1))}${isHeld ? ', held back' : ''}`;
}

function changeInWords({ repository, before, now }: RepositoryChange): string {
  return `${repository} (${count(now)}, before ${count(before)})`;
}

function inWords<T>(start: string, { first, count: all }: Some<T>, name: (one: T) => string): readonly string[] {
  if (all === 0) return [];
  const more = all > first.length ? [`${count(all - first.length)} more`] : [];
  return [`${start}: ${joined([...first.map(name), ...more])}.`];
}

/** `Would delete 12 of 40 tags (30 %) and 9 of 31 manifests (29 %), at most 1.2 GB, in 3 of 14 repositories.` */
export function whatOf(
  run: RunRecord,
  totals: Totals,
  repositories: Judged['repositories'],
  held: Held | undefined,
): string {
  const { dryRun, state, progress, restores } = run;
  if (restores) return `${restoredInWords(totals, dryRun, state === 'running')} It is about ${restoredWhat(restores)}.`;
  const waits = !dryRun && held && held.deletions > 0 ? ` ${waitingInWords(run, repositories, held)}` : '';
  const before = state === 'running' ? `${count(progress.done)} of ${plural(progress.of, 'repository')} done. ` : '';
  const acts = changesOf(totals, dryRun);
  const said = `${state === 'running' ? `so far it ${dryRun ? 'would' : 'has'} ` : dryRun ? 'would ' : ''}${acts.join('; ')}`;
  const what = said.charAt(0).toUpperCase() + said.slice(1);
  const changed = repositories.filter(({ summary }) => isChanged(summary)).length;
  const where = changed === 0 ? '' : `, in ${count(changed)} of ${plural(repositories.length, 'repository')}`;
  return `${before}${what}${where}.${waits}`;
}

function isChanged(summary: Totals): boolean {
  const { tags, manifests, quarantine } = summary;
  return tags.deleted + manifests.deleted + quarantinedIn(summary) + (quarantine?.released ?? 0) > 0;
}

/** `make 12 of 40 tags (30 %) unreadable until …`, `delete …`, `release …`: each that there is, or that nothing is deleted. */
function changesOf(totals: Totals, dryRun: boolean): readonly string[] {
  const [make, remove, release] = dryRun ? ['make', 'delete', 'release'] : ['made', 'deleted', 'released'];
  const { tags, manifests, quarantine } = totals;
  const { released = 0, until } = quarantine ?? {};
  const amounts = (outcome: 'deleted' | 'quarantined'): string =>
    `${amountIn(totals, 'tags', outcome)} and ${amountIn(totals, 'manifests', outcome)}`;
  const acts = [
    ...(until === undefined
      ? []
      : [`${make} ${amounts('quarantined')} unreadable ${untilInWords(until)}${sizeInWords(totals)}`]),
    ...(tags.deleted + manifests.deleted === 0
      ? []
      : [`${remove} ${amounts('deleted')}, at most ${bytes(totals.bytes)}`]),
    ...(released === 0 ? [] : [`${release} ${plural(released, 'artifact')} from quarantine`]),
  ];
  return acts.length > 0 ? acts : [`${remove} nothing`];
}

/** `12 of 40 tags (30 %)` */
function amountIn(totals: Totals, kind: 'tags' | 'manifests', outcome: 'deleted' | 'quarantined'): string {
  const { [outcome]: amount = 0 } = totals[kind];
  const listed = totals.listed[kind] ?? 0;
  const noun = kind.slice(0, -1);
  if (listed === 0) return plural(amount, noun);
  return `${count(amount)} of ${plural(listed, noun)} (${percentInWords((amount / listed) * 100)})`;
}

/** What an approval would have deleted besides. */
function waitingInWords(run: RunRecord, repositories: Judged['repositories'], { deletions }: Held): string {
  const held = repositories.filter(({ summary }) => summary.state === 'held').map(({ summary }) => summary);
  const of = (kind: 'tags' | 'manifests'): number => held.reduce((sum, one) => sum + one[kind].notAttempted, 0);
  const [tags, manifests] = [of('tags'), of('manifests')];
  const what =
    tags + manifests === deletions
      ? `${plural(tags, 'tag')} and ${plural(manifests, 'manifest')} in ${plural(held.length, 'repository')}`
      : plural(deletions, 'artifact');
  return `An approval would delete ${what}${hasQuarantine(run) ? ', or make them unreadable first' : ''}.`;
}

export function keepsOf({ state, dryRun, restores }: RunRecord, totals: Totals): string {
  if (restores) return thereInWords(totals);
  const verb = dryRun && state !== 'running' ? 'Would keep' : 'Keeps';
  return `${verb} ${plural(keptIn(totals, 'tags'), 'tag')} and ${plural(keptIn(totals, 'manifests'), 'manifest')}.`;
}

export function guardsInWords(run: RunRecord): string {
  const guards = guardsInForce(run);
  return guards.length === 0
    ? 'No guard is set, so nothing limits how much a run deletes.'
    : `The guards let it through: ${joined(guards)}.`;
}

/** Whether there is nothing that is not held back, by a guard of the whole run or because no other repository loses anything. */
export function isAllHeld({ all, others }: Held): boolean {
  return all || others === 0;
}

/** What is held back, by which guards, and whether the rest is carried out. */
export function heldInWords({ dryRun, breakers }: RunRecord, held: Held): readonly string[] {
  const { repositories, deletions, others } = held;
  const [only, second] = breakers;
  const be = (count: number): string => (dryRun ? 'would be' : count === 1 ? 'is' : 'are');
  if (isAllHeld(held)) {
    const what = deletions === 1 ? 'The only deletion' : `All ${plural(deletions, 'deletion')}`;
    const until = deletions === 1 ? 'it is' : 'they are';
    return [`${what} ${be(deletions)} held back until ${until} approved.`, ...breakers.map(guardInWords)];
  }
  const more = repositories.count - repositories.first.length;
  const names = joined([...repositories.first, ...(more > 0 ? [`${count(more)} more`] : [])]);
  const they = repositories.count === 1 ? 'it is' : 'they are';
  const why = only && !second ? `: ${only.detail} (guard ${GUARD_NAMES[only.breaker]})` : '';
  return [
    `${names} alone ${be(repositories.count)} held back until ${they} approved, ${plural(deletions, 'deletion')}${why}.`,
    restInWords(dryRun, others),
    ...(second ? breakers.map(guardInWords) : []),
  ];
}

function restInWords(dryRun: boolean, others: number): string {
  const one = others === 1;
  const rest = `${one ? 'The one other deletion' : `The other ${plural(others, 'deletion')}`} ${dryRun ? (one ? 'needs' : 'need') : 'needed'} no approval`;
  if (!dryRun) return `${rest}, and ${one ? 'was' : 'were'} carried out.`;
  return `${rest}: a purge, or apply, carries ${one ? 'it' : 'them'} out.`;
}

function guardInWords(hold: Hold): string {
  return `${holdInWords(hold)} (guard ${GUARD_NAMES[hold.breaker]}).`;
}

/** What people have decided about parts of a plan that is still open. */
export function partsInWords({ plan }: Pick<RunRecord, 'plan'>): readonly string[] {
  return (plan?.reviews ?? [])
    .filter(({ verdict }) => verdict === 'approved')
    .map((review) => `${review.repositories ? joined(review.repositories) : 'All of it'}: ${reviewInWords(review)}.`);
}

export function failuresInWords(
  run: RunRecord,
  totals: Totals,
  repositories: Judged['repositories'],
): readonly string[] {
  const { error, evidence = [], locksLost = 0 } = run;
  const broken = repositories.filter(({ summary }) => hasFailed(summary)).map(({ summary }) => summary);
  const failed = totals.tags.failed + totals.manifests.failed;
  const unread = evidence.filter(({ complete }) => !complete).map(({ source }) => source);
  const lines = [
    ...(error ? [`It broke off: ${error.message}.`] : []),
    ...(unread.length > 0
      ? [`What is in use is not known: ${joined(unread)} could not be read. Whatever it may be about is kept.`]
      : []),
    ...(broken.length > 0 ? [brokenInWords(broken)] : []),
    ...(run.restores ? notRestoredInWords(totals) : []),
    ...(failed > 0 && !run.restores
      ? [`${plural(failed, 'deletion')} failed or ${failed === 1 ? 'was' : 'were'} refused.`]
      : []),
    ...(locksLost > 0 ? [`${plural(locksLost, 'lock')} of an earlier run could not be put back.`] : []),
  ];
  return lines.length > 0 ? lines : ['Not everything that was to be done was done.'];
}

function brokenInWords(broken: readonly RepositorySummary[]): string {
  const names = broken.slice(0, NAMES).map(({ repository }) => repository);
  const more = broken.length - names.length;
  const list = joined([...names, ...(more > 0 ? [`${count(more)} more`] : [])]);
  return `${plural(broken.length, 'repository')} failed: ${list}. What could not be decided is kept.`;
}

export function nextOf(kind: VerdictKind, { plan, dryRun, cancelled, restores }: RunRecord): string {
  if (restores && (kind === 'failed' || kind === 'stopped'))
    return 'Remove the cause, then run the same command again: what is there already is left as it is.';
  switch (kind) {
    case 'safe':
      return 'Look at what would be deleted, then approve or reject it. Nothing is deleted until then.';
    case 'unchecked':
      return 'Look at each deletion, then approve or reject it. Nothing is deleted until then.';
    case 'held':
      return dryRun
        ? 'Look at what is held back. If it is right, approve it; if not, reject it, or change the policy.'
        : 'Look at what is held back. If it is right, approve it; if not, reject it. Nothing more is deleted until then.';
    case 'failed':
      return `Remove the cause, then start a new ${dryRun ? 'dry run' : 'run'}.${plan ? ' The plan holds what could be decided.' : ''}`;
    case 'running':
      return cancelled ? 'It was cancelled, and ends soon.' : 'Wait until it has ended, or cancel it.';
    case 'stopped':
      return `Resume it, or start a new ${dryRun ? 'dry run' : 'run'}.`;
    case 'rejected':
      return 'Nothing of it is deleted. To decide anew, start a new dry run.';
    case 'outdated':
      return 'Start a new dry run. Nothing of this plan is deleted.';
    case 'nothing':
    case 'applied':
    case 'deleted':
      return 'There is nothing to do.';
    case 'restored':
      return dryRun ? 'Run the same command without --dry-run.' : 'There is nothing to do.';
  }
}
