import type { ImageFindings } from '../evidence/findings.ts';
import type { FindingsRecord } from '../ledger/findings.ts';
import type { FindingSource } from '../policy/findings.ts';
import type { ContentReader } from '../registry/content.ts';
import { StoppedError } from '../registry/errors.ts';
import type { ManifestListing } from '../registry/types.ts';
import { type Attached, attachedIn } from './attached.ts';
import type { RunContext } from './context.ts';

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
}

/** What a source is asked about. */
export interface Asked {
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
  /** Never throws: what cannot be read makes the answer incomplete. */
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
        await amend(({ findings = [] }) => ({
          findings: said.map(({ source, observed }) =>
            plusRecord(
              findings.find((one) => one.source === source),
              recordOf(source, observed),
            ),
          ),
        }));
        return images;
      } finally {
        // Also where it was stopped: the next run need not read it again.
        await attached?.save();
      }
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

const recordOf = (source: FindingSource, { observedAt, complete, problems, images }: Observed): FindingsRecord => ({
  source,
  observedAt,
  complete,
  ...(problems.length > 0 && { problems }),
  images: [...images.values()].filter(({ scan }) => scan).length,
});

/** Problems of one source that a record keeps. */
const MOST_PROBLEMS = 10;

/** What a source said of several repositories. */
function plusRecord(before: FindingsRecord | undefined, now: FindingsRecord): FindingsRecord {
  if (!before) return now;
  const problems = [...new Set([...(before.problems ?? []), ...(now.problems ?? [])])].slice(0, MOST_PROBLEMS);
  return {
    ...now,
    complete: before.complete && now.complete,
    ...(problems.length > 0 && { problems }),
    images: before.images + now.images,
  };
}
