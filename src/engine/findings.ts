import type { ImageFindings } from '../evidence/findings.ts';
import type { FindingsRecord } from '../ledger/findings.ts';
import type { FindingSource } from '../policy/findings.ts';
import { StoppedError } from '../registry/errors.ts';
import type { ManifestListing } from '../registry/types.ts';
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

/** How a run is told about vulnerabilities; nothing where no source is configured. Its record says what that rests on. */
export function findingsIn(
  options: FindingsOptions | undefined,
  registry: string,
  { amend, signal }: Pick<RunContext, 'amend' | 'signal'>,
): Pick<RunContext, 'findings'> {
  if (!options || options.sources.length === 0) return {};
  return {
    async findings(repository, listing) {
      const said = await Promise.all(
        options.sources.map(async ({ source, read }) => ({
          source,
          observed: await read({ registry, repository, listing }, signal),
        })),
      );
      if (signal.aborted) throw new StoppedError(`the findings in ${repository}`);
      await amend(({ findings = [] }) => ({
        findings: said.map(({ source, observed }) =>
          plusRecord(
            findings.find((one) => one.source === source),
            recordOf(source, observed),
          ),
        ),
      }));
      return joined(said.map(({ observed }) => observed.images));
    },
  };
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
  images: images.size,
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
