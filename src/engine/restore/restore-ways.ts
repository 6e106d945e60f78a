import type { Held } from '../../planner/restore.ts';
import { addTo } from '../../planner/slices.ts';
import type { ContentReader, RegistryContent } from '../../registry/content.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';

/* Where copies of what was deleted are, and how each brings a manifest back. */

/** The copies of one repository that one way has. */
export interface Copies {
  readonly reason: 'soft-deleted' | 'archived';
  readonly has: (digest: string) => boolean;
  /** Manifests that had this tag, the newest first. */
  readonly named: (tag: string) => readonly string[];
  /** What a manifest holds, where a copy can be looked into. */
  readonly held?: (digest: string) => Promise<Held | undefined>;
  /** Why it has none at all; absent: it was asked. */
  readonly why?: string;
}

/** One way back. */
export interface Way {
  readonly look: (repository: string, signal: AbortSignal) => Promise<Copies>;
  /**
   * Brings a manifest back, with this tag where that can be done in one step.
   * @returns `false` where the copy is gone by now
   * @throws {RegistryError}
   */
  readonly restore: (
    content: RegistryContent,
    image: { readonly repository: string; readonly digest: string; readonly tag: string | undefined },
    options: { readonly force: boolean; readonly signal: AbortSignal },
  ) => Promise<boolean>;
}

export function noCopies(reason: Copies['reason'], why: string): Copies {
  return { reason, has: () => false, named: () => [], why };
}

/** What the registry keeps of what was deleted, for as long as its policy says. */
export function softDelete(content: ContentReader): Way {
  return {
    async look(repository, signal) {
      const none = (why: string): Copies => noCopies('soft-deleted', why);
      try {
        const manifests = await content.deletedManifests(repository, signal);
        if (!manifests) return none('the registry keeps nothing that was deleted (soft delete)');
        const digests = new Set(manifests.map(({ digest }) => digest));
        // Without this list manifests still come back, and tags are set by pushing them again.
        const tags = (await content.deletedTags(repository, signal)) ?? [];
        const newest = tags.toSorted((a, b) => ((a.deletedAt ?? '') < (b.deletedAt ?? '') ? 1 : -1));
        const byTag = new Map<string, string[]>();
        for (const { tag, digest } of newest) addTo(byTag, tag, digest);
        return {
          reason: 'soft-deleted',
          has: (digest) => digests.has(digest),
          named: (tag) => byTag.get(tag) ?? [],
        };
      } catch (error) {
        if (!(error instanceof RegistryError) || error instanceof StoppedError) throw error;
        return none(error.message);
      }
    },
    async restore(own, { repository, digest, tag }, { force, signal }) {
      const result = await own.restoreDeleted(repository, digest, tag, { force }, signal);
      if (result.state === 'refused') throw result.error;
      return result.state === 'restored';
    },
  };
}
