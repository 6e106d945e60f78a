import type { Severity } from '../policy/severity.ts';
import { printable } from './escape.ts';
import { findingsIn, SEVERITY_NAMES } from './finding-words.ts';
import { count, minute, plural } from './page/format.ts';
import {
  type NoRule,
  type RiskReport,
  type RiskRun,
  type RiskyImage,
  type RiskyImages,
  type SeverityCounts,
} from './risk.ts';

/* What the command and the page say of the findings of a registry. */

/** What a table or a chart shows by itself, and the rest as one. */
export const SHOWN = ['critical', 'high', 'medium', 'low', 'other'] as const;

export type Shown = (typeof SHOWN)[number];

export function shownOf(counts: SeverityCounts, shown: Shown): number {
  return shown === 'other' ? (counts.negligible ?? 0) + (counts.unknown ?? 0) : (counts[shown] ?? 0);
}

/** `3 critical, 12 high`; those that are zero are left out. */
export function countsInWords(counts: SeverityCounts, severities: readonly Severity[] = SEVERITY_NAMES): string {
  const some = severities.filter((severity) => (counts[severity] ?? 0) > 0);
  return some.length === 0 ? 'none' : some.map((severity) => `${count(counts[severity] ?? 0)} ${severity}`).join(', ');
}

/** What is there now, and what fell or rose since the line begins. */
export function nowInWords({ registry, now, line, standing, inUse }: RiskReport): string {
  const host = printable(registry);
  if (!now) return `No run of ${host} has asked for findings yet, so nothing is known of them. ${HOW_TO_ASK}`;
  const first = standing ?? line[0]?.before;
  const used = inUse ? ` In what is in use: ${countsInWords(inUse.bySeverity)}.` : '';
  const then =
    first && line.length > 0 ? `, ${changeInWords(findingsIn(first.bySeverity), findingsIn(now.bySeverity))}` : '';
  return `${plural(findingsIn(now.bySeverity), 'finding')} in ${plural(now.images, 'scanned image')} of ${host}${then}: ${countsInWords(now.bySeverity)}.${used}`;
}

function changeInWords(then: number, now: number): string {
  if (then === now) return 'as many as when the line begins';
  return `${count(Math.abs(then - now))} ${now < then ? 'fewer' : 'more'} than when the line begins`;
}

const HOW_TO_ASK =
  'With FINDINGS set (or --findings), each run asks for them, a dry run as well: docs/findings.md says how.';

/** What removed how much: runs that deleted. */
export function removedInWords({ line }: RiskReport): string | undefined {
  const deleting = line.filter(({ dryRun }) => !dryRun);
  if (deleting.length === 0) return line.length === 0 ? undefined : 'There were dry runs only: nothing was removed.';
  const sum = (severity: Severity): number =>
    deleting.reduce((all, { removed }) => all + (removed.bySeverity[severity] ?? 0), 0);
  const removed = Object.fromEntries(SEVERITY_NAMES.map((severity) => [severity, sum(severity)]));
  const all = findingsIn(removed);
  return `${plural(deleting.length, 'run')} removed ${all === 0 ? 'no findings' : `${plural(all, 'finding')}: ${countsInWords(removed)}`}.`;
}

/** What is to be known to read the numbers right, a sentence each. Names in it are printable. */
export function remarksOn(report: RiskReport): readonly string[] {
  const { now, stale, line, limits } = report;
  if (!now) return [];
  const { notAsked } = limits;
  const [oldest] = stale.first;
  const appeared = line.slice(1).filter((one) => one.appeared > 0);
  const changed = line.find(({ sources }, index) => index > 0 && sources.join() !== line[index - 1]?.sources.join());
  return [
    ...(now.notScanned > 0
      ? [
          `${plural(now.notScanned, 'image')} ${now.notScanned === 1 ? 'was' : 'were'} not scanned: nothing is known of ${now.notScanned === 1 ? 'it' : 'them'}, which is not the same as clean.`,
        ]
      : []),
    ...(oldest
      ? [
          `The last run did not look at ${plural(stale.repositories, 'repository')}: what was known last stands, of ${printable(oldest.name)} since ${minute(oldest.since)}.`,
        ]
      : []),
    ...(appeared.length > 0
      ? [
          `${plural(
            appeared.reduce((sum, one) => sum + one.appeared, 0),
            'repository',
          )} came onto the line later, the last on ${minute(appeared.at(-1)?.at ?? '')}: what they have may be older than the line says.`,
        ]
      : []),
    ...(changed
      ? [
          `On ${minute(changed.at)} the sources changed to ${changed.sources.join(' and ')}: what falls or rises there may be what they know.`,
        ]
      : []),
    ...(limits.isIncomplete ? [INCOMPLETE] : []),
    ...(limits.incomplete > 0
      ? [
          `${plural(limits.incomplete, 'run')} could not read the sources completely, and ${limits.incomplete === 1 ? 'is' : 'are'} left out of the line: a source that does not answer would make it fall.`,
        ]
      : []),
    ...(notAsked.deleted > 0
      ? [
          `${plural(notAsked.runs, 'later run')} did not ask for findings, and deleted ${plural(notAsked.deleted, 'manifest')}: what they removed is not on the line yet.`,
        ]
      : []),
    ...(limits.undecided > 0
      ? [
          `${plural(limits.undecided, 'critical finding')} ${limits.undecided === 1 ? 'is' : 'are'} in images that are named nowhere here: no filter matches them, or there are too many. A run by a policy file decides on every tag.`,
        ]
      : []),
    ...(limits.unread > 0
      ? [`There are too many decisions to name the images of ${plural(limits.unread, 'repository')} as well.`]
      : []),
    ...(limits.leftOut > 0
      ? [
          `There are too many records: the ${plural(limits.leftOut, 'oldest run')} ${limits.leftOut === 1 ? 'is' : 'are'} left out.`,
        ]
      : []),
    ...(limits.damaged > 0
      ? [`The records of ${plural(limits.damaged, 'run')} cannot be read, and are left out.`]
      : []),
  ];
}

const INCOMPLETE =
  'The last run could not read its sources completely: there are at least as many findings as this says, and where the line falls at its end, that may be why.';

/** What is said of images with critical findings that are in use. */
export function inUseInWords({ images, critical }: RiskyImages): string {
  if (images === 0) return 'No image that is known to be in use has a critical finding.';
  return `${plural(images, 'image')} in use ${images === 1 ? 'has' : 'have'} ${plural(critical, 'critical finding')}. A purge does not help here: build ${images === 1 ? 'it' : 'them'} again, on a base without the findings, and roll that out.`;
}

export function unusedInWords({ images, critical }: RiskyImages): string {
  if (images === 0) return 'No image that is known to be unused has a critical finding.';
  return `${plural(images, 'image')} that nothing uses ${images === 1 ? 'has' : 'have'} ${plural(critical, 'critical finding')}: deleting ${images === 1 ? 'it' : 'them'} takes the findings away.`;
}

export function unknownInWords({ images, critical }: RiskyImages): string {
  return `Of ${plural(images, 'image')} with ${plural(critical, 'critical finding')} it is not known whether ${images === 1 ? 'it is' : 'they are'} in use, so no rule is proposed. Set IN_USE (or --in-use) to what says so: docs/in-use.md names the sources.`;
}

export function proposalInWords({ proposal }: RiskReport): string | undefined {
  if (!proposal) return undefined;
  const { rules, images, old, olderThan, more } = proposal;
  const room = more > 0 ? ` ${plural(more, 'image')} more ${more === 1 ? 'has' : 'have'} no room in it.` : '';
  const when =
    old === images
      ? `${images === 1 ? 'it is' : 'all are'} older than ${olderThan}`
      : `${count(old)} ${old === 1 ? 'is' : 'are'} older than ${olderThan} now, the others will be`;
  return `A proposal, ${plural(rules, 'rule')} for ${plural(images, 'image')}: ${when}.${room} Put the rules before the others of the policy file, as the first rule that matches a tag owns it, and make a dry run.`;
}

/** Why there is no rule for an image that nothing uses. */
export const NO_RULE_WORDS: Readonly<Record<NoRule, string>> = {
  planned: 'a plan deletes it already',
  'tags-planned': 'a plan deletes tags of it, and keeps the image: the run says why',
  owned: 'a rule owns a tag of it, and keeps that for its age',
  quarantined: 'it is in quarantine',
  locked: 'it is locked',
  kept: 'the policy keeps it on purpose',
  untagged: 'it has no tag; untagged: in a policy file deletes it',
  undecided: 'the run decided on some of its tags only; a run by a policy file decides on all',
  'protect-flags':
    'the run had --protect, so it is not known whether it is protected; a policy file says so of every tag',
  unnameable: 'it has too many tags, or a name that no rule takes',
};

/** Whether there is a version without them. */
export function fixInWords({ bySeverity, fixable }: Pick<RiskyImage, 'bySeverity' | 'fixable'>): string {
  const [all, some] = [bySeverity.critical ?? 0, fixable.critical ?? 0];
  if (all === 0) return '';
  return some >= all ? 'all have a fix' : some === 0 ? 'no fix known' : `${count(some)} of ${count(all)} have a fix`;
}

/** `shop/web:1.4.2`, by its first tag where it has one. */
export function nameOfImage({ repository, digest, tags }: RiskyImage): string {
  const [first] = tags;
  return first === undefined ? `${repository}@${digest}` : `${repository}:${first}`;
}

/** The name of a run on the line. */
export function kindInWords({ dryRun, kind }: RiskRun): string {
  return dryRun ? 'dry run' : kind === 'apply' ? 'apply' : 'run';
}
