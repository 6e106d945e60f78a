import type { Command } from 'commander';
import { attempts, InvalidPolicy, PolicyError } from './errors.ts';
import { readInteger, readSwitch } from './values.ts';

/** The limits beyond which a run deletes nothing. An absent one is not checked. */
export interface Guards {
  /** Artifacts that one run may delete. */
  readonly maxDeletions?: number;
  /** Percent of a repository's tags, and of the registry's manifests. */
  readonly maxDeletionPercent?: number;
  /** A run may delete so many times the median of the last runs; `Infinity` is no limit. */
  readonly maxMedianFactor?: number;
  /** Whether a repository must keep a tag. */
  readonly keepLastTag?: boolean;
}

type GuardField = keyof Guards;

/** The guards as commander gives them: text, but for the switch. */
export interface GuardFlags {
  readonly maxDeletions?: string;
  readonly maxDeletionPercent?: string;
  readonly maxMedianFactor?: string;
  readonly keepLastTag?: boolean;
}

const MOST = 1_000_000_000;

const READERS: Readonly<Record<GuardField, (name: string, text: string) => Guards>> = {
  maxDeletions: (name, text) => ({ maxDeletions: readInteger(name, text, 0, MOST) }),
  maxDeletionPercent: (name, text) => ({ maxDeletionPercent: readInteger(name, text, 0, 100) }),
  maxMedianFactor: (name, text) => ({ maxMedianFactor: readInteger(name, text, 0, MOST) || Infinity }),
  keepLastTag: (name, text) => ({ keepLastTag: readSwitch(name, text) }),
};

/** The guards of a request, as fields of JSON; as parameters, `max-deletions` is the same. */
export const GUARD_FIELDS = Object.keys(READERS) as readonly GuardField[];

/**
 * @param name the flag or setting that the text is the value of
 * @throws {PolicyError}
 */
export function readGuard(field: GuardField, name: string, text: string): Guards {
  return READERS[field](name, text);
}

/** Adds the options that hold a purge back. */
export function withGuards(command: Command): Command {
  return command
    .option('--max-deletions <n>', 'delete nothing where a run would delete more than n artifacts')
    .option(
      '--max-deletion-percent <n>',
      'delete nothing where more than n % of a repository’s tags, or of all manifests, would be deleted',
    )
    .option(
      '--max-median-factor <n>',
      'delete nothing where more than n times the median of the last ten runs would be deleted',
    )
    .option('--keep-last-tag', 'delete nothing in a repository that would be left without a tag');
}

function flagOf(field: GuardField): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The setting of the app that stands for the flag of a guard; `undefined` for any other flag. */
export function settingOfGuard(flag: string): string | undefined {
  const isGuard = GUARD_FIELDS.some((field) => flagOf(field) === flag);
  return isGuard ? flag.slice(2).replaceAll('-', '_').toUpperCase() : undefined;
}

/**
 * @param words the flags as they were given: commander does not tell a switch that is off from one that is not given
 * @throws {PolicyError}
 */
export function guardsOf({ keepLastTag, ...texts }: GuardFlags, words: readonly string[] = []): Guards {
  const isOff = words.some((word) => /^--keep-last-tag=(?:0|f|false)$/i.test(word));
  const read = GUARD_FIELDS.map((field) => {
    const text = field === 'keepLastTag' ? undefined : texts[field];
    return text === undefined ? {} : readGuard(field, flagOf(field), text);
  });
  return together([...read, (keepLastTag ?? isOff) ? { keepLastTag: keepLastTag ?? false } : {}]);
}

/** The guard that a field of a request is about, if any. */
function guardField(name: string): GuardField | undefined {
  const camel = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return GUARD_FIELDS.find((one) => one === camel);
}

/** The other fields of a request. */
export function withoutGuards(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => guardField(name) === undefined));
}

/**
 * Reads the guards among the fields of a request: `maxDeletions` and `max-deletions` both mean `--max-deletions`.
 * @throws {InvalidPolicy} with every mistake in them
 */
export function guardsInFields(fields: Readonly<Record<string, unknown>>): Guards {
  const { problems, attempt } = attempts();
  const seen = new Set<GuardField>();
  const read = Object.entries(fields).map(([name, value]) => {
    const field = guardField(name);
    return (
      field &&
      attempt(() => {
        if (seen.has(field) || Array.isArray(value))
          throw new PolicyError(flagOf(field), undefined, 'may be given once');
        seen.add(field);
        if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
          throw new PolicyError(flagOf(field), undefined, 'must be a text, a number, or true or false');
        // `?keep-last-tag` is a switch that is on.
        const text = field === 'keepLastTag' && value === '' ? 'true' : String(value);
        return readGuard(field, flagOf(field), text);
      })
    );
  });
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return together(read);
}

/**
 * The guards of several commands of one request: they hold for all of them, so no two may contradict each other.
 * @throws {InvalidPolicy}
 */
export function guardsOfAll(all: readonly Guards[]): Guards {
  const problems = GUARD_FIELDS.filter((field) => {
    const values = all.map((guards) => guards[field]).filter((value) => value !== undefined);
    return new Set(values).size > 1;
  }).map((field) => new PolicyError(flagOf(field), undefined, 'holds for all commands of a request; give it once'));
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return together(all);
}

function together(all: readonly (Guards | undefined)[]): Guards {
  return all.reduce<Guards>((guards, more) => ({ ...guards, ...more }), {});
}
