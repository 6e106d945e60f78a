import { createHash, hash, randomUUID } from 'node:crypto';
import { contentOf, Shelf, type Content, type Segment } from './blob-content.ts';

/** An upload that is not complete. */
export interface Upload {
  readonly id: string;
  readonly repository: string;
  readonly segments: readonly Segment[];
  readonly size: number;
}

/** The blobs of a registry: each once, and for each repository which of them are in it. */
export class Blobs {
  readonly shelf = new Shelf();
  readonly #segments = new Map<string, readonly Segment[]>();
  readonly #links = new Map<string, Set<string>>();
  readonly #uploads = new Map<string, Upload>();

  get(repository: string, digest: string): Content | undefined {
    return this.has(repository, digest) ? this.find(digest) : undefined;
  }

  /** A blob, in whatever repository it is. */
  find(digest: string): Content | undefined {
    const segments = this.#segments.get(digest);
    return segments === undefined ? undefined : contentOf(segments);
  }

  has(repository: string, digest: string): boolean {
    return this.#links.get(repository)?.has(digest) ?? false;
  }

  /** Whether anything is in this repository. Most have no blobs: tests are about manifests. */
  hasAny(repository: string): boolean {
    return this.#links.has(repository);
  }

  /** Adds a blob. Returns its digest. */
  put(repository: string, bytes: Uint8Array): string {
    const digest = `sha256:${hash('sha256', bytes)}`;
    if (!this.#segments.has(digest)) this.#segments.set(digest, [this.shelf.keepBytes(bytes)]);
    this.#link(repository, digest);
    return digest;
  }

  /** Puts a blob of another repository into this one. Returns whether it is there. */
  mount(repository: string, digest: string, from: string): boolean {
    const isThere = this.has(from, digest);
    if (isThere) this.#link(repository, digest);
    return isThere;
  }

  /** Takes a blob out of a repository. Returns whether it was in it. */
  remove(repository: string, digest: string): boolean {
    const links = this.#links.get(repository);
    if (links?.delete(digest) !== true) return false;
    if (links.size === 0) this.#links.delete(repository);
    if ([...this.#links.values()].some((others) => others.has(digest))) return true;
    this.shelf.drop(this.#segments.get(digest) ?? []);
    this.#segments.delete(digest);
    return true;
  }

  /** `repo@digest`, sorted. */
  left(): readonly string[] {
    return [...this.#links].flatMap(([name, digests]) => [...digests].map((digest) => `${name}@${digest}`)).sort();
  }

  begin(repository: string): Upload {
    const upload = { id: randomUUID(), repository, segments: [], size: 0 };
    this.#uploads.set(upload.id, upload);
    return upload;
  }

  upload(repository: string, id: string): Upload | undefined {
    const upload = this.#uploads.get(id);
    return upload?.repository === repository ? upload : undefined;
  }

  append(upload: Upload, segment: Segment): Upload {
    const longer = {
      ...upload,
      segments: segment.size === 0 ? upload.segments : [...upload.segments, segment],
      size: upload.size + segment.size,
    };
    this.#uploads.set(upload.id, longer);
    return longer;
  }

  cancel({ id, segments }: Upload): void {
    this.#uploads.delete(id);
    this.shelf.drop(segments);
  }

  /** Makes a blob of an upload, if it has this digest. The upload is over either way. */
  async complete(upload: Upload, digest: string): Promise<'complete' | 'another digest'> {
    this.#uploads.delete(upload.id);
    const content = contentOf(upload.segments);
    const sha = createHash('sha256');
    for await (const chunk of content.stream(0, content.size)) sha.update(chunk);
    if (`sha256:${sha.digest('hex')}` !== digest) {
      this.shelf.drop(upload.segments);
      return 'another digest';
    }
    if (this.#segments.has(digest)) this.shelf.drop(upload.segments);
    else this.#segments.set(digest, upload.segments);
    this.#link(upload.repository, digest);
    return 'complete';
  }

  #link(repository: string, digest: string): void {
    const links = this.#links.get(repository) ?? new Set();
    this.#links.set(repository, links.add(digest));
  }
}
