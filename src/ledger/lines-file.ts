import { toGzippedLines } from './ndjson.ts';
import { linesOf } from './parse.ts';
import type { Store } from './store/store.ts';

/** A file of values, a line of JSON each. */
export interface LinesFile {
  /** Its lines, several at a time; none where there is no such file. */
  readonly read: () => AsyncIterable<readonly string[]>;
  /** Writes it as a whole. */
  readonly write: (values: Iterable<unknown>) => Promise<void>;
}

/** @param check throws where the file must not be written any more */
export function linesFile(store: Store, path: string, check: (() => void) | undefined): LinesFile {
  return {
    async *read() {
      yield* linesOf(store, path, await store.stream(path));
    },
    async write(values) {
      await store.write(path, toGzippedLines(values), check && { check });
    },
  };
}
