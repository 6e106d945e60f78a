import type { Ledger } from '../../ledger/ledger.ts';
import type { RememberedPull } from '../../ledger/pulls.ts';
import { imageOfSignatureTag } from '../../planner/tags.ts';
import { inTime } from '../../registry/clock.ts';
import { RegistryError } from '../../registry/errors.ts';
import type { RegistryReader } from '../../registry/types.ts';
import type { UnpulledImage, UnpulledReport } from '../../report/unpulled.ts';
import { Unreadable } from '../dry-run.ts';
import { eachOf } from '../each.ts';
import { groupedByRepository, pullHistory, type PullOptions, silenceOf } from './pulls.ts';
import { newListing } from './unpulled-listing.ts';

/** Repositories that are looked at side by side. */
const SIDE_BY_SIDE = 4;
const PAGE_SIZE = 100;

/** Of how long the log is read at least: a look at a short time must not replace what is known of a longer one. */
const READ_MS = 30 * 86_400_000;

/** How much of a registry is looked at for one answer. Absent: all of it. */
export interface UnpulledLimits {
  /** Only the repositories behind this one, by name. */
  readonly after?: string | undefined;
  /** So many images, and repositories, are answered: the largest. The others are only counted. */
  readonly most?: number;
  /** No repository is begun later, and half of that time after it the one under way ends as well. */
  readonly milliseconds?: number;
}

/**
 * What no client that counts has pulled for some time, the largest first. Deletes nothing. Where pulls are not known for so
 * long, it says what was not pulled since they are.
 * @throws {RegistryError} where the repositories cannot be listed, or one cannot be reached
 * @throws {Unreadable} where the time was over before there was anything to say
 * @throws {LedgerError} where pulls cannot be remembered
 */
export async function unpulled(
  reader: RegistryReader,
  options: PullOptions,
  ledger: Ledger,
  signal?: AbortSignal,
  limits: UnpulledLimits = {},
): Promise<UnpulledReport> {
  const { milliseconds } = limits;
  if (milliseconds === undefined) return lookAt(reader, options, ledger, limits, signal);
  const { clock } = ledger.system;
  return inTime({ clock, milliseconds: milliseconds * 1.5, signal }, (until, late) =>
    lookAt(reader, options, ledger, limits, until).catch((error: unknown) => {
      if (!late.aborted || signal?.aborted) throw error;
      throw tooSlow(reader.loginServer, milliseconds, error);
    }),
  );
}

async function lookAt(
  reader: RegistryReader,
  options: PullOptions,
  ledger: Ledger,
  { after, most, milliseconds = Number.POSITIVE_INFINITY }: UnpulledLimits,
  signal: AbortSignal | undefined,
): Promise<UnpulledReport> {
  const registry = reader.loginServer;
  const { clock } = ledger.system;
  const begun = clock.ticks();
  const now = clock.now();
  const from = new Date(now - options.withinMilliseconds).toISOString();
  const readFrom = new Date(now - Math.max(options.withinMilliseconds, READ_MS));
  const { covers, observedAt, problems, pulls, lastEvent } = await pullHistory(
    ledger,
    registry,
    options,
    readFrom,
    signal,
  );
  const about = { registry, within: options.within, observedAt };
  if (!covers) {
    return { ...about, ...UNKNOWN, problems: problems.length > 0 ? problems : [silenceOf({ lastEvent })] };
  }
  const since = covers.since > from ? covers.since : from;
  const byRepository = groupedByRepository(pulls);
  const found = newListing(most);
  const unread: string[] = [];
  const all = (await reader.repositories(PAGE_SIZE, signal)).toSorted();
  const names = after === undefined ? all : all.filter((name) => name > after);
  let last: string | undefined;
  let read = 0;
  await eachOf(names, SIDE_BY_SIDE, async (repository) => {
    if (clock.ticks() - begun > milliseconds) return;
    // They are begun in their order: what comes behind the last one is for the next answer.
    last = repository;
    read += 1;
    try {
      const images = await imagesOf(reader, repository, byRepository.get(repository) ?? [], signal);
      if (images === undefined) unread.push(`${repository}: an index cannot be read, so nothing is said of it`);
      // What was pushed later has not been there for so long.
      else found.add(repository, images.length, images.filter((image) => (image.pushed ?? '') < since && (image.lastPull ?? '') < since)); // prettier-ignore
    } catch (error) {
      const why = problemOf(error, signal, milliseconds);
      if (why === undefined) throw error;
      unread.push(`${repository}: ${why}, so nothing is said of it`);
    }
  });
  if (last === undefined && names.length > 0) throw tooSlow(registry, milliseconds);
  return {
    ...about,
    since: covers.since,
    isLongEnough: covers.since <= from,
    problems: firstOf(unread.toSorted(), most),
    looked: { repositories: read, of: all.length },
    ...(read < names.length && last !== undefined && { next: last }),
    ...found.sorted(),
  };
}

/** Where nothing is known. */
const UNKNOWN = {
  isLongEnough: false,
  looked: { repositories: 0, of: 0 },
  total: { images: 0, bytes: 0 },
  repositories: [],
  images: [],
} as const;

/** What is said of a repository that could not be read; `undefined` where the others cannot be either. */
function problemOf(error: unknown, signal: AbortSignal | undefined, milliseconds: number): string | undefined {
  // A client that left is told nothing; what was too slow is named.
  if (signal?.aborted && milliseconds !== Number.POSITIVE_INFINITY) return 'it could not be read in time';
  const isRefused = error instanceof RegistryError && (error.status === 403 || error.status === 404);
  return isRefused ? error.message : undefined;
}

function tooSlow(registry: string, milliseconds: number, cause?: unknown): Unreadable {
  const what = `${registry}: not one repository could be read within ${milliseconds / 1000} seconds; the command acr-retention unpulled has no such limit`;
  return new Unreadable({ message: cause instanceof Error ? cause.message : what }, what);
}

function firstOf(problems: readonly string[], most = Number.POSITIVE_INFINITY): readonly string[] {
  if (problems.length <= most) return problems;
  return [...problems.slice(0, most), `and ${problems.length - most} repositories more of which nothing is said`];
}

/**
 * The images of a repository: a multi-arch one with its platforms is one, and what is attached to it, such as signatures,
 * is a part of it. A pull of a part is one of the whole.
 * @returns `undefined` where it cannot be said what belongs together
 */
async function imagesOf(
  reader: RegistryReader,
  repository: string,
  pulls: readonly RememberedPull[],
  signal: AbortSignal | undefined,
): Promise<readonly UnpulledImage[] | undefined> {
  const listing = await reader.manifests(repository, signal);
  const tags = await reader.tags(repository, signal);
  const records = listing?.byDigest ?? new Map<string, never>();
  const last = new Map<string, string>();
  const digestOfTag = new Map(tags?.map(({ name, digest }) => [name, digest]));
  for (const { tag, digest, last: at } of pulls)
    for (const one of [digest, tag === undefined ? undefined : digestOfTag.get(tag)])
      if (one !== undefined && (last.get(one) ?? '') < at) last.set(one, at);
  const children = new Map<string, readonly string[]>();
  const attached = new Map<string, string[]>();
  const attach = (digest: string, subject: string | undefined): void => {
    // What belongs to an image that is not there stands for itself.
    if (subject === undefined || subject === digest || !records.has(subject)) return;
    const some = attached.get(subject);
    if (some) some.push(digest);
    else attached.set(subject, [digest]);
  };
  for (const { digest, kind, tags: own, mayRefer, looksRunnable } of records.values()) {
    const images = new Set(own.map(imageOfSignatureTag));
    if (images.size === 1) attach(digest, images.values().next().value);
    // What looks like an image to run hardly ever refers to another one, and there are many.
    if (kind === 'plain' || (kind === 'image' && (!mayRefer || looksRunnable))) continue;
    const fact = await reader.manifest(repository, digest, signal);
    // What holds nothing stands for itself then.
    if (fact.state === 'unreadable' && kind !== 'image') return undefined;
    if (fact.state !== 'read') continue;
    attach(digest, fact.subject);
    if (fact.children.length > 0)
      children.set(
        digest,
        fact.children.map((child) => child.digest),
      );
  }
  const owners = new Map<string, number>();
  const held = new Set([...children.values(), ...attached.values()].flat());
  const roots = [...records.values()].filter(({ digest }) => !held.has(digest));
  const wholes = roots.map((root) => {
    const parts = new Set([root.digest]);
    for (const part of parts)
      for (const more of [children.get(part) ?? [], attached.get(part) ?? []]) for (const one of more) parts.add(one);
    for (const part of parts) owners.set(part, (owners.get(part) ?? 0) + 1);
    return { root, parts };
  });
  return wholes.map(({ root, parts }): UnpulledImage => {
    let bytes = 0;
    let lastPull = '';
    for (const part of parts) {
      // What another image holds as well would still be there.
      if (owners.get(part) === 1) bytes += records.get(part)?.size ?? 0;
      const at = last.get(part) ?? '';
      if (at > lastPull) lastPull = at;
    }
    const { digest, created } = root;
    return {
      repository,
      digest,
      tags: root.tags,
      bytes,
      ...(created !== undefined && { pushed: created }),
      ...(lastPull !== '' && { lastPull }),
    };
  });
}
