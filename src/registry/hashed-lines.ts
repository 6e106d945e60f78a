import { createHash } from 'node:crypto';

/*
 * A file of lines with their hash at its end:
 *
 *     {"format":1,"repository":"team/app"}
 *     a value a line
 *     {"sha256":"…"}
 *
 * It only saves work. One that is damaged, or of another format, is not used at all.
 */

/** Where it is stored. */
export interface FactsFile {
  /** Its lines, several at a time; none where the file does not exist. */
  readonly read: () => AsyncIterable<readonly string[]>;
  /** Replaces the file, a value a line. */
  readonly write: (values: Iterable<unknown>) => Promise<void>;
}

/** Says what a file is: the format of its lines, and what they are about. */
export interface Header {
  readonly format: number;
  readonly repository: string;
}

/** The lines to write: the header, the values, and their hash. */
export function* hashed(header: Header, values: Iterable<unknown>): Generator<unknown, void, undefined> {
  const hash = createHash('sha256');
  const line = <T>(value: T): T => {
    hash.update(`${JSON.stringify(value)}\n`);
    return value;
  };
  yield line(header);
  for (const value of values) yield line(value);
  yield { sha256: hash.digest('hex') };
}

/**
 * Reads one. What `take` was given counts only once this has returned: the hash is at the end.
 * @param take is given each value
 * @throws {SyntaxError} where the file is damaged, or another one; nothing where there is none
 */
export async function readHashed(file: FactsFile, header: Header, take: (value: unknown) => void): Promise<void> {
  const hash = createHash('sha256');
  const first = JSON.stringify(header);
  let before: string | undefined;
  for await (const lines of file.read()) {
    for (const line of lines) {
      if (before === undefined && line !== first) throw new SyntaxError('not the facts of this repository');
      if (before !== undefined) takeLine(before);
      before = line;
    }
  }
  if (before !== undefined && before !== JSON.stringify({ sha256: hash.digest('hex') }))
    throw new SyntaxError('damaged');

  /** Takes any line but the last. */
  function takeLine(line: string): void {
    hash.update(`${line}\n`);
    if (line !== first) take(JSON.parse(line));
  }
}
