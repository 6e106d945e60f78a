import type { Decision } from '../../planner/decision.ts';
import type { FactsFile } from '../../registry/hashed-lines.ts';
import { StoppedError } from '../../registry/errors.ts';
import { type Layers, newLayers } from '../../registry/layers.ts';
import type { Clock } from '../../registry/clock.ts';
import type { ManifestFacts, ManifestListing, RegistryReader, TagRecord } from '../../registry/types.ts';
import type { RunContext } from '../context.ts';
import { eachOf } from '../each.ts';
import { isFreed } from '../freed.ts';
import type { PlannedRepository, Task } from '../inventory.ts';
import type { Attempt } from '../merge.ts';

/*
 * What the manifests of a repository take up is read before something in it is deleted, for afterwards nothing can say what
 * a deleted manifest held. Nothing depends on it: where it cannot be read, the run only knows less of what it frees.
 */

/** How a run learns what manifests take up. */
export interface ReadsLayers {
  /** Where it is remembered, by repository. */
  readonly file: (repository: string) => FactsFile;
  /** How many manifests got no answer in this run. */
  readonly failures: { count: number };
  /** How long reading may take in one repository: the rest is for a later run. Absent: as long as it takes. */
  readonly milliseconds?: number;
}

/** A reader, and what it has read so far. */
interface Collecting {
  readonly reader: RegistryReader;
  readonly layers: Layers;
}

/** Notes what manifests take up that are read for whatever reason. */
export function collecting(reader: RegistryReader): Collecting {
  const layers = newLayers();
  return {
    layers,
    reader: {
      ...reader,
      async manifest(repository, digest, signal) {
        const fact = await reader.manifest(repository, digest, signal);
        // What is not there, or cannot be read, is asked once more: it is another question here.
        if (fact.state === 'read') layers.add(digest, fact);
        return fact;
      },
    },
  };
}

/**
 * A reader for a plan, and what notes what manifests take up once there is one: before the first command deletes anything.
 * Nothing, where that is not asked for.
 */
export function withLayers(
  { reader, layers: reads, ledger }: Pick<RunContext, 'reader' | 'layers' | 'ledger'>,
  repository: string,
  before?: Pick<Attempt, 'decisions'>,
): {
  readonly reader: RegistryReader;
  readonly note: (planned: PlannedRepository, command: Task) => Promise<void>;
} {
  if (!reads) return { reader, note: () => Promise.resolve() };
  const collected = collecting(reader);
  let isNoted = false;
  return {
    reader: collected.reader,
    async note({ inventory: { tags, manifests }, plan }, { policy: { concurrency } }) {
      if (isNoted) return;
      isNoted = true;
      const deletes = [...plan.manifests, ...(plan.hides?.manifests ?? [])].map(({ digest }) => digest);
      const { clock } = ledger.system;
      const gone = goneIn(before?.decisions ?? []);
      await noteLayers(collected, reads, { repository, tags, manifests, deletes, gone, concurrency, clock });
    },
  };
}

interface About {
  readonly repository: string;
  readonly tags: readonly TagRecord[] | undefined;
  readonly manifests: ManifestListing | undefined;
  /** These are read first. */
  readonly deletes: Iterable<string>;
  /** What this run deleted in an earlier attempt. What that took up stays remembered until the run has ended. */
  readonly gone: Iterable<string>;
  readonly concurrency: number;
  readonly clock: Clock;
}

/**
 * Reads what is not known yet of what the manifests of a repository take up, and remembers it.
 * @throws {StoppedError} where the run was stopped; what was read by then is remembered
 */
export async function noteLayers(
  { reader, layers }: Collecting,
  { file: fileOf, failures, milliseconds = Infinity }: ReadsLayers,
  { repository, tags, manifests, deletes, gone, concurrency, clock }: About,
): Promise<void> {
  const file = fileOf(repository);
  const since = clock.ticks();
  const isInTime = (): boolean => clock.ticks() - since < milliseconds;
  const listing = manifests ?? (await orStopped(reader.manifests(repository)));
  const listed = listing?.byDigest;
  if (!listed) return;
  // A tag may name what is not listed.
  const named = (tags ?? []).flatMap(({ digest }) => (digest === undefined || listed.has(digest) ? [] : [digest]));
  const unlisted = new Set(named);
  // An unlisted one is known by its digest alone, and is read again only where nothing names it any more.
  await layers.recall(file, repository, () => true);
  const all = function* (): Generator<string> {
    yield* listed.keys();
    yield* unlisted;
  };
  const read = async (digests: Iterable<string>): Promise<void> => {
    const wanted = [...new Set(digests)].filter((digest) => {
      const known = layers.of(digest);
      // What was missing once may be pushed later.
      return known === undefined || (known === 'missing' && listed.has(digest));
    });
    await eachOf(wanted, concurrency, async (digest) => {
      if (!isInTime() || isOver(failures)) return;
      const fact = await reader.manifest(repository, digest);
      if (isNoAnswer(fact)) failures.count += 1;
      // The listing has it, so that it is there: another replica may not know it yet.
      if (fact.state !== 'missing' || unlisted.has(digest)) layers.add(digest, fact);
    });
  };
  let hidden = 0;
  try {
    await read(deletes);
    await read(all());
    for (let before = -1; before !== unlisted.size;) {
      before = unlisted.size;
      for (const digest of [...all()]) {
        const one = layers.of(digest);
        if (typeof one !== 'object') continue;
        for (const child of one.children) if (!listed.has(child)) unlisted.add(child);
      }
      await read(unlisted);
    }
    const there = (await orStopped(reader.attributes(repository)))?.manifests;
    const known = [...all()].filter((digest) => layers.of(digest) !== 'missing').length;
    hidden = Math.max(0, (there ?? 0) - known);
  } finally {
    await layers.remember(file, repository, new Set([...all(), ...gone]), hidden);
  }
}

/** The manifests that are deleted by now, as an earlier attempt recorded. */
function goneIn(decisions: Iterable<Decision>): readonly string[] {
  const digests: string[] = [];
  for (const one of decisions) if (isFreed(one)) digests.push(one.digest);
  return digests;
}

/** Reading is given up for a run where so many manifests got no answer: each may take minutes. */
const MOST_FAILURES = 10;

const isOver = ({ count }: { readonly count: number }): boolean => count >= MOST_FAILURES;

/** The registry refused for too long (429), failed (5xx) or was not reached. */
function isNoAnswer(fact: ManifestFacts): boolean {
  if (fact.state !== 'unreadable') return false;
  return fact.status === undefined || fact.status === 429 || fact.status >= 500;
}

/** @throws {StoppedError} and nothing else: what cannot be asked is not known */
async function orStopped<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof StoppedError) throw error;
    return undefined;
  }
}
