import { kindOf, mayHaveSubject } from '../../src/registry/media-types.ts';
import { type Instant, toInstant } from '../../src/registry/time.ts';
import type {
  ManifestContent,
  ManifestFacts,
  ManifestRecord,
  RegistryReader,
  TagRecord,
} from '../../src/registry/types.ts';

/** When the repositories of this file are planned. */
export const NOW = new Date('2026-11-24T00:00:00Z');
const OLD = daysAgo(40);

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

/** A manifest of a made-up repository. */
export interface Shaped {
  readonly id: number;
  readonly mediaType?: string;
  readonly tags?: readonly string[];
  readonly children?: readonly number[];
  readonly subject?: number;
  readonly lastUpdated?: Instant;
  readonly locked?: boolean;
}

export function digestOf(id: number): string {
  // As of real digests, the beginning tells nothing of the order.
  return `sha256:${((id * 2654435761) % 2 ** 32).toString(16).padStart(8, '0')}${String(id).padStart(56, '0')}`;
}

function daysAgo(days: number): Instant {
  return toInstant(new Date(NOW.getTime() - days * 86_400_000));
}

/** Ids from `from`, so many. */
export function ids(count: number, from = 0): readonly number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

/** A registry of one repository, in memory, and what was asked of it. */
export interface ShapedRegistry {
  readonly reader: RegistryReader;
  /** Digests that were read, in order. */
  readonly read: readonly string[];
  /** Digests whose referrers were asked for, in order. */
  readonly asked: readonly string[];
}

/** @param answersReferrers whether it knows the call that lists the referrers of a manifest */
export function registryOf(all: readonly Shaped[], answersReferrers = true): ShapedRegistry {
  const records = new Map<string, ManifestRecord>();
  const contents = new Map<string, ManifestContent>();
  const referrers = new Map<string, string[]>();
  const tags: TagRecord[] = [];
  const indexes = new Set(all.filter(({ children }) => children).map(({ id }) => id));
  for (const one of all) {
    const digest = digestOf(one.id);
    const mediaType = one.mediaType ?? (one.children ? INDEX : one.subject === undefined ? DOCKER : IMAGE);
    const lastUpdated = one.lastUpdated ?? OLD;
    const locked = one.locked ?? false;
    records.set(digest, {
      digest,
      mediaType,
      kind: kindOf(mediaType),
      mayRefer: mayHaveSubject(mediaType),
      looksRunnable: mediaType === IMAGE && one.subject === undefined,
      size: 1000,
      created: lastUpdated,
      lastUpdated,
      locked,
      tags: one.tags ?? [],
    });
    contents.set(digest, {
      children: (one.children ?? []).map((id) => ({ digest: digestOf(id), index: indexes.has(id) })),
      subject: one.subject === undefined ? undefined : digestOf(one.subject),
    });
    if (one.subject !== undefined) {
      const subject = digestOf(one.subject);
      const known = referrers.get(subject);
      if (known) known.push(digest);
      else referrers.set(subject, [digest]);
    }
    for (const name of one.tags ?? []) tags.push({ name, digest, lastUpdated, locked });
  }
  const read: string[] = [];
  const asked: string[] = [];
  const reader: RegistryReader = {
    loginServer: 'shapes.example',
    manifestCount: () => Promise.resolve(records.size),
    repositories: () => Promise.resolve(['app']),
    attributes: () => Promise.resolve({ locked: false, manifests: records.size, tags: tags.length }),
    manifestAttributes: (_, digest) => Promise.resolve(records.get(digest)),
    tags: () => Promise.resolve(tags),
    lookAtTags: () => Promise.resolve(new Map()),
    manifests: () => Promise.resolve({ byDigest: records, newest: undefined }),
    manifest(_, digest) {
      read.push(digest);
      const content = contents.get(digest);
      return Promise.resolve<ManifestFacts>(content ? { state: 'read', ...content } : { state: 'missing' });
    },
    referrers(_, digest) {
      asked.push(digest);
      return Promise.resolve(answersReferrers ? (referrers.get(digest) ?? []) : undefined);
    },
  };
  return { reader, read, asked };
}
