import type { ImageFindings } from '../../evidence/findings.ts';
import { inTurns } from '../../ledger/turns.ts';
import { type KnownFindings, withFindings } from '../../planner/findings.ts';
import type { Inventory } from '../../planner/types.ts';
import type { FactsFile } from '../../registry/hashed-lines.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import { type ReadFacts, remembered } from '../../registry/manifest-cache.ts';
import type { ManifestListing, RegistryReader } from '../../registry/types.ts';
import { eachOf } from '../each.ts';
import { entryKey, type HeldRepository } from '../quarantine/quarantine.ts';
import type { WholePlan } from '../repository-attributes.ts';

/** Says what is known of the vulnerabilities of the manifests that are listed, by digest. */
export type FindingsOf = (repository: string, listing: ManifestListing, signal?: AbortSignal) => Promise<FoundImages>;

/** What is known of images, and what of it is in doubt. */
export type FoundImages = Pick<KnownFindings, 'images' | 'doubtOf'>;

interface Asking {
  readonly repository: string;
  /** As it is listed for the plan. Absent: the plan does not need that, and it is listed here. */
  readonly manifests: ManifestListing | undefined;
  readonly reader: RegistryReader;
  readonly file: FactsFile;
  readonly concurrency: number;
  /** What waits in quarantine, by a listing. */
  readonly heldNow: (now: Pick<Inventory, 'manifests'>) => HeldRepository;
}

export interface FoundFindings {
  readonly known: KnownFindings;
  readonly listing: ManifestListing;
  /** Indexes that were read for it. */
  readonly facts: ReadonlyMap<string, ReadFacts>;
}

/** Why nothing is known of a repository: its manifests cannot be listed, and nothing but the findings needs that. */
export interface NotFound {
  readonly problem: string;
}

/**
 * What is known of the vulnerabilities in a repository. Each index that is listed is read, once: an image is scanned by its
 * platforms.
 * @throws {StoppedError}
 */
export async function findKnown(findings: FindingsOf, asking: Asking): Promise<FoundFindings | NotFound> {
  const { repository, reader, file, concurrency, heldNow } = asking;
  const none: ManifestListing = { byDigest: new Map(), newest: undefined };
  let listing = asking.manifests;
  try {
    listing ??= (await reader.manifests(repository)) ?? none;
  } catch (error) {
    if (!(error instanceof RegistryError) || error instanceof StoppedError) throw error;
    return { problem: `the findings in ${repository} are not known: ${error.message}` };
  }
  const found = await findings(repository, listing);
  const images = withHeldFindings(found.images, heldNow({ manifests: listing }));
  const indexes = [...listing.byDigest.values()].filter(({ kind }) => kind === 'index').map(({ digest }) => digest);
  if (indexes.length === 0) return { known: { ...found, images, parts: new Map() }, listing, facts: new Map() };
  const wanted = new Set(indexes);
  const before = await remembered(file, repository, (digest) => (wanted.has(digest) ? digest : undefined));
  const facts = new Map<string, ReadFacts>();
  const unread = indexes.filter((digest) => !before.facts.has(digest));
  await eachOf(unread, concurrency, async (digest) => {
    const fact = await reader.manifest(repository, digest);
    // What cannot be read is asked for again by the plan, where it matters.
    if (fact.state === 'read') facts.set(digest, fact);
  });
  const parts = new Map<string, readonly string[]>();
  for (const [digest, { children }] of [...before.facts, ...facts])
    parts.set(
      digest,
      children.map((child) => child.digest),
    );
  const doubtOf: KnownFindings['doubtOf'] = (digest) =>
    wanted.has(digest) && !parts.has(digest)
      ? { scan: UNREAD_INDEX, endOfLife: UNREAD_INDEX }
      : found.doubtOf?.(digest);
  return { known: { images, parts, doubtOf }, listing, facts };
}

/** A plan that says what is known of the vulnerabilities of each artifact, where that was asked. */
export async function withFound(
  whole: WholePlan,
  inventory: Inventory,
  found: FoundFindings | undefined,
): Promise<WholePlan> {
  if (!found) return whole;
  const { plan, listed } = await inTurns(withFindings(whole.plan, inventory, found.known, found.listing));
  return { ...whole, plan, listed: { ...whole.listed, findings: listed } };
}

const UNREAD_INDEX = 'the index cannot be read, so it is not known what it holds';

/**
 * The same, where what waits in quarantine has the scan that it had when it came there, if none is known any more: a scanner
 * may not look at what nothing can pull.
 */
function withHeldFindings(
  images: ReadonlyMap<string, ImageFindings>,
  { quarantine, status }: HeldRepository,
): ReadonlyMap<string, ImageFindings> {
  const lost = quarantine.entries.flatMap((entry): readonly (readonly [string, ImageFindings])[] => {
    const { kind, digest, findings } = entry;
    const isHeld = kind === 'manifest' && status.get(entryKey(entry))?.state === 'held';
    const now = images.get(digest);
    return isHeld && findings?.scan && !now?.scan ? [[digest, { ...findings, ...now }]] : [];
  });
  return lost.length === 0 ? images : new Map([...images, ...lost]);
}
