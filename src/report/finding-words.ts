import type { FindingsRecord } from '../ledger/findings.ts';
import type { Decision } from '../planner/decision.ts';
import type { DecisionFindings, FindingSum, FindingSums } from '../planner/findings.ts';
import type { Severity } from '../policy/severity.ts';
import { printable } from './escape.ts';
import { count, minute, name, plural } from './page/format.ts';

/* What is known of vulnerabilities, in words. Nothing is said where nothing asks for them. */

type Counts = FindingSum['bySeverity'];

/** Each severity as people call it, from the worst. */
const NAMES: Readonly<Record<Severity, string>> = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
  negligible: 'negligible',
  unknown: 'unknown',
};

export const SEVERITY_NAMES = Object.keys(NAMES) as readonly Severity[];

/** Severities that a list names; the rest is one number. */
const NAMED = 2;

/** Names of vulnerabilities that are shown of one image, and the characters of each. */
const MOST_IDS = 20;
const LONGEST_ID = 60;

/** How many findings there are, of any severity. */
export function findingsIn(counts: Counts): number {
  return SEVERITY_NAMES.reduce((sum, severity) => sum + (counts[severity] ?? 0), 0);
}

/** `3 critical, 12 high, 20 more`, or each severity by its name; `no findings` where there are none. */
function severitiesInWords(counts: Counts, most: number = SEVERITY_NAMES.length): string {
  const some = SEVERITY_NAMES.filter((severity) => (counts[severity] ?? 0) > 0);
  if (some.length === 0) return 'no findings';
  const named = some.slice(0, most);
  const more = some.slice(most).reduce((sum, severity) => sum + (counts[severity] ?? 0), 0);
  return [
    ...named.map((severity) => `${count(counts[severity] ?? 0)} ${NAMES[severity]}`),
    ...(more > 0 ? [`${count(more)} more`] : []),
  ].join(', ');
}

/** `3 critical, 1 high`, `no findings`, `not scanned`; nothing where it was not asked, or is no image. */
export function shortFindings({ findings }: Pick<Decision, 'findings'>): string | undefined {
  if (!findings) return undefined;
  return findings.scan ? severitiesInWords(findings.scan.bySeverity, NAMED) : 'not scanned';
}

/** The same behind the reason of a decision. */
export function findingsOfDecision(decision: Decision): string {
  const short = shortFindings(decision);
  if (short === undefined) return '';
  return decision.findings?.scan && short !== 'no findings' ? `; findings: ${short}` : `; ${short}`;
}

/** All that is known of one image. */
export interface FindingDetail {
  /** What was found, by whom, and when. */
  readonly what: string;
  /** The worst, by name. */
  readonly ids?: string;
  /** What else is known of it. */
  readonly about?: string;
}

/** Nothing where it was not asked, or is no image. */
export function findingDetail({ findings }: Pick<Decision, 'findings'>): FindingDetail | undefined {
  if (!findings) return undefined;
  const { scan, packages, endOfLife, base, inUse } = findings;
  const about = [
    ...(packages === undefined ? [] : [plural(packages, 'package')]),
    ...(endOfLife === undefined ? [] : [`end of life ${clipped(endOfLife)}`]),
    ...(base === undefined ? [] : [`built on ${name(base)}`]),
    ...(inUse ? ['in use'] : []),
  ].join('; ');
  return {
    what: scan ? scanInWords(findings, scan) : 'Not scanned, so its findings are not known.',
    ...(scan && scan.ids.length > 0 && { ids: idsInWords(scan) }),
    ...(about !== '' && { about: `${about.charAt(0).toUpperCase()}${about.slice(1)}.` }),
  };
}

type Scan = NonNullable<DecisionFindings['scan']>;

/** `Findings: 3 critical, 1 high; 2 have a fix. By grype, 2026-11-29 02:00 UTC.` */
function scanInWords({ ofParts }: DecisionFindings, { by, at, bySeverity, fixable }: Scan): string {
  const fixed = findingsIn(fixable);
  const what = findingsIn(bySeverity) === 0 ? 'No findings' : `Findings: ${severitiesInWords(bySeverity)}`;
  const fix = fixed > 0 ? `; ${count(fixed)} ${fixed === 1 ? 'has' : 'have'} a fix` : '';
  const whose = ofParts ? ', in what was scanned of what it holds' : '';
  return `${what}${fix}${whose}. By ${clipped(by)}${at === undefined ? '' : `, ${minute(at)} UTC`}.`;
}

function idsInWords({ ids, bySeverity }: Scan): string {
  const shown = ids.slice(0, MOST_IDS);
  // As many as are kept of one image: there may be more.
  const isAll = ids.length < MOST_IDS || findingsIn(bySeverity) <= shown.length;
  return `${shown.map(clipped).join(', ')}${isAll ? '' : ', and others'}`;
}

/** What names something in a report may be of any length, and hold anything. */
function clipped(text: string): string {
  const shown = printable(text);
  return shown.length > LONGEST_ID ? `${shown.slice(0, LONGEST_ID - 1)}…` : shown;
}

/**
 * `41 removed (3 critical, 12 high), 17 kept (1 high), of these 4 in use; 3 images not scanned`. Nothing where there is no
 * image, and so nothing to say.
 */
export function findingSumsInWords({ removed, kept, inUse }: FindingSums, dryRun: boolean): string | undefined {
  const notScanned = removed.notScanned + kept.notScanned;
  const scanned = removed.images + kept.images;
  if (scanned + notScanned === 0) return undefined;
  if (scanned === 0)
    return notScanned === 1 ? 'the only image was not scanned' : `none of ${count(notScanned)} images was scanned`;
  const left = findingsIn(kept.bySeverity);
  const used = inUse && findingsIn(inUse.bySeverity);
  return [
    `${count(findingsIn(removed.bySeverity))} ${dryRun ? 'would be removed' : 'removed'}${worstInWords(removed.bySeverity)}`,
    `, ${count(left)} kept${worstInWords(kept.bySeverity)}`,
    ...(used === undefined || left === 0 ? [] : [`, of these ${used === 0 ? 'none' : count(used)} in use`]),
    ...(notScanned === 0 ? [] : [`; ${plural(notScanned, 'image')} not scanned`]),
  ].join('');
}

/** The sums of a run as a sentence. */
export function findingsSentence(sums: FindingSums | undefined, dryRun: boolean): string | undefined {
  const said = sums && findingSumsInWords(sums, dryRun);
  return said === undefined ? undefined : `Findings: ${said}.`;
}

/** ` (3 critical, 12 high)`: those that a person asks for first. */
function worstInWords({ critical = 0, high = 0 }: Counts): string {
  const worst = [
    ...(critical > 0 ? [`${count(critical)} critical`] : []),
    ...(high > 0 ? [`${count(high)} high`] : []),
  ];
  return worst.length === 0 ? '' : ` (${worst.join(', ')})`;
}

/** `12 findings (2 critical, 3 high)`; nothing where no image was scanned. */
export function findingSumInWords(sum: FindingSum | undefined): string | undefined {
  if (!sum || sum.images === 0) return undefined;
  return `${plural(findingsIn(sum.bySeverity), 'finding')}${worstInWords(sum.bySeverity)}`;
}

/** `Findings: 41 before, 24 removed, 17 left`; nothing where no image was scanned. */
export function findingsBeforeAndAfter({ removed, kept }: FindingSums): string | undefined {
  if (removed.images + kept.images === 0) return undefined;
  const [gone, left] = [findingsIn(removed.bySeverity), findingsIn(kept.bySeverity)];
  return `Findings: ${count(gone + left)} before, ${count(gone)} removed, ${count(left)} left`;
}

/** `24 of 41`: removed of all there were, in a table; `–`: no image was scanned. */
export function removedOfAll(sums: FindingSums | undefined): string {
  if (!sums || sums.removed.images + sums.kept.images === 0) return '–';
  const gone = findingsIn(sums.removed.bySeverity);
  return `${count(gone)} of ${count(gone + findingsIn(sums.kept.bySeverity))}`;
}

/** `referrers: 12 images, as of 2026-11-24T01:00:00Z` */
export function findingSourceInWords({ source, images, observedAt, complete }: FindingsRecord): string {
  return `${source}: ${plural(images, 'image')}, as of ${observedAt}${complete ? '' : '; not read completely'}`;
}
