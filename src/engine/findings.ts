import { isDeepStrictEqual } from 'node:util';
import type { DefenderFindings, DefenderSource } from '../evidence/defender.ts';
import type { ImageFindings } from '../evidence/findings.ts';
import type { FindingsRecord } from '../ledger/findings.ts';
import type { FindingSource } from '../policy/findings.ts';
import type { ContentReader } from '../registry/content.ts';
import { StoppedError } from '../registry/errors.ts';
import type { ManifestListing } from '../registry/types.ts';
import { type Attached, attachedIn } from './attached.ts';
import type { RunContext } from './context.ts';
import { type Fresh, unlessStopped } from './fresh.ts';

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
      const attached = content && attachedIn({ content, repository, listing, file, now, signal });
      try {
        const asked = { registry, repository, listing, ...(attached && { attached }) };
        const said = await Promise.all(
          options.sources.map(async ({ source, read }) => ({ source, observed: await read(asked, signal) })),
        );
        const images = await withBases(joined(said.map(({ observed }) => observed.images)), attached);
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
        return images;
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
      const { scanOf, images: ofRegistry, ...said } = await unlessStopped(() => fresh(registry, ask, signal), signal);
      const images = new Map<string, ImageFindings>();
      for (const digest of listing.byDigest.keys()) {
        const scan = scanOf(repository, digest.toLowerCase());
        if (scan) images.set(digest, { scan });
      }
      return { ...said, images, ofRegistry };
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
      const images = await attached.findings();
      const problems = attached.problems();
      return { observedAt, complete: problems.length === 0, problems, images };
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

function joined(all: readonly ReadonlyMap<string, ImageFindings>[]): ReadonlyMap<string, ImageFindings> {
  const images = new Map<string, ImageFindings>();
  for (const some of all) for (const [digest, found] of some) images.set(digest, { ...found, ...images.get(digest) });
  return images;
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
