import type { Attributes } from '../../../src/dev/emulator/types.ts';
import type { Document } from './documents.ts';
import type { Recorded } from './history.ts';

/*
 * What was in a registry, from when to when. All times are true times, in milliseconds since 1970.
 */

/** A value, from a moment on until there is the next one. */
export interface Since<T> {
  readonly from: number;
  readonly value: T;
}

/** One life of an artifact: from when it was there until it was deleted. */
export interface Life {
  readonly repository: string;
  readonly from: number;
  /** `Infinity`: it is there. */
  until: number;
  /** What ended it. */
  end?: Recorded;
  readonly attributes: Since<Attributes>[];
  /** Its last update, as the registry tells it; `undefined`: the registry tells none. */
  readonly updated: Since<number | undefined>[];
}

/** A tag on one manifest. Moved to another manifest, it is another life. */
export interface TagLife extends Life {
  readonly tag: string;
  readonly digest: string;
}

export interface ManifestLife extends Life {
  readonly digest: string;
  readonly document: Document;
  /** As listings have it, where that is not the document's own; `null`: they have none. */
  readonly mediaType: string | null | undefined;
}

/** Everything that ever was in one repository. */
export interface RepositoryHistory {
  readonly name: string;
  readonly attributes: Since<Attributes>[];
  readonly tags: Map<string, TagLife[]>;
  readonly manifests: Map<string, ManifestLife[]>;
  /** By the manifest. */
  readonly tagsOn: Map<string, TagLife[]>;
  /** Of what lists a manifest as its child, by the child. */
  readonly needing: Map<string, ManifestLife[]>;
  /** By the subject. */
  readonly referring: Map<string, ManifestLife[]>;
}

export const NOTHING: Attributes = {};

export function emptyRepository(name: string): RepositoryHistory {
  return {
    name,
    attributes: [{ from: -Infinity, value: NOTHING }],
    tags: new Map(),
    manifests: new Map(),
    tagsOn: new Map(),
    needing: new Map(),
    referring: new Map(),
  };
}

/** How a life begins. */
interface Born {
  readonly from: number;
  readonly updated: number | undefined;
  readonly attributes: Attributes;
}

type BornManifest = Born & Pick<ManifestLife, 'digest' | 'document' | 'mediaType'>;

export function addManifest(repository: RepositoryHistory, manifest: BornManifest): void {
  const { digest, document, mediaType } = manifest;
  const life: ManifestLife = { ...lifeOf(repository, manifest), digest, document, mediaType };
  add(repository.manifests, digest, life);
  for (const child of document.children) add(repository.needing, child.digest, life);
  if (document.subject !== undefined) add(repository.referring, document.subject, life);
}

export function addTag(repository: RepositoryHistory, born: Born & Pick<TagLife, 'tag' | 'digest'>): void {
  const { tag, digest } = born;
  const life: TagLife = { ...lifeOf(repository, born), tag, digest };
  add(repository.tags, tag, life);
  add(repository.tagsOn, digest, life);
}

function lifeOf({ name }: RepositoryHistory, { from, updated, attributes }: Born): Life {
  return {
    repository: name,
    from,
    until: Infinity,
    attributes: [{ from, value: attributes }],
    updated: [{ from, value: updated }],
  };
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** The one that is there now. */
export function living<T extends { readonly until: number }>(lives: readonly T[] | undefined): T | undefined {
  const last = lives?.at(-1);
  return last?.until === Infinity ? last : undefined;
}

export function lifeAt<T extends Life>(lives: readonly T[], time: number): T | undefined {
  return lives.find(({ from, until }) => from <= time && time < until);
}

export function valueAt<T>(values: readonly Since<T>[], time: number): T | undefined {
  return values.findLast(({ from }) => from <= time)?.value;
}

/** The values that there were at some moment of a time, the moments of its ends included. */
export function during<T>(values: readonly Since<T>[], from: number, to: number): readonly T[] {
  return values
    .filter((one, n) => one.from <= to && (values[n + 1]?.from ?? Infinity) >= from)
    .map(({ value }) => value);
}
