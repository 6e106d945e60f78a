import type { Scan } from '../evidence/findings.ts';
import type { Decision, Reason } from '../planner/decision.ts';
import { type FindingSum, NO_FINDINGS, plusFindings } from '../planner/findings.ts';
import type { LedgerReader } from './reader.ts';
import { hasFindings } from './risk-line.ts';

/*
 * The images that have findings, repository by repository, by the decisions of the last run that looked at them. What that
 * run deleted is not among them.
 */

/** What was decided on an artifact that is there. */
interface Standing {
  readonly reason: Reason;
  /** It is to be deleted: in a dry run, or once a guard lets it. */
  readonly isPlanned: boolean;
  readonly isLocked: boolean;
  /** The rule of the policy file that owns it. */
  readonly rule?: string;
}

/** A tag of an image. */
export interface SeenTag extends Standing {
  readonly name: string;
  /** ISO 8601. */
  readonly updated?: string;
}

/** An image with findings: an index with its parts, which have no row of their own. */
export interface RiskImage {
  readonly repository: string;
  readonly digest: string;
  /** Those that are there and were decided on, the first ones. */
  readonly tags: readonly SeenTag[];
  /** Names of tags, to call it by: also of those without a decision. */
  readonly names: readonly string[];
  /** Tags that are on it, as far as is known. */
  readonly tagCount: number;
  /** Tags on it without a decision. Absent: the run decided on tags alone, and there may be others. */
  readonly undecided?: number;
  readonly scan: Scan;
  readonly base?: string;
  readonly endOfLife?: string;
  /** A source says that it is used. Its absence says nothing by itself. */
  readonly isUsed: boolean;
  readonly isQuarantined: boolean;
  /** The decision on its manifest. Absent: the run decided on tags alone. */
  readonly manifest?: Standing;
}

export interface ImagesOfRepository {
  readonly repository: string;
  readonly images: readonly RiskImage[];
  /** By the image that they were built on; each manifest counts once. Those without a base are not among them. */
  readonly bases: ReadonlyMap<string, FindingSum>;
  /** Images with findings that are too many to be told apart. */
  readonly more: number;
}

/** Images of one repository that are held in memory at once. */
const MOST_IMAGES = 20_000;
/** Of one image. */
export const MOST_TAGS = 100;
/** Of one image, to call it by. */
const MOST_NAMES = 10;
/** Names of bases are untrusted, and so many are told apart in one repository. */
const MOST_BASES = 2_000;
const LONGEST_BASE = 300;

/**
 * The images with findings of some repositories of a run, one repository in memory.
 * @param repositories in the order in which they come
 */
export async function* imagesWithFindings(
  reader: Pick<LedgerReader, 'decisions'>,
  runId: string,
  repositories: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<ImagesOfRepository, void> {
  let current: ReturnType<typeof newImages> | undefined;
  for await (const decision of reader.decisions(runId, { repositories, scanned: true })) {
    signal?.throwIfAborted();
    if (current?.repository !== decision.repository) {
      if (current) yield current.found();
      current = newImages(decision.repository);
    }
    current.add(decision);
  }
  if (current) yield current.found();
}

/** An image while its decisions are read. */
type Collected = { -readonly [K in keyof RiskImage]: RiskImage[K] } & {
  readonly tags: SeenTag[];
  /** Names of the tags that were decided on, also of those that were deleted. */
  readonly decided: Set<string>;
};

function newImages(repository: string) {
  const images = new Map<string, Collected>();
  const more = new Set<string>();
  const bases = new Map<string, FindingSum>();

  const imageOf = ({ digest, findings }: Decision): Collected | undefined => {
    // A part is told with its index, which has the sum.
    if (digest === undefined || !findings?.scan || findings.part || !hasFindings(findings.scan)) return undefined;
    const known = images.get(digest);
    if (known) return known;
    if (images.size >= MOST_IMAGES) {
      if (more.size < MOST_IMAGES) more.add(digest);
      return undefined;
    }
    const { scan, base, endOfLife } = findings;
    const image: Collected = {
      repository,
      digest,
      tags: [],
      decided: new Set(),
      names: [],
      tagCount: 0,
      scan,
      ...(base !== undefined && { base: base.slice(0, LONGEST_BASE) }),
      ...(endOfLife !== undefined && { endOfLife }),
      isUsed: false,
      isQuarantined: false,
    };
    images.set(digest, image);
    return image;
  };

  return {
    repository,
    /** Tags stand before manifests. */
    add(decision: Decision): void {
      const { kind, digest = '', tag = '', tags = [], findings, lastUpdateTime } = decision;
      const isGone = wasDeleted(decision);
      if (kind === 'manifest' && isGone) {
        images.delete(digest);
        return;
      }
      if (kind === 'manifest' && findings?.scan && !findings.ofParts && findings.base !== undefined)
        addBase(bases, findings.base, findings.scan);
      const image = imageOf(decision);
      if (!image) return;
      if (findings?.inUse) image.isUsed = true;
      if (decision.quarantine) image.isQuarantined = true;
      if (kind === 'manifest') {
        const others = tags.filter((name) => !image.decided.has(name));
        image.manifest = standingOf(decision);
        image.undecided = Math.max(0, tags.length - image.decided.size);
        image.tagCount += image.undecided;
        image.names = [...image.names, ...others.slice(0, Math.max(0, MOST_NAMES - image.names.length))];
        return;
      }
      if (image.decided.size < MOST_TAGS) image.decided.add(tag);
      if (isGone) return;
      image.tagCount += 1;
      if (image.names.length < MOST_NAMES) image.names = [...image.names, tag];
      if (image.tags.length < MOST_TAGS)
        image.tags.push({
          name: tag,
          ...standingOf(decision),
          ...(lastUpdateTime !== undefined && { updated: lastUpdateTime }),
        });
    },
    found(): ImagesOfRepository {
      const found = [...images.values()].map(({ decided, ...image }): RiskImage => image);
      // By tags alone: an image is counted once, whatever its tags.
      if (bases.size === 0)
        for (const { base, scan, manifest } of found) if (base !== undefined && !manifest) addBase(bases, base, scan);
      return { repository, images: found, bases, more: more.size };
    },
  };
}

function wasDeleted(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'deleted' || decision.outcome === 'already-gone');
}

function standingOf(decision: Decision): Standing {
  const { reason, locked, rule } = decision;
  return {
    reason,
    isPlanned: decision.action === 'delete',
    // The reason alone: its repository is locked as a whole.
    isLocked: locked === true || reason === 'locked',
    ...(rule !== undefined && { rule }),
  };
}

function addBase(bases: Map<string, FindingSum>, name: string, { bySeverity, fixable }: Scan): void {
  const base = name.slice(0, LONGEST_BASE);
  const known = bases.get(base);
  if (known || bases.size < MOST_BASES)
    bases.set(base, plusFindings(known ?? NO_FINDINGS, { images: 1, notScanned: 0, bySeverity, fixable }));
}
