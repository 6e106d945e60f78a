import type { CheckKind } from '../../ledger/checks.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { imageOfSignatureTag } from '../../planner/tags.ts';
import { StoppedError } from '../../registry/errors.ts';
import { NOTHING, type ReadFacts, remember, remembered } from '../../registry/manifest-cache.ts';
import type {
  ManifestFacts,
  ManifestListing,
  ManifestRecord,
  RegistryReader,
  RepositoryAttributes,
  TagRecord,
} from '../../registry/types.ts';
import { eachOf } from '../each.ts';

/** What was found in a repository, before it is said in words. */
export interface Found {
  readonly kind: CheckKind;
  readonly tag?: string;
  readonly digest?: string;
  /** What it is about besides: a platform, a subject, an image. */
  readonly other?: string;
  readonly since?: string | undefined;
  /** How many, of what is not known one by one. */
  readonly count?: number;
  /** Why it is not known. */
  readonly why?: string;
}

interface Asking {
  readonly ledger: Pick<Ledger, 'manifestCache' | 'quarantine'>;
  readonly reader: RegistryReader;
  /** What is locked, and was not changed since, is old (ISO 8601, UTC). */
  readonly lockedBefore: string;
  /** What was not changed since is known to each replica of the registry. */
  readonly settledBefore: string;
  readonly concurrency: number;
}

const TOO_NEW =
  'the registry lists it, and does not find it; it was pushed within the last hour, or its time is not known';

/** How a manifest that no listing shows stands in the registry. `there`: it was pushed while the listing was read. */
type Unlisted = 'gone' | 'hidden' | 'there' | { readonly why: string };

/** A repository once more: what a client deleted or pushed while it was looked at is no finding. */
interface Again {
  readonly attributes: RepositoryAttributes | undefined;
  readonly tags: ReadonlyMap<string, TagRecord>;
  readonly manifests: ReadonlyMap<string, ManifestRecord>;
}

/** So many unlisted manifests of earlier runs are asked for, where the registry says that it has hidden ones. */
const MOST_ASKED = 1000;

/**
 * Looks for what is broken or left over in one repository. Nothing is changed in the registry.
 * @throws {RegistryError} where it cannot be listed
 * @throws {StoppedError}
 */
export async function checkRepository(
  { ledger, reader, lockedBefore, settledBefore, concurrency }: Asking,
  repository: string,
  find: (found: Found) => void,
): Promise<void> {
  const attributes = await reader.attributes(repository);
  // The tags first: a tag that is set meanwhile then shows on its manifest.
  const tags = (await reader.tags(repository)) ?? [];
  const listing: ManifestListing = (await reader.manifests(repository)) ?? { byDigest: new Map(), newest: undefined };
  const listed = listing.byDigest;
  if (attributes?.locked) find({ kind: 'repository-locked' });
  if (tags.length + listed.size === 0) {
    // One that was deleted meanwhile has no attributes.
    if (attributes && (attributes.manifests ?? 0) === 0) find({ kind: 'repository-empty' });
  }
  const lookAgain = newSecondLook(reader, repository);
  /** Finds what is still so by a second look, which is taken only where there is something to find. */
  const findIf = async (found: Found, isStill: (again: Again) => boolean): Promise<void> => {
    if (isStill(await lookAgain())) find(found);
  };
  const waiting = await waitingIn(ledger, repository, reader.loginServer);
  for (const record of listed.values()) ofLock(record, { digest: record.digest });
  for (const tag of tags) ofLock(tag, { tag: tag.name });

  const { facts, unlisted } = await factsOf({ ledger, reader, concurrency, waiting }, repository, listed);
  const isThere = newLook(reader, repository);
  const named = namesOf(tags, listed, facts);
  const hidden = new Set<string>();
  const gone: Named[] = [];
  await eachOf(named, concurrency, async (one) => {
    const { digest } = one;
    const now = await isThere(digest);
    if (typeof now === 'object') find({ kind: 'not-known', digest, why: now.why });
    else if (now === 'gone') gone.push(one);
    else if (now === 'hidden') {
      if (!hidden.has(digest)) find({ kind: 'hidden', digest });
      hidden.add(digest);
    }
  });
  for (const { kind, about } of gone) await findIf({ kind, ...about }, (again) => isNamedBy(about, again));
  for (const [digest, fact] of facts)
    if (fact.state === 'missing') {
      const since = listed.get(digest)?.lastUpdated;
      const isSettled = since !== undefined && since < settledBefore;
      const found: Found = isSettled
        ? { kind: 'manifest-gone', digest, since }
        : { kind: 'not-known', digest, why: TOO_NEW };
      await findIf(found, ({ manifests }) => manifests.has(digest));
    } else if (fact.state === 'unreadable' && !listed.get(digest)?.unreadable)
      find({ kind: 'not-known', digest, why: fact.why });
  for (const { digest, unreadable, lastUpdated: since } of listed.values())
    if (unreadable && !waiting.has(`@${digest}`))
      await findIf({ kind: 'unreadable', digest, since }, ({ manifests }) => isUnreadable(manifests.get(digest)));
  for (const { name: tag, unreadable, lastUpdated: since } of tags)
    if (unreadable && !waiting.has(`:${tag}`))
      await findIf({ kind: 'unreadable', tag, since }, (again) => isUnreadable(again.tags.get(tag)));
  await hiddenOnes();

  function ofLock(record: ManifestRecord | TagRecord, about: Pick<Found, 'tag' | 'digest'>): void {
    const since = record.lastUpdated;
    if (record.locked && since !== undefined && since < lockedBefore) find({ kind: 'locked-and-old', ...about, since });
  }

  /** What the registry counts and no listing shows: those that earlier runs knew by name, and the number of the others. */
  async function hiddenOnes(): Promise<void> {
    let left = (attributes?.manifests ?? 0) - listed.size - hidden.size;
    if (left > 0) {
      // The first number was asked for before the listing, this one after it: what was deleted or pushed meanwhile is in one of them.
      const again = await lookAgain();
      left = Math.min(left, (again.attributes?.manifests ?? 0) - again.manifests.size - hidden.size);
    }
    if (left > 0)
      await eachOf([...unlisted.keys()].slice(0, MOST_ASKED), concurrency, async (digest) => {
        if (hidden.has(digest) || left <= 0 || (await isThere(digest)) !== 'hidden') return;
        hidden.add(digest);
        left -= 1;
        find({ kind: 'hidden', digest });
      });
    if (left > 0) find({ kind: 'hidden', count: left });
  }
}

/** Takes a second look at a repository, once. */
function newSecondLook(reader: RegistryReader, repository: string): () => Promise<Again> {
  let taken: Promise<Again> | undefined;
  const take = async (): Promise<Again> => {
    const tags = (await reader.tags(repository)) ?? [];
    const manifests = (await reader.manifests(repository))?.byDigest ?? new Map<string, ManifestRecord>();
    const attributes = await reader.attributes(repository);
    return { attributes, tags: new Map(tags.map((tag) => [tag.name, tag])), manifests };
  };
  return () => (taken ??= take());
}

/** Whether what names a manifest is still there, and a tag still names that one. */
function isNamedBy({ tag, digest }: Named['about'], { tags, manifests }: Again): boolean {
  if (tag === undefined) return digest !== undefined && manifests.has(digest);
  const now = tags.get(tag);
  return now !== undefined && (digest === undefined || now.digest === digest);
}

const isUnreadable = (record: ManifestRecord | TagRecord | undefined): boolean => record?.unreadable === true;

/** The keys of what runs have made unreadable. */
async function waitingIn(
  ledger: Pick<Ledger, 'quarantine'>,
  repository: string,
  registry: string,
): Promise<ReadonlySet<string>> {
  const { entries } = await ledger.quarantine(registry, repository);
  return new Set(entries.map((one) => (one.kind === 'tag' ? `:${one.tag ?? ''}` : `@${one.digest}`)));
}

/** What the manifests hold that may hold something. What an earlier run has read is not read again. */
async function factsOf(
  {
    ledger,
    reader,
    concurrency,
    waiting,
  }: Pick<Asking, 'ledger' | 'reader' | 'concurrency'> & { readonly waiting: ReadonlySet<string> },
  repository: string,
  listed: ReadonlyMap<string, ManifestRecord>,
): Promise<{ readonly facts: ReadonlyMap<string, ManifestFacts>; readonly unlisted: ReadonlyMap<string, ReadFacts> }> {
  const file = ledger.manifestCache(reader.loginServer, repository);
  const known = await remembered(file, repository, (digest) => listed.get(digest)?.digest);
  const facts = new Map<string, ManifestFacts>(known.facts);
  const wanted = [...listed.values()].filter(
    ({ digest, kind, mayRefer }) =>
      (kind === 'index' || kind === 'unknown' || mayRefer) && !facts.has(digest) && !waiting.has(`@${digest}`),
  );
  try {
    await eachOf(wanted, concurrency, async ({ digest }) => {
      const fact = await reader.manifest(repository, digest);
      facts.set(digest, slim(fact));
    });
  } finally {
    if (wanted.length > 0) await remember(file, repository, new Map([...known.unlisted, ...facts]));
  }
  return { facts, unlisted: known.unlisted };
}

function slim(fact: ManifestFacts): ManifestFacts {
  if (fact.state !== 'read') return fact;
  const { children, subject } = fact;
  return children.length === 0 && subject === undefined ? NOTHING : { state: 'read', children, subject };
}

/** Asks for a manifest that no listing shows, once. The registry's word by digest and its content must agree. */
function newLook(reader: RegistryReader, repository: string): (digest: string) => Promise<Unlisted> {
  const asked = new Map<string, Promise<Unlisted>>();
  const ask = async (digest: string): Promise<Unlisted> => {
    try {
      const attributes = await reader.manifestAttributes(repository, digest);
      if (attributes) return attributes.hidden ? 'hidden' : 'there';
      const fact = await reader.manifest(repository, digest);
      if (fact.state === 'unreadable') return { why: fact.why };
      return fact.state === 'read' ? 'there' : 'gone';
    } catch (error) {
      if (error instanceof StoppedError) throw error;
      return { why: (error as Error).message };
    }
  };
  return (digest) => {
    const known = asked.get(digest) ?? ask(digest);
    asked.set(digest, known);
    return known;
  };
}

interface Named {
  /** What it is where it is gone. */
  readonly kind: CheckKind;
  readonly digest: string;
  readonly about: Omit<Found, 'kind'>;
}

/** Everything that names a manifest which no listing shows. */
function namesOf(
  tags: readonly TagRecord[],
  listed: ReadonlyMap<string, ManifestRecord>,
  facts: ReadonlyMap<string, ManifestFacts>,
): readonly Named[] {
  const named: Named[] = [];
  for (const { name, digest, lastUpdated: since } of tags) {
    if (digest !== undefined && !listed.has(digest))
      named.push({ kind: 'tag-without-manifest', digest, about: { tag: name, digest, since } });
    const image = imageOfSignatureTag(name);
    if (image !== undefined && !listed.has(image))
      named.push({ kind: 'signature-without-image', digest: image, about: { tag: name, other: image, since } });
  }
  for (const [digest, fact] of facts) {
    if (fact.state !== 'read') continue;
    const { kind, lastUpdated: since } = listed.get(digest) ?? {};
    // Of other kinds, any digest that the text mentions counts as a child: it may be that of a layer.
    for (const child of kind === 'index' ? fact.children : [])
      if (!listed.has(child.digest))
        named.push({ kind: 'platform-missing', digest: child.digest, about: { digest, other: child.digest, since } });
    const { subject } = fact;
    if (subject !== undefined && !listed.has(subject))
      named.push({ kind: 'referrer-without-image', digest: subject, about: { digest, other: subject, since } });
  }
  return named;
}
