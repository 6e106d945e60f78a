import { toGzippedLines } from './ndjson.ts';
import { linesOf } from './parse.ts';
import type { Store } from './store/store.ts';

/** A file of values, a line of JSON each, compressed. */
export interface LinesFile {
  /** Its lines, several at a time; none where there is no such file. */
  readonly read: () => AsyncIterable<readonly string[]>;
  /** Writes it as a whole. */
  readonly write: (values: Iterable<unknown>) => Promise<void>;
}

/** One that is there, and may be in the way. */
export interface StoredLines extends LinesFile {
  readonly remove: () => Promise<void>;
}

/** @param check throws where it must not be written any more */
export function linesFile(store: Store, path: string, check?: () => void): LinesFile {
  return {
    async *read() {
      yield* linesOf(store, path, await store.stream(path));
    },
    async write(values) {
      await store.write(path, toGzippedLines(values), check && { check });
    },
  };
}

/** The files of a folder. */
export async function* linesFilesIn(store: Store, folder: string): AsyncGenerator<StoredLines, void> {
  for await (const path of store.list(folder)) yield { ...linesFile(store, path), remove: () => store.remove(path) };
}
