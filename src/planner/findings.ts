import type { ImageFindings, Scan, SeverityCounts } from '../evidence/findings.ts';
import type { ManifestListing, ManifestRecord, TagRecord } from '../registry/types.ts';
import { type Decision, mapped } from './decision.ts';
import { addTo, slicer, type Steps } from './slices.ts';
import { imageOfSignatureTag } from './tags.ts';
import type { Evidence, Inventory, Plan } from './types.ts';

/*
 * What is known of the vulnerabilities of a repository, put beside each decision. It changes no decision: only a rule of a
 * policy file that asks for findings does that.
 */

/** What is known of the vulnerabilities in one repository. */
export interface KnownFindings {
  /** By the digest of what was scanned: a manifest of one platform, or an index. */
  readonly images: ReadonlyMap<string, ImageFindings>;
  /** The digests that each index holds, of those that are listed and were read. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
  /** What may not be all that is said of an image. Absent: of none. */
  readonly doubtOf?: (digest: string) => FindingDoubt | undefined;
}

/** Why what is known of an image may be out of date: something that may say otherwise could not be read. */
export interface FindingDoubt {
  /** Of its vulnerabilities. */
  readonly scan?: string;
  /** Of its support. */
  readonly endOfLife?: string;
}

/** What is known of an artifact, beside the decision on it. Nothing in it: it was not scanned. */
export interface DecisionFindings extends ImageFindings {
  /** Of an index: the sum of what its parts have. It is counted with them. */
  readonly ofParts?: true;
  /** An index that is listed holds it. It is not an image of its own. */
  readonly part?: true;
  /** A source says that it is used: by itself, by a tag, or with an index over it. */
  readonly inUse?: true;
}

/** Findings of several images. Each is counted once, with the manifest that was scanned. */
export interface FindingSum {
  /** Images with a scan. An index is one image, with all that it holds. */
  readonly images: number;
  /** Images without. */
  readonly notScanned: number;
  readonly bySeverity: SeverityCounts;
  readonly fixable: SeverityCounts;
}

/** What a run found in a repository before it deleted something. */
export interface FindingsListed {
  readonly all: FindingSum;
  /** Absent: no source says what is in use, or one could not. */
  readonly inUse?: FindingSum;
}

/** Vulnerabilities that reports name, before and after. */
export interface FindingSums {
  /** In what was deleted, or in a dry run: would be. */
  readonly removed: FindingSum;
  readonly kept: FindingSum;
  /** Of what is kept, in what is used. Absent: no source says what is in use, or one could not. */
  readonly inUse?: FindingSum;
}

export const NO_FINDINGS: FindingSum = { images: 0, notScanned: 0, bySeverity: {}, fixable: {} };

export function plusCounts(one: SeverityCounts, other: SeverityCounts, sign: 1 | -1 = 1): SeverityCounts {
  const sum = new Map(Object.entries(one));
  for (const [severity, count] of Object.entries(other)) sum.set(severity, (sum.get(severity) ?? 0) + sign * count);
  return Object.fromEntries([...sum].filter(([, count]) => count > 0));
}

/** Both together; with -1, what is left of the first without the second, which is never less than nothing. */
export function plusFindings(one: FindingSum, other: FindingSum, sign: 1 | -1 = 1): FindingSum {
  return {
    images: Math.max(0, one.images + sign * other.images),
    notScanned: Math.max(0, one.notScanned + sign * other.notScanned),
    bySeverity: plusCounts(one.bySeverity, other.bySeverity, sign),
    fixable: plusCounts(one.fixable, other.fixable, sign),
  };
}

/** What one manifest adds to a sum. A tag adds nothing: its manifest does. */
export function countedFindings({ kind, findings }: Pick<Decision, 'kind' | 'findings'>): FindingSum {
  if (kind === 'tag' || !findings) return NO_FINDINGS;
  const { scan, ofParts, part } = findings;
  const image = part ? 0 : 1;
  return {
    images: scan ? image : 0,
    notScanned: scan ? 0 : image,
    bySeverity: scan && !ofParts ? scan.bySeverity : {},
    fixable: scan && !ofParts ? scan.fixable : {},
  };
}

/**
 * A later decision on an artifact, with what was known of it when its repository was listed: what is counted by that must
 * not be counted otherwise once it is deleted.
 */
export function asListed(before: Decision | undefined, now: Decision): Decision {
  return before?.findings && before.digest === now.digest ? { ...now, findings: before.findings } : now;
}

/** A plan whose decisions say what is known of the vulnerabilities of each artifact. */
export interface PlanWithFindings {
  readonly plan: Plan;
  readonly listed: FindingsListed;
}

/** @param listing every manifest that is listed, whether the plan needed that or not */
export function* withFindings(
  plan: Plan,
  { tags = [], evidence, configs }: Pick<Inventory, 'tags' | 'evidence' | 'configs'>,
  known: KnownFindings,
  listing: ManifestListing,
): Steps<PlanWithFindings> {
  const used = yield* usedDigests({ tags, evidence, configs }, known, listing);
  const parts = new Set<string>();
  const due = slicer();
  for (const [index, held] of known.parts) {
    if (due(1 + held.length)) yield;
    for (const digest of held) if (digest !== index) parts.add(digest);
  }
  const found = new Map<string, DecisionFindings>();
  let [all, inUse] = [NO_FINDINGS, NO_FINDINGS];
  for (const record of listing.byDigest.values()) {
    if (due()) yield;
    const { digest } = record;
    const own = ofImage(record, known);
    if (!own) continue;
    const findings = {
      ...own,
      ...(parts.has(digest) && { part: true as const }),
      ...(used?.has(digest) && { inUse: true as const }),
    };
    found.set(digest, findings);
    const counted = countedFindings({ kind: 'manifest', findings });
    all = plusFindings(all, counted);
    if (findings.inUse) inUse = plusFindings(inUse, counted);
  }
  const marked = <D extends Decision>(decision: D): D => {
    const findings = found.get(decision.digest ?? '');
    return findings ? { ...decision, findings } : decision;
  };
  return {
    plan: {
      ...plan,
      decisions: mapped(plan.decisions, marked),
      deletionOf: (kind, name) => {
        const decision = plan.deletionOf(kind, name);
        return decision && marked(decision);
      },
    },
    listed: { all, ...(used && { inUse }) },
  };
}

/** Of a manifest that is an image, or was scanned. Others (signatures, reports) have no findings. */
function ofImage(record: ManifestRecord, known: KnownFindings): DecisionFindings | undefined {
  const own = known.images.get(record.digest);
  const [first, ...others] = scansOfParts(record.digest, known).values();
  // Each part is counted by itself, and the report of an index is mostly about one of them.
  if (first) return { ...own, scan: others.reduce(plusScan, first), ofParts: true };
  return own ?? (isImage(record) ? {} : undefined);
}

/** By what a listing shows. A signature of cosign has the configuration of an image: its tags tell it. */
function isImage({ kind, mayRefer, looksRunnable, tags }: ManifestRecord): boolean {
  if (tags.length > 0 && tags.every((tag) => imageOfSignatureTag(tag) !== undefined)) return false;
  // Docker's own format is plain, and always an image.
  return kind === 'index' || kind === 'plain' || (kind === 'image' && (looksRunnable || !mayRefer));
}

/** Names of vulnerabilities that are shown of an index, of all its parts together. */
const MOST_IDS = 20;

function plusScan(one: Scan, other: Scan): Scan {
  return {
    ...one,
    bySeverity: plusCounts(one.bySeverity, other.bySeverity),
    fixable: plusCounts(one.fixable, other.fixable),
    ids: [...new Set([...one.ids, ...other.ids])].slice(0, MOST_IDS),
  };
}

/** What an index can hold that is looked at for it: more are none that a build makes. */
const MOST_PARTS = 1_000;

/** What an index holds at any depth, and itself. */
export function allParts(index: string, { parts }: KnownFindings): ReadonlySet<string> {
  const seen = new Set([index]);
  // Grows.
  for (const digest of seen) for (const part of parts.get(digest) ?? []) if (seen.size < MOST_PARTS) seen.add(part);
  return seen;
}

/** By digest, the scans of the manifests that an index holds; those of the indexes among them do not count. */
export function scansOfParts(index: string, known: KnownFindings): ReadonlyMap<string, Scan> {
  const scans = new Map<string, Scan>();
  if (!known.parts.has(index)) return scans;
  for (const digest of allParts(index, known)) {
    const scan = known.parts.has(digest) ? undefined : known.images.get(digest)?.scan;
    if (scan && digest !== index) scans.set(digest, scan);
  }
  return scans;
}

/** The manifests that are used, with the indexes over them, and what an index holds that is used. `undefined`: not known. */
function* usedDigests(
  {
    tags,
    evidence,
    configs,
  }: { readonly tags: readonly TagRecord[]; readonly evidence: Evidence | undefined } & Pick<Inventory, 'configs'>,
  { parts }: KnownFindings,
  { byDigest }: ManifestListing,
): Steps<ReadonlySet<string> | undefined> {
  // A log of pulls, and a quarantine, say nothing of what runs.
  if (!evidence?.isUseKnown) return undefined;
  const due = slicer();
  const used = new Set<string>();
  for (const [digest, { reason }] of evidence.digests) if (reason === 'in-use') used.add(digest);
  for (const { name, digest } of tags) {
    if (due()) yield;
    if (digest !== undefined && evidence.tags.get(name)?.reason === 'in-use') used.add(digest);
  }
  for (const [digest, config] of configs)
    if (config !== 'unknown' && evidence.configs.get(config.digest ?? '')?.reason === 'in-use') used.add(digest);
  const over = new Map<string, string[]>();
  for (const [index, held] of parts) {
    if (due(1 + held.length)) yield;
    for (const digest of held) addTo(over, digest, index);
  }
  const reached = new Set<string>();
  for (const next of [over, parts]) {
    const seen = new Set<string>();
    const queue = [...used];
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      if (due()) yield;
      if (seen.has(digest)) continue;
      seen.add(digest);
      if (byDigest.has(digest)) reached.add(digest);
      for (const one of next.get(digest) ?? []) queue.push(one);
    }
  }
  return reached;
}
