import { isDeepStrictEqual } from 'node:util';
import type { DefenderFindings, DefenderSource } from '../../evidence/defender.ts';
import type { ImageFindings } from '../../evidence/findings.ts';
import type { FindingsRecord } from '../../ledger/findings.ts';
import type { FindingSource } from '../../policy/findings.ts';
import type { ContentReader } from '../../registry/content.ts';
import { StoppedError } from '../../registry/errors.ts';
import type { FindingDoubt } from '../../planner/findings.ts';
import type { ManifestListing } from '../../registry/types.ts';
import { type Attached, attachedIn } from './attached.ts';
import type { RunContext } from '../context.ts';
import { type Fresh, unlessStopped } from '../fresh.ts';
import type { FoundImages } from './known-findings.ts';
import { lostTimeAt } from '../lost-time.ts';

/** What one source says of the images of one repository. */
export interface Observed {
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** Everything was read. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly problems: readonly string[];
  /** By digest. */
  readonly images: ReadonlyMap<string, ImageFindings>;
  /** Why it may say something else of an image than `images` does. Absent: of all of them, where not everything was read. */
  readonly doubtOf?: (digest: string) => FindingDoubt | undefined;
  /** Of how many images of the registry it knows something. Absent: only those of this repository were asked for. */
  readonly ofRegistry?: number;
}

/** What a source is asked about. */
interface Asked {
  /** Login server, `host[:port]`. */
  readonly registry: string;
  readonly repository: string;
  readonly listing: ManifestListing;
  /** What is attached to its images. Absent: the registry is not there to be read. */
  readonly attached?: Attached;
}

/** What says which vulnerabilities images have. */
export interface FindingsSource {
  readonly source: FindingSource;
  /** Never throws but `StoppedError`: what cannot be read makes the answer incomplete. */
  readonly read: (asked: Asked, signal: AbortSignal) => Promise<Observed>;
}

export interface FindingsOptions {
  /** Where two have scanned an image, the scan of the first one counts. */
  readonly sources: readonly FindingsSource[];
}

/** What findings need of a run. */
interface FindingsContext extends Pick<RunContext, 'amend' | 'signal' | 'ledger'> {
  /** What artifacts consist of, to be read. */
  readonly content: ContentReader | undefined;
  /** Throws where what is remembered of reports must not be written any more. */
  readonly check?: () => void;
}

/** How a run is told about vulnerabilities; nothing where no source is configured. Its record says what that rests on. */
export function findingsIn(
  options: FindingsOptions | undefined,
  registry: string,
  { amend, signal, ledger, content, check }: FindingsContext,
): Pick<RunContext, 'findings'> {
  if (!options || options.sources.length === 0) return {};
  // Each command asks for the same repository again.
  const counted = new Set<string>();
  return {
    async findings(repository, listing) {
      const file = ledger.reportCache(registry, repository, check);
      const now = new Date(ledger.system.clock.now());
      const lostTime = lostTimeAt(ledger, registry);
      const attached = content && attachedIn({ content, repository, listing, file, now, signal, lostTime });
      try {
        const asked = { registry, repository, listing, ...(attached && { attached }) };
        const said = await Promise.all(
          options.sources.map(async ({ source, read }) => ({ source, observed: await read(asked, signal) })),
        );
        const { doubtOf, ...found } = joined(said);
        const images = await withBases(found.images, attached).catch((error: unknown) => {
          if (error instanceof StoppedError) throw error;
          return found.images;
        });
        if (signal.aborted) throw new StoppedError(`the findings in ${repository}`);
        const isCounted = counted.has(repository);
        await amend(({ findings = [], breakersAsked = isCounted }) => {
          const so = said.map(({ source, observed }) => {
            const before = findings.find((one) => one.source === source);
            return plusRecord(before, source, observed, breakersAsked);
          });
          return isDeepStrictEqual(so, findings) ? undefined : { findings: so };
        });
        counted.add(repository);
        return { images, doubtOf };
      } finally {
        // Also where it was stopped: the next run need not read it again.
        await attached?.save();
      }
    },
  };
}

/** What Defender for Cloud says of a registry, for all runs of a process. */
export type DefenderOf = Fresh<DefenderFindings>;

/** Defender for Cloud. It is asked for all of a registry, once for as long as the answer counts. */
export function defenderFindings(source: DefenderSource, fresh: DefenderOf): FindingsSource {
  return {
    source: 'defender',
    async read({ registry, repository, listing }, signal) {
      const ask = async (): Promise<DefenderFindings> => {
        const findings = await source.read(registry, signal);
        if (signal.aborted) throw new StoppedError(`the findings of ${registry}`);
        return findings;
      };
      const {
        scanOf,
        isInDoubt,
        images: ofRegistry,
        ...said
      } = await unlessStopped(() => fresh(registry, ask, signal), signal);
      const images = new Map<string, ImageFindings>();
      for (const digest of listing.byDigest.keys()) {
        const scan = scanOf(repository, digest.toLowerCase());
        if (scan) images.set(digest, { scan });
      }
      const [why = 'not everything was read'] = said.problems;
      const doubt = { scan: why };
      const doubtOf = (digest: string) => (isInDoubt(repository, digest.toLowerCase()) ? doubt : undefined);
      return { ...said, images, doubtOf, ofRegistry };
    },
  };
}

/** The reports that are attached to images in the registry, as a source. */
export const attachedReports: FindingsSource = {
  source: 'referrers',
  async read({ repository, attached }) {
    const nothing = { complete: false, images: new Map<string, ImageFindings>() };
    if (!attached)
      return {
        ...nothing,
        observedAt: new Date(0).toISOString(),
        problems: [`${repository}: reports cannot be read here`],
      };
    const { observedAt } = attached;
    try {
      const found = await attached.findings();
      const problems = attached.problems();
      return { observedAt, complete: problems.length === 0, problems, ...found };
    } catch (error) {
      // Where the run was stopped, its record says so.
      return { ...nothing, observedAt, problems: [`${repository}: ${(error as Error).message}`] };
    }
  },
};

/** Images that were scanned, and those that are known to be built from another, with the image that they are built from. */
async function withBases(
  images: ReadonlyMap<string, ImageFindings>,
  attached: Attached | undefined,
): Promise<ReadonlyMap<string, ImageFindings>> {
  const scanned = [...images].filter(([, { scan, base }]) => scan && base === undefined).map(([digest]) => digest);
  if (!attached || scanned.length === 0) return images;
  const bases = await attached.bases(scanned);
  return new Map([...images].map(([digest, found]) => [digest, withBase(found, bases.get(digest))]));
}

function withBase(found: ImageFindings, base: string | undefined): ImageFindings {
  return base === undefined ? found : { ...found, base };
}

interface Said {
  readonly source: FindingSource;
  readonly observed: Observed;
}

/** Where two know something of an image, the first one counts; so a doubt of it counts, too, whatever the second one knows. */
function joined(all: readonly Said[]): FoundImages & Required<Pick<FoundImages, 'doubtOf'>> {
  const images = new Map<string, ImageFindings>();
  for (const { observed } of all)
    for (const [digest, found] of observed.images) images.set(digest, { ...found, ...images.get(digest) });
  const doubts = all.map(({ source, observed }) => {
    const { complete, problems, doubtOf } = observed;
    const [why = 'not everything was read'] = complete ? [] : problems;
    const ofAll = complete ? undefined : { scan: why, endOfLife: why };
    const named = (words: string | undefined): string | undefined =>
      words === undefined ? undefined : `${source}: ${words.slice(0, LONGEST_PROBLEM)}`;
    return { observed, of: doubtOf ?? (() => ofAll), named };
  });
  const first = (digest: string, key: keyof FindingDoubt): string | undefined => {
    for (const { observed, of, named } of doubts) {
      const doubt = named(of(digest)?.[key]);
      if (doubt !== undefined) return doubt;
      // The sources after it do not count.
      if (observed.images.get(digest)?.[key] !== undefined) return undefined;
    }
    return undefined;
  };
  return {
    images,
    doubtOf(digest) {
      const [scan, endOfLife] = [first(digest, 'scan'), first(digest, 'endOfLife')];
      return { ...(scan !== undefined && { scan }), ...(endOfLife !== undefined && { endOfLife }) };
    },
  };
}

/** Problems of one source that a record keeps, and the characters of one. */
const MOST_PROBLEMS = 10;
const LONGEST_PROBLEM = 500;

/**
 * What a source said so far, with what it says of one more repository.
 * @param isCounted the images of this repository are counted already
 */
function plusRecord(
  before: FindingsRecord | undefined,
  source: FindingSource,
  { observedAt, complete, problems, images, ofRegistry }: Observed,
  isCounted: boolean,
): FindingsRecord {
  const all = new Set([...(before?.problems ?? []), ...problems.map((problem) => problem.slice(0, LONGEST_PROBLEM))]);
  const scanned = [...images.values()].filter(({ scan }) => scan).length;
  return {
    source,
    observedAt,
    complete: complete && before?.complete !== false,
    ...(all.size > 0 && { problems: [...all].slice(0, MOST_PROBLEMS) }),
    images: ofRegistry ?? (before?.images ?? 0) + (isCounted && before ? 0 : scanned),
  };
}
