import { createReadStream, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes that can be read again and again, as a stream. */
export interface Content {
  readonly size: number;
  /** The bytes from `start` to before `end`. */
  readonly stream: (start: number, end: number) => AsyncIterable<Uint8Array>;
}

/** A part of a content: in memory, or a file. */
export interface Segment {
  readonly size: number;
  readonly bytes?: Uint8Array;
  readonly file?: string;
}

/** The parts of a content, one after the other. */
export function contentOf(segments: readonly Segment[]): Content {
  const size = segments.reduce((sum, segment) => sum + segment.size, 0);
  return {
    size,
    async *stream(start, end) {
      let before = 0;
      for (const segment of segments) {
        const [from, to] = [Math.max(start - before, 0), Math.min(end - before, segment.size)];
        before += segment.size;
        if (from >= to) continue;
        if (segment.bytes !== undefined) yield segment.bytes.subarray(from, to);
        else if (segment.file !== undefined) yield* createReadStream(segment.file, { start: from, end: to - 1 });
      }
    },
  };
}

/** A part that is larger than this becomes a file. */
const largestInMemory = 1024 * 1024;

/** What all parts in memory may have together. */
const memory = 64 * 1024 * 1024;

/** Folders of this process, which go with it. */
const folders = new Set<string>();

/** Keeps bytes: few of them in memory, and others in a temporary folder. */
export class Shelf {
  #folder: string | undefined;
  #inMemory = 0;
  #files = 0;

  /** Keeps what a request sends. */
  async keep(stream: AsyncIterable<Uint8Array>): Promise<Segment> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const iterator = stream[Symbol.asyncIterator]();
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      chunks.push(next.value);
      size += next.value.length;
      if (size > this.#room()) return this.#write(chunks, iterator);
    }
    this.#inMemory += size;
    return { size, bytes: Buffer.concat(chunks) };
  }

  /** Keeps what is there as a whole. */
  keepBytes(bytes: Uint8Array): Segment {
    const { length: size } = bytes;
    if (size <= this.#room()) {
      this.#inMemory += size;
      return { size, bytes };
    }
    const file = this.#nextFile();
    writeFileSync(file, bytes);
    return { size, file };
  }

  drop(segments: readonly Segment[]): void {
    for (const { size, bytes, file } of segments) {
      if (bytes !== undefined) this.#inMemory -= size;
      if (file !== undefined) unlinkSync(file);
    }
  }

  /** Deletes the folder. */
  close(): void {
    if (this.#folder === undefined) return;
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
    this.#folder = undefined;
  }

  /** How large a part in memory may be. */
  #room(): number {
    return Math.min(largestInMemory, memory - this.#inMemory);
  }

  async #write(begun: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): Promise<Segment> {
    const file = this.#nextFile();
    const handle = await open(file, 'w');
    let size = 0;
    try {
      for (const chunk of begun) {
        await handle.writeFile(chunk);
        size += chunk.length;
      }
      for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
        await handle.writeFile(next.value);
        size += next.value.length;
      }
    } catch (error) {
      unlinkSync(file);
      throw error;
    } finally {
      await handle.close();
    }
    return { size, file };
  }

  #nextFile(): string {
    if (this.#folder === undefined) {
      if (folders.size === 0) {
        process.once('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
      }
      this.#folder = mkdtempSync(join(tmpdir(), 'acr-retention-blobs-'));
      folders.add(this.#folder);
    }
    return join(this.#folder, String(this.#files++));
  }
}
