import type { Attributes } from '../../../src/dev/emulator/types.ts';
import { type Document, kindOf } from './documents.ts';
import type { Held, HeldManifest, HeldTag } from './history.ts';

/*
 * What `acr purge` deletes, written a second time and from what it was recorded to do: knows nothing of the planner.
 * `oracle.test.ts` compares it with every recorded case.
 */

/** One `acr purge`. */
export interface Command {
  readonly filters: readonly string[];
  readonly agoMilliseconds: number;
  readonly keep: number;
  readonly tags: boolean;
  readonly untagged: boolean;
  readonly includeLocked: boolean;
}

/** What goes from one repository: also what the registry deletes along with it. */
export interface Gone {
  readonly tags: ReadonlySet<string>;
  readonly manifests: ReadonlySet<string>;
}

/** @param now what ages are counted from, in milliseconds since 1970 */
export function acrPurge(held: Held, command: Command, now: number): Gone {
  const filter = filterOf(command);
  if (!filter.selects(held.name)) return { tags: new Set(), manifests: new Set() };
  const isOld = ({ updated }: HeldTag | HeldManifest): boolean =>
    updated !== undefined && updated < now - command.agoMilliseconds;
  const mayGo = ({ attributes }: HeldTag | HeldManifest): boolean => command.includeLocked || !isLocked(attributes);

  // A listing does not show what is hidden.
  const listed = held.manifests.filter(isListed);
  const matching = held.tags
    .filter(isListed)
    .filter((one) => filter.matches(held.name, one.tag) && isOld(one) && mayGo(one));
  const expired = command.tags ? beyondNewest(matching, command.keep) : [];
  const tags = new Set(expired.map(({ tag }) => tag));
  if (!command.untagged) return { tags, manifests: new Set() };

  const byDigest = new Map(listed.map((one) => [one.digest, one]));
  const tagged = new Set(held.tags.filter(({ tag }) => !tags.has(tag)).map(({ digest }) => digest));
  const unlocked = listed.filter(mayGo);
  // It does not look at what a locked index needs.
  const kept = unlocked.filter((one) => tagged.has(one.digest) || !isOld(one));
  const needed = new Set<string>();
  for (const one of kept) if (holds(one)) addChildren(one, byDigest, needed);
  const candidates = unlocked.filter((one) => !kept.includes(one) && typeOf(one) !== undefined);
  const skipped = new Set(needed);
  for (const one of candidates) {
    const kind = kindOf(typeOf(one));
    const mayRefer = kind === 'index' || kind === 'image';
    if (needed.has(one.digest) || !mayRefer || one.document.subject === undefined) continue;
    // A referrer is kept; but of an index its children are kept instead.
    if (kind === 'index' && one.document.children.length > 0) addChildren(one, byDigest, skipped);
    else skipped.add(one.digest);
  }
  const chosen = beyondNewest(
    candidates.filter(({ digest }) => !skipped.has(digest)),
    command.keep,
  );
  const manifests = withReferrers(chosen, held.manifests);
  for (const { tag, digest } of held.tags) if (manifests.has(digest)) tags.add(tag);
  return { tags, manifests };
}

function isListed({ attributes }: HeldTag | HeldManifest): boolean {
  return attributes.listEnabled !== false;
}

export function isLocked({ deleteEnabled, writeEnabled }: Attributes): boolean {
  return deleteEnabled === false || writeEnabled === false;
}

function typeOf({ mediaType, document }: HeldManifest): string | undefined {
  return mediaType === null ? undefined : (mediaType ?? document.mediaType);
}

function holds(manifest: HeldManifest): boolean {
  const type = typeOf(manifest);
  return type === undefined || kindOf(type) === 'index';
}

function addChildren(index: HeldManifest, all: ReadonlyMap<string, HeldManifest>, into: Set<string>): void {
  const documents: Document[] = [index.document];
  for (let one = documents.pop(); one; one = documents.pop())
    for (const { digest, isIndex } of one.children) {
      const child = isIndex && !into.has(digest) && all.get(digest);
      if (child) documents.push(child.document);
      into.add(digest);
    }
}

function withReferrers(chosen: readonly HeldManifest[], all: readonly HeldManifest[]): Set<string> {
  const gone = new Set(chosen.map(({ digest }) => digest));
  for (;;) {
    const more = all.filter(({ digest, document: { subject = '' } }) => !gone.has(digest) && gone.has(subject));
    if (more.length === 0) return gone;
    for (const { digest } of more) gone.add(digest);
  }
}

/** All but the newest. Of several of one time any may be the one that goes: the order of a listing decides. */
function beyondNewest<T extends HeldTag | HeldManifest>(all: readonly T[], keep: number): readonly T[] {
  if (keep === 0) return all;
  const isNewer = (other: T, one: T): boolean => other !== one && (other.updated ?? 0) >= (one.updated ?? 0);
  return all.filter((one) => all.filter((other) => isNewer(other, one)).length >= keep);
}

export interface Filter {
  readonly selects: (repository: string) => boolean;
  /** Whether a tag of a repository that it selects is meant. */
  readonly matches: (repository: string, tag: string) => boolean;
}

const filters = new WeakMap<Command, Filter>();

/** Compiled once for each command, and every answer is remembered: it is asked thousands of times. */
export function filterOf(command: Command): Filter {
  const before = filters.get(command);
  if (before) return before;
  const parts = command.filters.map((text) => {
    const [, repository = '', tags = ''] = /^(.*?(?<!\(\?[imsU-]{0,5})):(.*)$/.exec(text) ?? [];
    return { repository: patternOf(`^${repository}$`), tags };
  });
  const selecting = (repository: string) => parts.filter((part) => part.repository.test(repository));
  const patternFor = remembered((repository: string): RegExp | undefined => {
    const found = selecting(repository);
    return found.length === 0 ? undefined : patternOf(found.map(({ tags }) => tags).join('|'));
  });
  const filter: Filter = {
    selects: remembered((repository: string) => command.filters.length === 0 || selecting(repository).length > 0),
    matches(repository, tag) {
      return matching(`${repository}:${tag}`);
    },
  };
  const matching = remembered((image: string): boolean => {
    const [repository = '', tag = ''] = image.split(':');
    return patternFor(repository)?.test(tag) ?? false;
  });
  filters.set(command, filter);
  return filter;
}

function remembered<T>(answer: (question: string) => T): (question: string) => T {
  const known = new Map<string, T>();
  return (question) => {
    const before = known.get(question);
    if (before !== undefined) return before;
    const made = answer(question);
    known.set(question, made);
    return made;
  };
}

/** The same pattern for JavaScript, as far as the recorded cases need that. */
function patternOf(pattern: string): RegExp {
  const isAnyCase = pattern.includes('(?i)');
  const source = pattern
    .replaceAll('(?i)', '')
    .replaceAll('(?P<', '(?<')
    .replaceAll('(?>', '(?:')
    .replaceAll('[:alpha:]', 'A-Za-z')
    .replaceAll('\\A', '^')
    .replaceAll(/\\[zZ]/g, '$');
  return new RegExp(source, `${isAnyCase ? 'i' : ''}${pattern.includes('\\p{') ? 'u' : ''}`);
}

/** Reads the flags of a sound command. */
export function commandOf(args: readonly string[]): Command {
  const values = (flag: string) => args.flatMap((arg, n) => (arg === flag ? [args[n + 1] ?? ''] : []));
  const isOnly = args.includes('--untagged-only');
  return {
    filters: values('--filter'),
    agoMilliseconds: millisecondsOf(values('--ago')[0] ?? '0d'),
    keep: Number(values('--keep')[0] ?? '0'),
    tags: !isOnly,
    untagged: isOnly || args.includes('--untagged'),
    includeLocked: args.includes('--include-locked'),
  };
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

function millisecondsOf(ago: string): number {
  const parts = [...ago.matchAll(/(\d+(?:\.\d+)?)([dhms])/g)];
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNITS[unit] ?? NaN), 0);
}
