import type { Attributes, ManifestState, RepositoryState } from '../../src/dev/emulator/index.ts';
import { type Built, image } from '../../src/dev/emulator/manifests.ts';

const DAY = 86_400;

/** A manifest in a repository, in days, and its tags: of the manifest's age, and with its lock where `locked` says so. */
export interface Stored {
  readonly built: Built;
  readonly days: number;
  readonly tags?: readonly string[];
  readonly locked?: Attributes;
  readonly lockedTags?: Attributes;
  readonly time?: string | null;
  readonly mediaType?: string | null;
}

export function repositoryOf(...contents: readonly Stored[]): RepositoryState {
  return {
    manifests: contents.map(({ built, days, locked, time, mediaType }): ManifestState => ({
      body: built.body,
      age: days * DAY,
      ...(locked && { locked }),
      ...(time !== undefined && { lastUpdateTime: time }),
      ...(mediaType !== undefined && { mediaType }),
    })),
    tags: contents.flatMap(({ built, days, tags = [], lockedTags }) =>
      tags.map((name) => ({ name, digest: built.digest, age: days * DAY, ...(lockedTags && { locked: lockedTags }) })),
    ),
  };
}

/** `count` images of 40 days, each under a tag `<prefix>-<n>`; without a tag where there is no prefix. */
export function images(name: string, count: number, prefix?: string): readonly Stored[] {
  return Array.from({ length: count }, (_, n) => ({
    built: image(`${name}/${n}`, { docker: true }),
    days: 40,
    ...(prefix !== undefined && { tags: [`${prefix}-${n}`] }),
  }));
}
