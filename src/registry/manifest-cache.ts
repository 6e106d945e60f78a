import { createHash } from 'node:crypto';
import type { ManifestContent, ManifestFacts } from './types.ts';

/*
 * What the manifests of one repository hold, as earlier runs read it: a digest fixes it, so it need not be read twice.
 * A header, then a digest a line, with what it holds where that is something, then the hash of all that:
 *
 *     {"format":1,"repository":"team/app"}
 *     "sha256:…"
 *     ["sha256:…",{"children":[{"digest":"sha256:…","index":false}],"subject":"sha256:…"}]
 *     {"sha256":"…"}
 *
 * It is believed as a whole or not at all: what is deleted hangs on it.
 */

/** Another one means that manifests are understood in another way: then everything is read again. */
const FORMAT = 1;

/** Where it is kept. */
export interface FactsFile {
  /** Its lines, several at a time; none where there is no such file. */
  readonly read: () => AsyncIterable<readonly string[]>;
  /** Writes it as a whole, a value a line. */
  readonly write: (values: Iterable<unknown>) => Promise<void>;
}

export interface Remembered {
  readonly facts: ReadonlyMap<string, ReadFacts>;
  /** Of the others, what held something, the newest last: it may be hidden, and need what it holds. */
  readonly unlisted: ReadonlyMap<string, ReadFacts>;
  /** How many others there were besides. */
  readonly others: number;
}

export type ReadFacts = ManifestFacts & { readonly state: 'read' };

/** What most manifests hold; one for all of them, because there may be a hundred thousand. */
export const NOTHING: ReadFacts = { state: 'read', children: [], subject: undefined };

/**
 * What is remembered of some manifests. It only ever saves reading them: what cannot be read here, or is not what was
 * written, is not remembered.
 *
 * @param wanted the digest, as the caller has it, where it is of use
 */
export async function remembered(
  file: FactsFile,
  repository: string,
  wanted: (digest: string) => string | undefined,
): Promise<Remembered> {
  try {
    return await read(file, repository, wanted);
  } catch {
    return { facts: new Map(), unlisted: new Map(), others: 0 };
  }
}

/** Remembers this and nothing else. Never throws. */
export async function remember(
  file: FactsFile,
  repository: string,
  facts: ReadonlyMap<string, ManifestFacts>,
): Promise<void> {
  // A store that cannot be written makes itself heard where it matters.
  await file.write(entries(repository, facts)).catch(() => undefined);
}

function* entries(repository: string, facts: ReadonlyMap<string, ManifestFacts>): Generator<unknown, void, undefined> {
  const hash = createHash('sha256');
  const hashed = <T>(value: T): T => {
    hash.update(`${JSON.stringify(value)}\n`);
    return value;
  };
  yield hashed({ format: FORMAT, repository });
  for (const [digest, fact] of facts) {
    if (fact.state !== 'read') continue;
    const { children, subject } = fact;
    const holdsNothing = children.length === 0 && subject === undefined;
    yield hashed(holdsNothing ? digest : [digest, { children, ...(subject !== undefined && { subject }) }]);
  }
  yield { sha256: hash.digest('hex') };
}

async function read(
  file: FactsFile,
  repository: string,
  wanted: (digest: string) => string | undefined,
): Promise<Remembered> {
  const facts = new Map<string, ReadFacts>();
  const unlisted = new Map<string, ReadFacts>();
  let others = 0;
  const hash = createHash('sha256');
  const header = JSON.stringify({ format: FORMAT, repository });
  let before: string | undefined;
  for await (const lines of file.read()) {
    for (const line of lines) {
      if (before === undefined && line !== header) throw new SyntaxError('not the facts of this repository');
      if (before !== undefined) take(before);
      before = line;
    }
  }
  if (before === undefined) return { facts, unlisted, others };
  if (before !== JSON.stringify({ sha256: hash.digest('hex') })) throw new SyntaxError('damaged');
  return { facts, unlisted, others };

  /** Any line but the last. */
  function take(line: string): void {
    hash.update(`${line}\n`);
    if (line === header) return;
    const entry = JSON.parse(line) as string | readonly [string, Partial<ManifestContent>];
    const [name, content] = typeof entry === 'string' ? [entry] : entry;
    const digest = wanted(name);
    if (digest !== undefined) facts.set(digest, content ? { ...NOTHING, ...content } : NOTHING);
    else if (content) unlisted.set(name, { ...NOTHING, ...content });
    else others += 1;
  }
}
