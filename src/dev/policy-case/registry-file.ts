import type { Path, Reader } from '../../policy/file/reader.ts';
import { isObject, objectAt, textAt } from './at.ts';
import { type Found, FOUND_KEYS, foundAt } from './found.ts';
import { expanded, hasRange, MOST_NAMES } from './names.ts';

/*
 * `registry.yaml` of a case: repositories, and in each its tags with their ages.
 */

/** One tag, or one image without a tag. */
export interface Entry extends Found {
  readonly repository: string;
  /** `v1` is a tag, `@v1` an image without one. */
  readonly name: string;
  /** Milliseconds; undefined: the registry gives no time for it. */
  readonly age: number | undefined;
  /** Names the image of another tag, or an image without a tag. */
  readonly sameAs: string | undefined;
  readonly locked: boolean;
  readonly platforms: readonly string[];
  /** What refers to it, by OCI's `subject`. */
  readonly referrers: readonly string[];
  /** What belongs to it by a tag such as `sha256-….sig`. */
  readonly cosign: readonly string[];
  /** Milliseconds since it was pulled last. Absent: never. */
  readonly pulled: number | undefined;
  /** Something runs from it. */
  readonly inUse: boolean;
  /** It belongs to an image that is gone. */
  readonly orphan: 'referrer' | 'cosign' | undefined;
}

export interface RegistryFile {
  readonly now: Date;
  readonly entries: readonly Entry[];
}

/** The time of a case that says none, so that it is decided the same every day. */
const NOW = '2026-01-15T12:00:00Z';

const TAG = /^\w[\w.-]{0,127}$/;
const UNTAGGED = /^@\w[\w.-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const PLATFORM = /^(?:[a-z0-9]+\/)?[a-z0-9]+(?:\/[a-z0-9]+)?$/;
const PART = /^\w[\w.-]{0,50}$/;
const COSIGN = ['sig', 'att', 'sbom'];
const KEYS = [
  ...['age', 'every', 'same-as', 'locked', 'platforms', 'referrers', 'cosign', 'orphan', 'pulled', 'in-use'],
  ...FOUND_KEYS,
];

/** Reads it. Mistakes are noted with the reader. */
export function readRegistry(reader: Reader): RegistryFile {
  const { value } = reader.yaml;
  const top = objectAt(reader, [], value, ['now', 'repositories']);
  const said = top['now'] === undefined ? NOW : top['now'];
  const text = typeof said === 'string' ? said : '';
  const now = new Date(text);
  if (Number.isNaN(now.getTime()) || !text.endsWith('Z'))
    reader.problem(['now'], `must be a time in UTC, such as ${NOW}`);
  if (isObject(value) && top['repositories'] === undefined)
    reader.problem([], 'has no repositories; write e.g. repositories: { shop/web: { v1: 40d, latest: 1d } }');
  const entries: Entry[] = [];
  const repositories = objectAt(reader, ['repositories'], top['repositories'] ?? {});
  for (const [repository, tags] of Object.entries(repositories)) {
    const path = ['repositories', repository];
    if (!REPOSITORY.test(repository)) reader.problem(path, 'is no name a repository can have', { part: 'key' });
    for (const [key, given] of Object.entries(objectAt(reader, path, tags)))
      for (const entry of entriesOf(reader, [...path, key], repository, given)) entries.push(entry);
  }
  check(reader, entries);
  return { now, entries };
}

function entriesOf(reader: Reader, path: Path, repository: string, given: unknown): readonly Entry[] {
  const key = String(path.at(-1));
  const names = expanded(key) ?? [];
  if (names.length === 0) reader.problem(path, `is more than ${MOST_NAMES} tags`, { part: 'key' });
  const wrong = names.find((name) => !TAG.test(name) && !UNTAGGED.test(name));
  if (wrong !== undefined)
    reader.problem(path, "is neither a tag, such as v1, nor an image without one, such as '@old'", { part: 'key' });
  const about = typeof given === 'string' ? { age: given } : objectAt(reader, path, given, KEYS);
  const agePath = typeof given === 'string' ? path : [...path, 'age'];
  if (isObject(given) && about['age'] === undefined) reader.problem(path, 'has no age; write e.g. { age: 40d }');
  const age = about['age'] === 'unknown' ? undefined : ageAt(reader, agePath, about['age']);
  const every = ageAt(reader, [...path, 'every'], about['every']) ?? 0;
  if (about['every'] !== undefined && !hasRange(key))
    reader.problem([...path, 'every'], 'is for several: write the name as build-{1..20}');
  const sameAs = textAt(reader, [...path, 'same-as'], about['same-as']);
  const one = {
    repository,
    sameAs,
    pulled: ageAt(reader, [...path, 'pulled'], about['pulled']),
    locked: flagAt(reader, [...path, 'locked'], about['locked']),
    platforms: listAt(reader, [...path, 'platforms'], about['platforms'], (text) => PLATFORM.test(text)),
    referrers: listAt(reader, [...path, 'referrers'], about['referrers'], (text) => PART.test(text)),
    cosign: listAt(reader, [...path, 'cosign'], about['cosign'], (text) => COSIGN.includes(text)),
    orphan: orphanAt(reader, [...path, 'orphan'], about['orphan'], key),
    inUse: flagAt(reader, [...path, 'in-use'], about['in-use']),
    ...foundAt(reader, path, about),
  };
  for (const found of sameAs === undefined ? [] : FOUND_KEYS.filter((one) => about[one] !== undefined))
    reader.problem([...path, found], 'is of the image, and stands where that is written', { part: 'key' });
  if (sameAs !== undefined && one.platforms.length + one.referrers.length + one.cosign.length > 0)
    reader.problem([...path, 'same-as'], 'is an image that has its platforms and signatures where it is written');
  if (one.orphan && one.platforms.length > 0)
    reader.problem([...path, 'orphan'], 'is a signature or the like, and has no platforms');
  return names.map((name, index) => ({ ...one, name, age: age === undefined ? undefined : age + index * every }));
}

/** What is wrong between entries. */
function check(reader: Reader, entries: readonly Entry[]): void {
  if (entries.length > MOST_NAMES) reader.problem(['repositories'], `has more than ${MOST_NAMES} tags and images`);
  const known = new Map<string, Entry>();
  for (const entry of entries) {
    const { repository, name } = entry;
    const key = `${repository} ${name}`;
    if (known.has(key)) reader.problem(['repositories', repository], `has ${name} twice`);
    known.set(key, entry);
  }
  for (const { repository, name, sameAs } of entries) {
    if (sameAs === undefined) continue;
    const target = known.get(`${repository} ${sameAs}`);
    const path = ['repositories', repository, name, 'same-as'];
    if (!target) reader.problem(path, 'there is no such tag or image in this repository');
    else if (target.sameAs !== undefined) reader.problem(path, `write the tag that is not itself the same as another`);
    else if (name.startsWith('@')) reader.problem(path, 'only a tag is the same as another');
    else if (sameAs.startsWith('@')) reader.problem(path, 'an image with a tag is not written with @');
  }
}

function ageAt(reader: Reader, path: Path, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') reader.problem(path, 'must be an age, such as 40d');
  return typeof value === 'string' ? reader.age(path, value)?.milliseconds : undefined;
}

function flagAt(reader: Reader, path: Path, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') reader.problem(path, 'must be true or false');
  return value === true;
}

function listAt(reader: Reader, path: Path, value: unknown, isSound: (text: string) => boolean): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    reader.problem(path, 'must be a list');
    return [];
  }
  const texts = new Set<string>();
  for (const [index, text] of (value as readonly unknown[]).entries()) {
    if (typeof text !== 'string' || !isSound(text))
      reader.problem([...path, index], EXAMPLES[String(path.at(-1))] ?? '');
    else if (texts.has(text)) reader.problem([...path, index], 'stands here twice');
    else texts.add(text);
  }
  return [...texts];
}

const EXAMPLES: Readonly<Record<string, string>> = {
  platforms: 'must be a platform, such as amd64 or linux/arm64',
  referrers: 'must be a name, such as sbom or signature',
  cosign: `must be one of ${COSIGN.join(', ')}`,
};

function orphanAt(reader: Reader, path: Path, value: unknown, name: string): Entry['orphan'] {
  if (value === undefined) return undefined;
  if (!name.startsWith('@')) reader.problem(path, "is for what has no tag of its own; write the name as '@signature'");
  if (value === 'referrer' || value === 'cosign') return value;
  reader.problem(path, 'must be referrer or cosign');
  return undefined;
}
