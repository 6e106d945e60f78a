import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import type { Attributes, RegistryState } from '../../../src/dev/emulator/types.ts';
import { type Document, documentOf } from './documents.ts';
import {
  addManifest,
  addTag,
  emptyRepository,
  type Life,
  lifeAt,
  living,
  type ManifestLife,
  NOTHING,
  type RepositoryHistory,
  type TagLife,
  valueAt,
} from './lives.ts';

/** A request of a process. */
export interface ByProcess {
  readonly process: string;
  /** The run that it worked on. */
  readonly run?: string;
  /** When the request was written to its connection. It may have taken effect long after that. */
  readonly sentAt: number;
}

interface Made {
  /** When it took effect. */
  readonly at: number;
  readonly by: 'others' | ByProcess;
  readonly repository: string;
}

/** What is changed in a repository. What was refused, or changed nothing, is no change. */
export type What =
  | { readonly kind: 'push'; readonly digest: string; readonly body: string }
  | { readonly kind: 'tag'; readonly tag: string; readonly digest: string }
  | { readonly kind: 'delete-tag'; readonly tag: string }
  /** Its tags and its referrers go along with it: no changes of their own are recorded for them. */
  | { readonly kind: 'delete-manifest'; readonly digest: string }
  /** All attributes as they are afterwards: of a tag, of a manifest, or of the repository. */
  | {
      readonly kind: 'attributes';
      readonly tag?: string;
      readonly digest?: string;
      readonly attributes: Attributes;
      /** It was asked to be made unreadable, or readable, and nothing else. */
      readonly isReadability?: boolean;
      /** That was its last update, by what the registry says. */
      readonly isMoved?: boolean;
    }
  | { readonly kind: 'delete-repository' };

export type Change = Made & What;

export type AttributesChange = Change & { readonly kind: 'attributes' };

/** A change, with what ended by it. */
export interface Recorded {
  readonly change: Change;
  readonly tags: readonly TagLife[];
  readonly manifests: readonly ManifestLife[];
  /** The attributes before they were changed. */
  readonly before?: Attributes | undefined;
}

/** One repository at one moment. */
export interface Held {
  readonly name: string;
  readonly attributes: Attributes;
  readonly tags: readonly HeldTag[];
  readonly manifests: readonly HeldManifest[];
}

interface HeldArtifact {
  readonly digest: string;
  readonly updated: number | undefined;
  readonly attributes: Attributes;
}

export interface HeldTag extends HeldArtifact {
  readonly tag: string;
}

export interface HeldManifest extends HeldArtifact {
  readonly document: Document;
  readonly mediaType: string | null | undefined;
}

/** Everything that happened to a registry, and so what it held at any time. */
export class History {
  readonly changes: Recorded[] = [];
  readonly repositories = new Map<string, RepositoryHistory>();

  /** @param begun when it begins; the ages in the state count from then */
  constructor(state: RegistryState, begun: number) {
    const from = -Infinity;
    for (const [name, { manifests, tags, locked }] of Object.entries(state)) {
      if (manifests.length === 0) continue;
      const repository = this.#open(name);
      if (locked) repository.attributes.push({ from, value: locked });
      // What stands there twice was pushed twice.
      const last = new Map(manifests.map((one) => [digestOf(one.body), one]));
      for (const [digest, { body, age, locked: attributes = NOTHING, mediaType, lastUpdateTime }] of last) {
        const updated = updateOf(lastUpdateTime, begun - age * 1000);
        addManifest(repository, { from, updated, attributes, digest, document: documentOf(digest, body), mediaType });
      }
      for (const { name: tag, digest, age, locked: attributes = NOTHING, lastUpdateTime } of tags)
        addTag(repository, { from, updated: updateOf(lastUpdateTime, begun - age * 1000), attributes, tag, digest });
    }
  }

  record(change: Change): Recorded {
    const recorded = this.#apply(change, this.#open(change.repository));
    for (const life of [...recorded.tags, ...recorded.manifests]) life.end = recorded;
    this.changes.push(recorded);
    return recorded;
  }

  /** A repository as it was once everything had happened that happened at that moment; `undefined`: there was none. */
  at(time: number, name: string): Held | undefined {
    const repository = this.repositories.get(name);
    if (!repository) return undefined;
    const about = (life: Life) => ({
      updated: valueAt(life.updated, time),
      attributes: valueAt(life.attributes, time) ?? NOTHING,
    });
    const manifests: HeldManifest[] = [];
    for (const lives of repository.manifests.values()) {
      const life = lifeAt(lives, time);
      if (!life) continue;
      const { digest, document, mediaType } = life;
      manifests.push({ digest, document, mediaType, ...about(life) });
    }
    if (manifests.length === 0) return undefined;
    const tags: HeldTag[] = [];
    for (const lives of repository.tags.values()) {
      const life = lifeAt(lives, time);
      if (life) tags.push({ tag: life.tag, digest: life.digest, ...about(life) });
    }
    return { name, attributes: valueAt(repository.attributes, time) ?? NOTHING, tags, manifests };
  }

  /**
   * The change of an artifact's attributes was its last update as well, by what the registry says.
   * @param from since when that counts, unless there was another update by then
   */
  moved(change: AttributesChange, from = change.at): void {
    const { at } = change;
    const life = this.#changed(change);
    if (!life || life.until <= from) return;
    const later = life.updated.findIndex((one) => one.from > from);
    const place = later === -1 ? life.updated.length : later;
    if ((life.updated[place - 1]?.from ?? -Infinity) <= at) life.updated.splice(place, 0, { from, value: at });
  }

  /**
   * No run has seen that the artifact was pushed in so many milliseconds before the change of its attributes.
   * @returns whether it was
   */
  notSeen(change: AttributesChange, milliseconds: number): boolean {
    const { at } = change;
    const updated = this.#changed(change)?.updated ?? [];
    const first = updated.findIndex(({ from }, n) => n > 0 && from <= at && from > at - milliseconds);
    if (first === -1) return false;
    const later = updated.findIndex(({ from }) => from > at);
    updated.splice(first, (later === -1 ? updated.length : later) - first);
    return true;
  }

  /** The tag or the manifest whose attributes were changed. */
  #changed({ at, repository, tag, digest = '' }: AttributesChange): Life | undefined {
    const known = this.repositories.get(repository);
    const lives: readonly Life[] = (tag === undefined ? known?.manifests.get(digest) : known?.tags.get(tag)) ?? [];
    return lifeAt(lives, at);
  }

  #open(name: string): RepositoryHistory {
    const known = this.repositories.get(name);
    if (known) return known;
    const repository = emptyRepository(name);
    this.repositories.set(name, repository);
    return repository;
  }

  #apply(change: Change, repository: RepositoryHistory): Recorded {
    const { at } = change;
    const nothing: Recorded = { change, tags: [], manifests: [] };
    switch (change.kind) {
      case 'push': {
        const { digest, body } = change;
        // What is there already is not changed by it, as in the embedded registry.
        if (living(repository.manifests.get(digest))) return nothing;
        const document = documentOf(digest, body);
        addManifest(repository, {
          ...{ from: at, updated: at, attributes: NOTHING },
          ...{ digest, document, mediaType: undefined },
        });
        return nothing;
      }
      case 'tag': {
        const { tag, digest } = change;
        const before = living(repository.tags.get(tag));
        if (before?.digest === digest) {
          before.updated.push({ from: at, value: at });
          return nothing;
        }
        if (before) before.until = at;
        // A lock is the name's, and moves with it.
        const attributes = before?.attributes.at(-1)?.value ?? NOTHING;
        addTag(repository, { from: at, updated: at, attributes, tag, digest });
        return before ? { ...nothing, tags: [before] } : nothing;
      }
      case 'delete-tag': {
        const tag = living(repository.tags.get(change.tag));
        if (!tag) throw new Error(`${change.repository} has no tag ${change.tag}`);
        tag.until = at;
        return { ...nothing, tags: [tag] };
      }
      case 'delete-manifest':
        return { change, ...deleteManifests(repository, [change.digest], at) };
      case 'attributes': {
        const { attributes, updated } = targetOf(repository, change);
        const before = attributes.at(-1)?.value;
        attributes.push({ from: at, value: change.attributes });
        if (change.isMoved) updated?.push({ from: at, value: at });
        return { ...nothing, before };
      }
      case 'delete-repository':
        return { change, ...deleteManifests(repository, [...repository.manifests.keys()], at) };
    }
  }
}

/** Deletes manifests, their tags and their referrers; with the last manifest the repository is gone. */
function deleteManifests(
  repository: RepositoryHistory,
  digests: readonly string[],
  at: number,
): Pick<Recorded, 'tags' | 'manifests'> {
  const tags: TagLife[] = [];
  const manifests: ManifestLife[] = [];
  const left = [...digests];
  for (let digest = left.pop(); digest !== undefined; digest = left.pop()) {
    const manifest = living(repository.manifests.get(digest));
    if (!manifest) continue;
    manifest.until = at;
    manifests.push(manifest);
    for (const tag of repository.tagsOn.get(digest) ?? []) {
      if (tag.until !== Infinity) continue;
      tag.until = at;
      tags.push(tag);
    }
    for (const referrer of repository.referring.get(digest) ?? []) left.push(referrer.digest);
  }
  if (manifests.length === 0) throw new Error(`${repository.name} has no ${digests.join(', ')}`);
  const isEmpty = [...repository.manifests.values()].every((lives) => !living(lives));
  if (isEmpty) repository.attributes.push({ from: at, value: NOTHING });
  return { tags, manifests };
}

function targetOf(
  repository: RepositoryHistory,
  { tag, digest }: { readonly tag?: string; readonly digest?: string },
): Pick<Life, 'attributes'> & Partial<Pick<Life, 'updated'>> {
  if (tag === undefined && digest === undefined) return { attributes: repository.attributes };
  const life = tag === undefined ? living(repository.manifests.get(digest ?? '')) : living(repository.tags.get(tag));
  if (!life) throw new Error(`${repository.name} has no ${tag ?? digest ?? ''}`);
  return life;
}

/** @param otherwise where the registry tells no other time than that of the push */
function updateOf(told: string | null | undefined, otherwise: number): number | undefined {
  if (told === undefined) return otherwise;
  const time = Date.parse(told ?? '');
  return Number.isNaN(time) ? undefined : time;
}
