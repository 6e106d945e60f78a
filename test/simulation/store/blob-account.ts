import { isHeld, leaseHeaders, type Leased, onLease } from './blob-leases.ts';
import { type BlobAnswer, type BlobRequest, type Operation, Refusal } from './blob-requests.ts';
import { blockList, idsIn, listing } from './blob-xml.ts';

interface Version {
  readonly type: 'BlockBlob' | 'AppendBlob';
  readonly etag: string;
  readonly modified: number;
  readonly length: number;
  /** Its bytes, in pieces. */
  readonly blocks: readonly Block[];
}

interface Block {
  /** None: of an append, or of a blob that was written at once. */
  readonly id?: string;
  readonly bytes: Buffer;
}

interface Blob extends Leased {
  /** Absent: there are blocks for it, but they are not committed. Then there is no such blob for all others. */
  version?: Version | undefined;
  readonly uncommitted: Map<string, Buffer>;
}

/** An append blob has no more blocks. */
const MOST_BLOCKS = 50_000;
const MOST_APPENDED = 100 * 1024 * 1024;
const LARGEST_PAGE = 5000;

/**
 * A storage account with one container, as Blob Storage keeps it: each request is carried out at once or not at all.
 * Etags change with every write, and with nothing else; leases run out by its own clock.
 */
export class BlobAccount {
  readonly #blobs = new Map<string, Blob>();
  #hasContainer = false;
  #writes = 0;
  #sorted: readonly string[] | undefined;

  /** The files that are there, with what is in them. */
  get files(): ReadonlyMap<string, { readonly bytes: Buffer; readonly etag: string }> {
    const files = new Map<string, { bytes: Buffer; etag: string }>();
    for (const path of this.#paths()) {
      const version = this.#blobs.get(path)?.version;
      if (version) files.set(path, { bytes: wholeOf(version), etag: version.etag });
    }
    return files;
  }

  /** The blobs that are leased at a time. */
  leased(now: number): readonly string[] {
    return this.#paths().filter((path) => isHeld(this.#blobs.get(path)?.lease, now));
  }

  /** The last bytes of a blob, and how many it has. */
  endOf(path: string): { readonly length: number; readonly last: number | undefined } {
    const version = this.#blobs.get(path)?.version;
    return { length: version?.length ?? 0, last: version?.blocks.at(-1)?.bytes.at(-1) };
  }

  /**
   * @param shorten how many of the entries that a page of a listing might have it has; the service promises none
   * @throws {Refusal}
   */
  carryOut(request: BlobRequest, now: number, shorten = (entries: number): number => entries): BlobAnswer {
    const { operation } = request;
    if (operation === 'create container') {
      if (this.#hasContainer) throw new Refusal(409, 'ContainerAlreadyExists');
      this.#hasContainer = true;
      return this.#answer(201);
    }
    if (!this.#hasContainer) throw new Refusal(404, 'ContainerNotFound', 'The specified container does not exist.');
    if (operation === 'list') return this.#list(request, shorten);
    return this.#onBlob(operation, request, now);
  }

  #onBlob(operation: Exclude<Operation, 'create container' | 'list'>, request: BlobRequest, now: number): BlobAnswer {
    switch (operation) {
      case 'write':
        return this.#put(request, now, 'BlockBlob', [{ bytes: request.body }]);
      case 'create':
        return this.#put(request, now, 'AppendBlob', []);
      case 'block':
        return this.#stage(request, now);
      case 'commit':
        return this.#commit(request, now);
      case 'append':
        return this.#append(request, now);
      case 'blocks':
        return this.#blocks(request);
      case 'read':
        return this.#read(request, now);
      case 'properties': {
        const version = this.#found(request);
        return { status: 200, headers: this.#headersOf(request.path, version, version.length, now) };
      }
      case 'delete':
        // Blocks alone are deleted, too.
        if (!this.#blobs.get(request.path)?.uncommitted.size) this.#found(request);
        checkLease(this.#blobs.get(request.path), request, now);
        this.#blobs.delete(request.path);
        this.#sorted = undefined;
        return this.#answer(202);
      case 'acquire':
      case 'renew':
      case 'release':
      case 'break': {
        const { etag } = this.#found(request);
        const blob = this.#blobs.get(request.path);
        return this.#answer(onLease(operation, blob ?? {}, request, now), { etag, ...leaseHeaders(blob?.lease) });
      }
    }
  }

  #blocks(request: BlobRequest): BlobAnswer {
    const blob = this.#blobs.get(request.path);
    // Of one that is not committed, too: it has none.
    if (blob && !blob.version) return xml(blockList([]));
    const { type, blocks, etag } = this.#found(request);
    if (type === 'AppendBlob') throw new Refusal(409, 'InvalidBlobType');
    const named = blocks.flatMap(({ id, bytes }) => (id === undefined ? [] : [{ id, size: bytes.length }]));
    return xml(blockList(named), { etag });
  }

  /** A blob as it is, where its conditions hold. */
  #found(request: BlobRequest): Version {
    const version = this.#blobs.get(request.path)?.version;
    if (!version) throw new Refusal(404, 'BlobNotFound', 'The specified blob does not exist.');
    checkEtag(version, request);
    return version;
  }

  /** Everything that must hold before a blob is written. @returns what there is of it */
  #writable(request: BlobRequest, now: number): Blob {
    const blob = this.#blobs.get(request.path) ?? { uncommitted: new Map<string, Buffer>() };
    if (request.header('if-none-match') === '*' && blob.version)
      throw new Refusal(409, 'BlobAlreadyExists', 'The specified blob already exists.');
    checkEtag(blob.version, request);
    checkLease(blob, request, now);
    return blob;
  }

  #put(request: BlobRequest, now: number, type: Version['type'], blocks: readonly Block[]): BlobAnswer {
    const blob = this.#writable(request, now);
    // Blocks that are not committed are discarded.
    blob.uncommitted.clear();
    return this.#became(request.path, blob, type, blocks, now);
  }

  #stage(request: BlobRequest, now: number): BlobAnswer {
    const id = request.query.get('blockid');
    if (!id) throw new Refusal(400, 'InvalidQueryParameterValue');
    const blob = this.#writable(request, now);
    if (blob.version?.type === 'AppendBlob') throw new Refusal(409, 'InvalidBlobType');
    blob.uncommitted.set(id, request.body);
    this.#blobs.set(request.path, blob);
    return this.#answer(201);
  }

  #commit(request: BlobRequest, now: number): BlobAnswer {
    const blob = this.#writable(request, now);
    if (blob.version?.type === 'AppendBlob') throw new Refusal(409, 'InvalidBlobType');
    const blocks = idsIn(request.body.toString()).map((id): Block => {
      const bytes = blob.uncommitted.get(id) ?? blob.version?.blocks.find((block) => block.id === id)?.bytes;
      if (!bytes) throw new Refusal(400, 'InvalidBlockList', 'The specified block list is invalid.');
      return { id, bytes };
    });
    blob.uncommitted.clear();
    return this.#became(request.path, blob, 'BlockBlob', blocks, now);
  }

  #append(request: BlobRequest, now: number): BlobAnswer {
    const { type, length, blocks } = this.#found(request);
    if (type !== 'AppendBlob') throw new Refusal(409, 'InvalidBlobType');
    const blob = this.#writable(request, now);
    const position = request.header('x-ms-blob-condition-appendpos');
    if (position !== undefined && Number(position) !== length)
      throw new Refusal(412, 'AppendPositionConditionNotMet', 'The append position condition specified was not met.');
    if (blocks.length >= MOST_BLOCKS) throw new Refusal(409, 'BlockCountExceedsLimit');
    if (request.body.length > MOST_APPENDED) throw new Refusal(413, 'RequestBodyTooLarge');
    if (request.body.length === 0) throw new Refusal(400, 'InvalidHeaderValue');
    const appended = { 'x-ms-blob-append-offset': String(length) };
    return this.#became(request.path, blob, type, [...blocks, { bytes: request.body }], now, appended);
  }

  #became(
    path: string,
    blob: Blob,
    type: Version['type'],
    blocks: readonly Block[],
    now: number,
    headers: BlobAnswer['headers'] = {},
  ): BlobAnswer {
    this.#writes += 1;
    const etag = `"0x8DE${this.#writes.toString(16).toUpperCase().padStart(12, '0')}"`;
    blob.version = {
      type,
      etag,
      modified: now,
      length: blocks.reduce((sum, { bytes }) => sum + bytes.length, 0),
      blocks,
    };
    // A lease that has run out cannot be renewed any more once the blob was written without it.
    if (!isHeld(blob.lease, now)) blob.lease = undefined;
    if (this.#blobs.get(path) !== blob) this.#blobs.set(path, blob);
    this.#sorted = undefined;
    return this.#answer(201, { etag, 'last-modified': new Date(now).toUTCString(), ...headers });
  }

  #read(request: BlobRequest, now: number): BlobAnswer {
    const version = this.#found(request);
    const bytes = wholeOf(version);
    const range = request.header('x-ms-range') ?? request.header('range');
    if (range === undefined)
      return { status: 200, headers: this.#headersOf(request.path, version, bytes.length, now), body: bytes };
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
    const first = Number(from);
    if (from === '' || first >= bytes.length)
      throw new Refusal(416, 'InvalidRange', 'The range specified is invalid for the current size of the resource.');
    const last = Math.min(to === '' ? Infinity : Number(to), bytes.length - 1);
    const body = bytes.subarray(first, last + 1);
    const contentRange = `bytes ${first}-${last}/${bytes.length}`;
    const headers = this.#headersOf(request.path, version, body.length, now);
    return { status: 206, headers: { ...headers, 'content-range': contentRange }, body };
  }

  #list({ query, path: prefix }: BlobRequest, shorten: (entries: number) => number): BlobAnswer {
    const most = Math.min(Number(query.get('maxresults') ?? LARGEST_PAGE), LARGEST_PAGE);
    const delimiter = query.get('delimiter') ?? '';
    const from = Buffer.from(query.get('marker') ?? '', 'base64').toString();
    const entries = new Map<string, boolean>();
    for (const path of this.#paths()) {
      if (!path.startsWith(prefix)) continue;
      const end = delimiter === '' ? -1 : path.indexOf(delimiter, prefix.length);
      const name = end === -1 ? path : path.slice(0, end + delimiter.length);
      if (name >= from) entries.set(name, end !== -1);
    }
    const all = [...entries].map(([name, isPrefix]) => ({ name, isPrefix }));
    const page = all.slice(0, Math.min(most, shorten(Math.min(most, all.length))));
    const next = all[page.length]?.name;
    return xml(listing(page, next === undefined ? '' : Buffer.from(next).toString('base64')));
  }

  #paths(): readonly string[] {
    return (this.#sorted ??= [...this.#blobs.keys()].filter((path) => this.#blobs.get(path)?.version).sort());
  }

  #headersOf(path: string, { type, etag, modified }: Version, length: number, now: number): BlobAnswer['headers'] {
    const held = isHeld(this.#blobs.get(path)?.lease, now);
    return {
      'content-length': String(length),
      'content-type': 'application/octet-stream',
      etag,
      'last-modified': new Date(modified).toUTCString(),
      'x-ms-blob-type': type,
      'x-ms-lease-status': held ? 'locked' : 'unlocked',
    };
  }

  #answer(status: number, headers: BlobAnswer['headers'] = {}): BlobAnswer {
    return { status, headers: { 'content-length': '0', ...headers } };
  }
}

function xml(text: string, headers: BlobAnswer['headers'] = {}): BlobAnswer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: Buffer.from(text) };
}

function wholeOf({ blocks }: Version): Buffer {
  const [first, ...others] = blocks;
  return first && others.length === 0 ? first.bytes : Buffer.concat(blocks.map(({ bytes }) => bytes));
}

function checkEtag(version: Version | undefined, request: BlobRequest): void {
  const expected = request.header('if-match');
  if (expected !== undefined && (version === undefined || (expected !== '*' && expected !== version.etag)))
    throw new Refusal(412, 'ConditionNotMet', 'The condition specified using HTTP conditional header(s) is not met.');
}

/** A blob that is leased is written and deleted under its lease only. */
function checkLease(blob: Blob | undefined, request: BlobRequest, now: number): void {
  const id = request.header('x-ms-lease-id');
  if (!isHeld(blob?.lease, now)) {
    if (id === undefined) return;
    throw blob?.lease
      ? new Refusal(412, 'LeaseLost', 'A lease ID was specified, but the lease for the blob has expired.')
      : new Refusal(412, 'LeaseNotPresentWithBlobOperation', 'There is currently no lease on the blob.');
  }
  if (id === undefined)
    throw new Refusal(412, 'LeaseIdMissing', 'There is currently a lease on the blob and no lease ID was specified.');
  if (id !== blob?.lease?.id)
    throw new Refusal(
      412,
      'LeaseIdMismatchWithBlobOperation',
      'The lease ID specified did not match the lease ID for the blob.',
    );
}
