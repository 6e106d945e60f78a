import { type FactsFile, hashed, type Header, readHashed } from './hashed-lines.ts';
import type { ManifestContent, ManifestFacts } from './types.ts';

/*
 * What the manifests of one repository hold, as earlier runs read it. A digest fixes the content, so it need not be read
 * twice. The file has a header, a line for each digest with its children and subject if it has any, and a hash:
 *
 *     {"format":1,"repository":"team/app"}
 *     "sha256:…"
 *     ["sha256:…",{"children":[{"digest":"sha256:…","index":false}],"subject":"sha256:…"}]
 *     {"sha256":"…"}
 *
 * A file whose hash does not match is not used at all: decisions on deleting depend on it.
 */

/** Changes where manifests are interpreted in another way: then everything is read again. */
const FORMAT = 1;

export interface Remembered {
  readonly facts: ReadonlyMap<string, ReadFacts>;
  /** Manifests that are not wanted and hold something, the newest last: one may be hidden, and need its children. */
  readonly unlisted: ReadonlyMap<string, ReadFacts>;
  /** Number of the other manifests that are not wanted. */
  readonly others: number;
}

export type ReadFacts = ManifestFacts & { readonly state: 'read' };

/** What most manifests hold. One object for all, because there may be a hundred thousand. */
export const NOTHING: ReadFacts = { state: 'read', children: [], subject: undefined };

/**
 * Reads the cache. It only saves reading manifests: a file that is missing or damaged counts as empty.
 *
 * @param wanted the caller's own text of this digest; `undefined` where it does not want it
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

/** Replaces the cache by these manifests. Never throws. */
export async function remember(
  file: FactsFile,
  repository: string,
  facts: ReadonlyMap<string, ManifestFacts>,
): Promise<void> {
  // Where the store cannot be written, the ledger reports it.
  await file.write(hashed(headerOf(repository), entries(facts))).catch(() => undefined);
}

function* entries(facts: ReadonlyMap<string, ManifestFacts>): Generator<unknown, void, undefined> {
  for (const [digest, fact] of facts) {
    if (fact.state !== 'read') continue;
    const { children, subject } = fact;
    const holdsNothing = children.length === 0 && subject === undefined;
    yield holdsNothing ? digest : [digest, { children, ...(subject !== undefined && { subject }) }];
  }
}

function headerOf(repository: string): Header {
  return { format: FORMAT, repository };
}

async function read(
  file: FactsFile,
  repository: string,
  wanted: (digest: string) => string | undefined,
): Promise<Remembered> {
  const facts = new Map<string, ReadFacts>();
  const unlisted = new Map<string, ReadFacts>();
  let others = 0;
  await readHashed(file, headerOf(repository), (value) => {
    const entry = value as string | readonly [string, Partial<ManifestContent>];
    const [name, content] = typeof entry === 'string' ? [entry] : entry;
    const digest = wanted(name);
    if (digest !== undefined) facts.set(digest, content ? { ...NOTHING, ...content } : NOTHING);
    else if (content) unlisted.set(name, { ...NOTHING, ...content });
    else others += 1;
  });
  return { facts, unlisted, others };
}
