import type { ImageFindings, Scan } from '../evidence/findings.ts';
import type { Severity } from '../policy/severity.ts';
import { allParts, type FindingDoubt, type KnownFindings, plusCounts, scansOfParts } from './findings.ts';
import type { Graph } from './graph.ts';
import type { Retention, TagRule } from './retention.ts';
import { slicer, type Steps } from './slices.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { Inventory, Protection, Rule } from './types.ts';

/*
 * What rules of a policy file keep because of what a scan does not say: `findings` and `endOfLife`. Both only ever keep. What
 * is not known is kept, and so is everything where no source says what is in use.
 */

/** What a rule asks of a scan: a finding of one of these severities, and where `fixable` one for which there is a fix. */
export interface AskedFindings {
  /** The worst first. */
  readonly severities: readonly Severity[];
  readonly fixable: boolean;
}

type Asking = Pick<TagRule, 'findings' | 'endOfLife'>;

/** Of tags that their rules let go, those that stay. */
export function* keptForFindings(
  { records }: Graph,
  { findings, evidence }: Inventory,
  choices: readonly TagChoice[],
  { retention, now }: Rule,
): Steps<ReadonlyMap<TagChoice, Protection>> {
  const kept = new Map<TagChoice, Protection>();
  const rules = askingRules(retention);
  if (rules.size === 0) return kept;
  const due = slicer();
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'matched-and-expired' || imageOfSignatureTag(choice.tag.name) !== undefined) continue;
    const rule = rules.get(choice.rule ?? '');
    if (!rule) continue;
    const { digest = '' } = choice.tag;
    // Docker's own format is plain: each part in it is a platform.
    const isRunnable = (part: string): boolean => {
      const record = records.get(part);
      return record?.kind !== 'image' || record.looksRunnable;
    };
    const why =
      (rule.findings && whyByScan(rule.findings, digest, findings)) ??
      (rule.endOfLife && whyBySupport(digest, findings, { now, isRunnable })) ??
      (evidence?.isUseKnown ? undefined : USE_UNKNOWN);
    if (why) kept.set(choice, why);
  }
  return kept;
}

function askingRules(retention: Retention | undefined): ReadonlyMap<string, Asking> {
  const rules = retention?.rules.filter(({ findings, endOfLife }) => findings ?? endOfLife) ?? [];
  return new Map(rules.map((rule) => [rule.name, rule]));
}

/** That nothing is deleted, because no source is asked what is in use. */
export const USE_UNKNOWN: Protection = {
  reason: 'in-use-unknown',
  detail: 'its rule deletes only what nothing uses, and no source says what is in use (IN_USE)',
};

function whyByScan(asked: AskedFindings, digest: string, known: KnownFindings | undefined): Protection | undefined {
  if (!known)
    return { reason: 'not-scanned', detail: 'its rule asks for findings, and no source of them is asked (FINDINGS)' };
  const scans = scansOf(digest, known);
  const doubtOf = (one: string): string | undefined => known.doubtOf?.(one)?.scan;
  const [doubt] = doubtsOf(digest, known, 'scan');
  // What a part has it has, whatever another one may have.
  const isCertain = (one: string): boolean => (one === digest ? doubt : doubtOf(one)) === undefined;
  for (const [one, scan] of scans) if (namesAny(scan, asked) && isCertain(one)) return undefined;
  const [first, ...others] = scans.values();
  if (doubt !== undefined)
    return {
      reason: 'not-scanned',
      detail: `its rule asks for findings, and ${first ? 'its scan may be out of date' : 'no scan of it is known'}: ${doubt}`,
    };
  if (!first) return { reason: 'not-scanned', detail: 'its rule asks for findings, and no scan of it is known' };
  const by = others.length === 0 ? `its scan (${sourceOf(first)}) names` : `the scans of its parts name`;
  return { reason: 'no-findings', detail: `${by} no ${askedInWords(asked)}` };
}

/**
 * What says which vulnerabilities an image has, by digest. Of an index the scans of its parts do, where there are any: as
 * decisions show it.
 */
function scansOf(digest: string, known: KnownFindings): ReadonlyMap<string, Scan> {
  const parts = scansOfParts(digest, known);
  const own = known.images.get(digest)?.scan;
  return parts.size === 0 && own ? new Map([[digest, own]]) : parts;
}

/** Why something that an image holds, or itself, may have another scan, or another end of life, than is known. */
function doubtsOf(digest: string, known: KnownFindings, of: keyof FindingDoubt): readonly string[] {
  const { doubtOf } = known;
  return doubtOf ? [...allParts(digest, known)].flatMap((one) => doubtOf(one)?.[of] ?? []) : [];
}

function namesAny(scan: Scan, { severities, fixable }: AskedFindings): boolean {
  const counts = fixable ? scan.fixable : scan.bySeverity;
  return severities.some((severity) => (counts[severity] ?? 0) > 0);
}

/** `critical finding with a fix` */
export function askedInWords({ severities, fixable }: AskedFindings): string {
  const least = severities.at(-1) ?? '';
  return severities.length === 1
    ? `${least} finding${fixable ? ' with a fix' : ''}`
    : `finding${fixable ? ' with a fix' : ''} that is ${least} or worse`;
}

/** `grype, 2026-11-20` */
function sourceOf({ by, at }: Scan): string {
  return at === undefined ? by : `${by}, ${at.slice(0, 10)}`;
}

interface Supported {
  readonly now: Date;
  /** Whether a part of an index is a platform, and not what says how it was built. */
  readonly isRunnable: (digest: string) => boolean;
}

function whyBySupport(digest: string, known: KnownFindings | undefined, about: Supported): Protection | undefined {
  if (!known)
    return {
      reason: 'end-of-life-unknown',
      detail: 'its rule asks for the end of life, and no source of findings is asked (FINDINGS)',
    };
  const [doubt] = doubtsOf(digest, known, 'endOfLife');
  if (doubt !== undefined)
    return {
      reason: 'end-of-life-unknown',
      detail: `its rule asks for the end of life, and it may be another: ${doubt}`,
    };
  const day = endOfLifeOf(digest, known, about);
  if (day === undefined)
    return { reason: 'end-of-life-unknown', detail: 'its rule asks for the end of life, and none is known of it' };
  return day < dayOf(about.now)
    ? undefined
    : { reason: 'supported', detail: `its end of life is ${day}, and that day is not over (UTC)` };
}

/**
 * The day of the end of life; of an index without one of its own that of the part that is supported the longest, where
 * each platform has one. `undefined`: not known.
 */
function endOfLifeOf(digest: string, { images, parts }: KnownFindings, { isRunnable }: Supported): string | undefined {
  const seen = new Set<string>();
  const queue = [digest];
  let last: string | undefined;
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    const day = dayIn(images.get(one));
    const held = parts.get(one);
    if (day !== undefined) last = last !== undefined && last > day ? last : day;
    else if (held && held.length > 0) for (const part of held) queue.push(part);
    else if (one === digest || isRunnable(one)) return undefined;
  }
  return last;
}

/** `2026-11-30` in UTC; `undefined` where there is none that can be read. */
function dayIn(image: ImageFindings | undefined): string | undefined {
  const [text, day, time, zone] =
    /^(\d{4}-\d\d-\d\d)(?:(T[\d:.]+)(Z|[+-]\d\d:\d\d)?)?$/.exec(image?.endOfLife ?? '') ?? [];
  if (text === undefined || day === undefined) return undefined;
  const at = new Date(`${day}${time ?? 'T00:00:00'}${zone ?? 'Z'}`);
  return Number.isNaN(at.getTime()) ? undefined : dayOf(at);
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** What a scan says for which a rule lets an image go: `; its scan (grype, 2026-11-20) names 2 critical findings`. */
export function foundInWords(
  digest: string,
  { findings: known }: Pick<Inventory, 'findings'>,
  { findings: asked, endOfLife }: Asking,
): string {
  if (!known) return '';
  const scans = [...scansOf(digest, known).values()];
  const [first, ...others] = scans;
  const own = dayIn(known.images.get(digest));
  return [
    ...(asked && first
      ? [
          `; ${others.length === 0 ? `its scan (${sourceOf(first)}) names` : 'the scans of its parts name'} ${countInWords(scans, asked)}`,
        ]
      : []),
    ...(endOfLife ? [`; its end of life ${own === undefined ? 'is past' : `was ${own}`}`] : []),
  ].join('');
}

/** `2 critical, 1 high with a fix` */
function countInWords(scans: readonly Scan[], { severities, fixable }: AskedFindings): string {
  const counts = scans.map((scan) => (fixable ? scan.fixable : scan.bySeverity)).reduce((a, b) => plusCounts(a, b), {});
  const named = severities.flatMap((severity) => (counts[severity] ? [`${counts[severity]} ${severity}`] : []));
  return `${named.join(', ')}${fixable ? ' with a fix' : ''}`;
}
