import { type BlobTable, newBlobTable, SHA256 } from './blob-table.ts';
import type { FactsFile } from './hashed-lines.ts';
import type { ManifestFacts } from './types.ts';

/*
 * What the manifests of one repository take up: which blobs each names. A digest fixes that, so a manifest is read once. The
 * file has a line for each blob, and one for each manifest, which names its blobs by their place in the file:
 *
 *     {"format":1,"repository":"team/app"}
 *     ["sha256:…",2811478]                  a blob, and its bytes
 *     ["sha256:…",1469,[0]]                 a manifest: its own bytes, its blobs
 *     ["sha256:…",7682,[],["sha256:…"]]     the same of an index, with its children
 *     ["sha256:…",null]                     one that could not be read
 *     ["sha256:…"]                          one that an index names, and that is not there
 *     {"hidden":2}                          how many more there are, which no listing shows
 */

const FORMAT = 1;

/** Places of blobs that are remembered in one repository: 100,000 images of 50 layers. */
const MOST_PLACES = 5_000_000;

/** A manifest: where its blobs stand among the places, or why they are not known. */
interface Entry {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  readonly children: readonly string[];
}

type Known = Entry | 'unread' | 'missing';

/** What the manifests of a repository take up. It grows while they are read. */
export interface Layers {
  readonly of: (digest: string) => Known | undefined;
  readonly add: (digest: string, fact: ManifestFacts) => void;
  /** Takes what an earlier run has read of what is `wanted`. A file that is missing or damaged counts as empty. */
  readonly recall: (file: FactsFile, repository: string, wanted: (digest: string) => boolean) => Promise<void>;
  /** Replaces the file by these manifests. Where the store cannot be written, the next run reads them again. */
  readonly remember: (file: FactsFile, repository: string, digests: Iterable<string>, hidden: number) => Promise<void>;
}

export function newLayers(): Layers {
  const blobs = newBlobTable();
  const known = new Map<string, Known>();
  let places = new Uint32Array(1024);
  let used = 0;
  const place = (blob: number): void => {
    if (used === places.length) {
      const before = places;
      places = new Uint32Array(used * 2);
      places.set(before);
    }
    places[used] = blob;
    used += 1;
  };
  const enter = (
    digest: string,
    bytes: number,
    numbers: readonly (number | undefined)[],
    children: readonly string[],
  ): void => {
    // The pool that all blobs are counted in knows no other digests.
    if (used + numbers.length > MOST_PLACES || numbers.includes(undefined) || !SHA256.test(digest)) {
      known.set(digest, 'unread');
      return;
    }
    const from = used;
    for (const blob of numbers) if (blob !== undefined) place(blob);
    known.set(digest, { bytes, from, to: used, children });
  };
  const isDone = (digest: string): boolean => typeof known.get(digest) === 'object';

  return {
    of: (digest) => known.get(digest),
    add(digest, fact) {
      if (isDone(digest)) return;
      if (fact.state === 'missing') known.set(digest, 'missing');
      else if (fact.state === 'unreadable' || !fact.stored) known.set(digest, 'unread');
      else {
        const { bytes, blobs: named } = fact.stored;
        const children = fact.children.map((child) => child.digest);
        enter(
          digest,
          bytes,
          named.map((blob) => blobs.add(blob.digest, blob.size)),
          children,
        );
      }
    },
    async recall(file, repository, wanted) {
      const numbers: (number | undefined)[] = [];
      try {
        await readLayers(file, repository, {
          blob: (digest, size) => void numbers.push(blobs.add(digest, size)),
          manifest(digest, { bytes, blobs: named, children }) {
            if (known.has(digest) || !wanted(digest)) return;
            enter(
              digest,
              bytes,
              named.map((one) => numbers[one]),
              children,
            );
          },
          // What could not be read then is asked again.
          unread: () => undefined,
          missing: (digest) => {
            if (!known.has(digest) && wanted(digest)) known.set(digest, 'missing');
          },
        });
      } catch {
        // What was read of it up to there is right: each line stands for itself.
      }
    },
    async remember(file, repository, digests, hidden) {
      await file.write(lines(repository, digests, hidden)).catch(() => undefined);
    },
  };

  function* lines(repository: string, digests: Iterable<string>, hidden: number): Generator<unknown, void> {
    yield { format: FORMAT, repository };
    const written = newPlaces(blobs);
    for (const digest of digests) {
      const one = known.get(digest);
      if (one === undefined || one === 'unread') yield [digest, null];
      else if (one === 'missing') yield [digest];
      else {
        const { bytes, from, to, children } = one;
        const named: number[] = [];
        for (const blob of places.subarray(from, to)) {
          const { at, isNew } = written(blob);
          if (isNew) yield [blobs.digestOf(blob), blobs.sizeOf(blob)];
          named.push(at);
        }
        yield children.length > 0 ? [digest, bytes, named, children] : [digest, bytes, named];
      }
    }
    if (hidden > 0) yield { hidden };
  }
}

/** Numbers blobs in the order in which they are written. */
function newPlaces(blobs: BlobTable): (blob: number) => { readonly at: number; readonly isNew: boolean } {
  const places = new Int32Array(blobs.count()).fill(-1);
  let next = 0;
  return (blob) => {
    const at = places[blob] ?? -1;
    if (at >= 0) return { at, isNew: false };
    places[blob] = next;
    next += 1;
    return { at: next - 1, isNew: true };
  };
}

/** A manifest as the file has it. */
interface WrittenManifest {
  readonly bytes: number;
  /** Places of its blobs: the first blob of the file is 0. */
  readonly blobs: readonly number[];
  readonly children: readonly string[];
}

/** Takes what a file says, in its order. */
interface LayersVisitor {
  readonly blob: (digest: string, size: number) => void;
  readonly manifest: (digest: string, manifest: WrittenManifest) => void;
  readonly unread: (digest: string) => void;
  readonly missing?: (digest: string) => void;
  readonly hidden?: (count: number) => void;
}

/**
 * Of which repository a file is; `undefined` where there is none.
 * @throws {SyntaxError} where it is no file of layers
 */
export async function repositoryOf(file: Pick<FactsFile, 'read'>): Promise<string | undefined> {
  for await (const [line] of file.read()) if (line !== undefined) return headerOf(JSON.parse(line), undefined);
  return undefined;
}

/**
 * Reads a file of layers, line by line.
 * @param repository of which it must be
 * @returns whether there is such a file
 * @throws {SyntaxError} where it is not one
 */
export async function readLayers(
  file: Pick<FactsFile, 'read'>,
  repository: string,
  visitor: LayersVisitor,
): Promise<boolean> {
  let isBegun = false;
  for await (const some of file.read())
    for (const line of some) {
      const value: unknown = JSON.parse(line);
      if (isBegun) take(value, visitor);
      else headerOf(value, repository);
      isBegun = true;
    }
  return isBegun;
}

function headerOf(value: unknown, wanted: string | undefined): string {
  const { format, repository } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (format !== FORMAT || typeof repository !== 'string' || repository !== (wanted ?? repository))
    throw new SyntaxError('not the layers of this repository');
  return repository;
}

function take(value: unknown, visitor: LayersVisitor): void {
  if (!Array.isArray(value)) {
    const { hidden } = (value ?? {}) as Readonly<Record<string, unknown>>;
    if (!isCount(hidden)) throw new SyntaxError('neither a blob nor a manifest');
    visitor.hidden?.(hidden);
    return;
  }
  const [digest, bytes, blobs, children = []] = value as readonly unknown[];
  if (typeof digest !== 'string') throw new SyntaxError('it has no digest');
  if (value.length === 1) visitor.missing?.(digest);
  else if (bytes === null) visitor.unread(digest);
  else if (!isCount(bytes)) throw new SyntaxError('it has no size');
  else if (blobs === undefined) visitor.blob(digest, bytes);
  else if (Array.isArray(blobs) && blobs.every(isCount) && isTexts(children))
    visitor.manifest(digest, { bytes, blobs, children });
  else throw new SyntaxError('its blobs are no list');
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
