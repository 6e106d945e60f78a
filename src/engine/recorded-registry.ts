import type { Ledger } from '../ledger/ledger.ts';
import { type Decision, keyOf } from '../planner/decision.ts';
import { NOTHING, remembered } from '../registry/manifest-cache.ts';
import { kindOf, looksRunnable, mayHaveSubject } from '../registry/media-types.ts';
import { parseInstant } from '../registry/time.ts';
import type { ManifestFacts, ManifestListing, ManifestRecord, ReadOnlyRegistry, TagRecord } from '../registry/types.ts';

/** Why what a run did not read is kept. */
const NOT_RECORDED = 'no run has recorded what it holds';

/** One repository, as a run has recorded it. */
interface Recorded {
  readonly tags: readonly TagRecord[];
  readonly manifests: ManifestListing;
  readonly facts: ReadonlyMap<string, ManifestFacts>;
}

/**
 * A registry as a run saw it: its decisions name the tags and manifests, and the ledger remembers what manifests hold.
 * What is named by others only has no time and no media type here, and so stays. Nothing is asked of the registry.
 */
export function recordedRegistry(
  ledger: Ledger,
  run: { readonly id: string; readonly registry: string },
): ReadOnlyRegistry {
  let last: { readonly name: string; readonly recorded: Promise<Recorded> } | undefined;
  const recordedOf = (name: string): Promise<Recorded> => {
    // A repository is planned with several calls, one after the other.
    if (last?.name !== name) last = { name, recorded: readRecorded(ledger, run, name) };
    return last.recorded;
  };
  return {
    loginServer: run.registry,
    async repositories() {
      const names: string[] = [];
      for await (const { summary } of ledger.repositories(run.id)) names.push(summary.repository);
      return names;
    },
    tags: async (name) => (await recordedOf(name)).tags,
    async lookAtTags(name, wanted) {
      const { tags } = await recordedOf(name);
      return new Map(tags.filter((tag) => wanted.includes(tag.name)).map((tag) => [tag.name, tag]));
    },
    manifests: async (name) => (await recordedOf(name)).manifests,
    manifestCount: async (name) => (await recordedOf(name)).manifests.byDigest.size,
    async attributes(name) {
      const { tags, manifests } = await recordedOf(name);
      return { locked: false, tags: tags.length, manifests: manifests.byDigest.size };
    },
    manifestAttributes: async (name, digest) => (await recordedOf(name)).manifests.byDigest.get(digest),
    async manifest(name, digest) {
      const { manifests, facts } = await recordedOf(name);
      if (manifests.byDigest.get(digest)?.kind === 'plain') return NOTHING;
      return facts.get(digest) ?? { state: 'unreadable', why: NOT_RECORDED };
    },
    referrers: () => Promise.resolve(undefined),
  };
}

async function readRecorded(
  ledger: Ledger,
  { id, registry }: { readonly id: string; readonly registry: string },
  repository: string,
): Promise<Recorded> {
  const tags = new Map<string, TagRecord>();
  const byDigest = new Map<string, ManifestRecord>();
  const decisions = new Map<string, Decision>();
  for await (const decision of ledger.decisions(id, { repository })) decisions.set(keyOf(decision), decision);
  for (const decision of decisions.values()) {
    const { kind, tag, digest, locked = false } = decision;
    const lastUpdated = parseInstant(decision.lastUpdateTime);
    if (kind === 'tag' && tag !== undefined) tags.set(tag, { name: tag, digest, lastUpdated, locked });
    if (kind === 'manifest' && digest !== undefined) byDigest.set(digest, manifestOf(digest, decision));
  }
  for (const { digest, tags: names } of [...byDigest.values()])
    for (const name of names)
      if (!tags.has(name)) tags.set(name, { name, digest, lastUpdated: undefined, locked: false });
  for (const { name, digest } of tags.values()) {
    if (digest === undefined) continue;
    const { tags: others, ...known } = byDigest.get(digest) ?? manifestOf(digest, {});
    byDigest.set(digest, { ...known, tags: others.includes(name) ? others : [...others, name] });
  }
  const { facts, unlisted } = await remembered(ledger.manifestCache(registry, repository), repository, (digest) =>
    byDigest.has(digest) ? digest : undefined,
  );
  // A run reads what may refer to another manifest. What it did not read looked like an image to run.
  for (const [digest, known] of byDigest)
    if (facts.has(digest)) byDigest.set(digest, { ...known, looksRunnable: false });
  return {
    tags: [...tags.values()].sort((a, b) => ((a.lastUpdated ?? '') < (b.lastUpdated ?? '') ? 1 : -1)),
    manifests: { byDigest, newest: undefined },
    facts: new Map([...facts, ...unlisted]),
  };
}

function manifestOf(
  digest: string,
  { mediaType, size, locked, createdTime, lastUpdateTime, tags = [] }: Partial<Decision>,
): ManifestRecord {
  return {
    digest,
    mediaType,
    kind: kindOf(mediaType),
    mayRefer: mayHaveSubject(mediaType),
    looksRunnable: looksRunnable(mediaType, undefined),
    size,
    created: parseInstant(createdTime),
    lastUpdated: parseInstant(lastUpdateTime),
    locked: locked === true,
    tags,
  };
}
