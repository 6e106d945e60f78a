import { minVersion, Range } from 'semver';
import { impossibleIn, REPOSITORY_CHARACTERS, TAG_CHARACTERS } from '../advice/possible.ts';
import { parseDuration } from '../duration.ts';
import { InvalidPolicy, PolicyError, quote } from '../errors.ts';
import { type Quarantine, readQuarantine } from '../quarantine.ts';
import { parseRegex } from '../regex/parse.ts';
import { compileRegex, groupsOf } from '../regex/regex.ts';
import { compileGlob } from './glob.ts';
import { located, plain, PolicyFileError } from './problems.ts';
import type { RepositoriesInFile, TagsInFile } from './schema.ts';
import type { Age, NamePattern, TagPattern } from './types.ts';
import type { ReadYaml } from './yaml.ts';

export type Path = readonly PropertyKey[];

/** Mistakes that are named. */
const MOST_NAMED = 50;
const LONGEST_RANGE = 256;

interface ProblemOptions {
  /** Whether it is the key that is wrong. */
  readonly part?: 'key' | 'value';
  readonly cause?: unknown;
}

/** Reads the values of a policy file, and gathers every mistake with its place. */
export class Reader {
  readonly yaml: ReadYaml;
  readonly warnings: string[] = [];
  readonly #file: string;
  /** What the whole file is called. */
  readonly #whole: string;
  readonly #problems: PolicyFileError[] = [];

  constructor(yaml: ReadYaml, file: string, whole = 'the policy') {
    this.yaml = yaml;
    this.#file = file;
    this.#whole = whole;
  }

  problem(path: Path, problem: string, { part = 'value', cause }: ProblemOptions = {}): void {
    this.at(path, part)(problem, cause);
  }

  /** Notes mistakes at a place that is looked up now. */
  at(path: Path, part: 'key' | 'value' = 'value'): (problem: string, cause?: unknown) => void {
    const key = plain(path.findLast((step) => typeof step === 'string') ?? this.#whole);
    const text = part === 'key' ? undefined : this.yaml.written(path);
    const place = this.yaml.place(path, part);
    return (problem, cause) =>
      void this.#problems.push(
        new PolicyFileError(this.#file, place, key, text === '' ? undefined : text, problem, { cause }),
      );
  }

  /** Where the path ends with a key, the warning begins with it. */
  warn(path: Path, warning: string): void {
    const key = path.at(-1);
    const text = this.yaml.written(path);
    const subject = typeof key === 'string' ? `${key}${text === undefined ? '' : ` ${quote(text)}`}: ` : '';
    this.warnings.push(`${located(this.#file, this.yaml.place(path))}${subject}${warning}`);
  }

  /** @throws {InvalidPolicy} where there was a mistake */
  end(): void {
    const { length } = this.#problems;
    if (length === 0) return;
    const inOrder = this.#problems.toSorted(
      ({ place: one }, { place: other }) => one.line - other.line || one.column - other.column,
    );
    const named = inOrder.slice(0, MOST_NAMED);
    const last = named.at(-1);
    if (length > MOST_NAMED && last)
      named.push(
        new PolicyFileError(this.#file, last.place, this.#whole, undefined, `and ${length - MOST_NAMED} more mistakes`),
      );
    throw new InvalidPolicy(named);
  }

  /** What was read, or undefined where that is noted as a mistake. */
  attempt<T>(path: Path, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      this.problem(path, error.problem, { cause: error });
      return undefined;
    }
  }

  age(path: Path, text: string | undefined): Age | undefined {
    if (text === undefined) return undefined;
    const read = this.attempt(path, () => parseDuration(text, 'age'));
    if (read?.capped === true) this.warn(path, 'an age longer than 150 years is read as 150 years');
    return read && { text: text.trim(), milliseconds: read.milliseconds };
  }

  /** The key in the form that a policy has it in: absent where it is not written. */
  quarantine(path: Path, text: unknown): { readonly quarantine?: Quarantine } {
    if (typeof text !== 'string') return {};
    const quarantine = this.attempt(path, () => readQuarantine(text, 'quarantine'));
    return quarantine ? { quarantine } : {};
  }

  repositories(path: Path, given: RepositoriesInFile | undefined): readonly NamePattern[] | undefined {
    if (given === undefined) return undefined;
    if (isList(given)) return this.#globs(path, given, 'repositories');
    const { regex } = given;
    const pattern = this.attempt([...path, 'regex'], () => readRegex(regex, 'repositories'));
    return pattern ? [pattern] : [];
  }

  /** @param group the group of the regular expression whose text is wanted */
  tags(path: Path, given: TagsInFile | undefined, group?: string): TagPattern | undefined {
    if (given === undefined) return undefined;
    if (isList(given)) return { kind: 'globs', patterns: this.#globs(path, given, 'tags') };
    const { regex, semver } = given;
    if (regex !== undefined && semver !== undefined) this.problem(path, 'has regex and semver; write one of them');
    if (regex !== undefined) {
      return this.attempt([...path, 'regex'], () => {
        const groups = groupsOf(regex, { flag: 'regex' });
        const wanted = group !== undefined && groups.includes(group) ? group : undefined;
        const pattern = readRegex(regex, 'tags', wanted);
        return { kind: 'regex', pattern, groups };
      });
    }
    if (semver !== undefined)
      return this.attempt([...path, 'semver'], () => ({ kind: 'semver', range: readRange(semver) }));
    this.problem(path, 'says nothing; write a list of globs, { regex: … } or { semver: … }');
    return undefined;
  }

  #globs(path: Path, texts: readonly string[], kind: 'repositories' | 'tags'): readonly NamePattern[] {
    return texts.flatMap((text, index) => this.attempt([...path, index], () => compileGlob(text, kind)) ?? []);
  }
}

function isList<T>(given: T): given is Extract<T, readonly unknown[]> {
  return Array.isArray(given);
}

/** @throws {PolicyError} for what is none, or can match no name */
function readRegex(text: string, kind: 'repositories' | 'tags', group?: string): NamePattern {
  const flag = 'regex';
  const pattern = compileRegex(text, { flag, ...(group !== undefined && { group }) });
  const characters = kind === 'tags' ? TAG_CHARACTERS : REPOSITORY_CHARACTERS;
  if (impossibleIn(parseRegex(text, flag).root, characters))
    throw new PolicyError(flag, text, `can match nothing: it needs a character that no name of ${kind} has`);
  return { ...pattern, dialect: 'regex' };
}

/** @throws {PolicyError} for what is no range of versions */
function readRange(text: string): Range {
  const fail = (problem: string, cause?: unknown): never => {
    throw new PolicyError('semver', text, problem, { cause });
  };
  const example = "write e.g. '>=1.0.0', '1.x', or '*' for every version";
  if (text.trim() === '') return fail(`is empty; ${example}`);
  if (text.length > LONGEST_RANGE) return fail(`a range is limited to ${LONGEST_RANGE} characters`);
  let range: Range;
  try {
    range = new Range(text, { loose: false, includePrerelease: false });
  } catch (cause) {
    return fail(`is no range of versions; ${example}`, cause);
  }
  return minVersion(range) ? range : fail(`no version is in this range; ${example}`);
}
