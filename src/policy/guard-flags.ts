import type { Command } from 'commander';
import { PolicyError } from './errors.ts';
import { type Guards, type GuardTexts, readGuards } from './guards.ts';
import { attempts, InvalidPolicy } from './purge-policy.ts';

/** The flags of guards, as commander reads them. */
export interface GuardFlags extends GuardTexts {
  readonly keepLastTag?: boolean;
}

/** Adds the options that hold a purge back. */
export function withGuards(command: Command): Command {
  return command
    .option('--max-deletions <n>', 'delete nothing where more than n artifacts would go')
    .option(
      '--max-deletion-percent <n>',
      'delete nothing where more than n % of a repository’s tags, or of all manifests, would go',
    )
    .option(
      '--max-median-factor <n>',
      'delete nothing where more than n times the median of the last ten runs would go',
    )
    .option('--keep-last-tag', 'delete nothing in a repository that would be left without a tag');
}

/** The guards of a request, as fields of JSON; as parameters, `max-deletions` is the same. */
export const GUARD_FIELDS = ['maxDeletions', 'maxDeletionPercent', 'maxMedianFactor', 'keepLastTag'] as const;

function flagOf(field: (typeof GUARD_FIELDS)[number]): string {
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
  return { ...readGuards(texts, flagOf), ...((keepLastTag ?? isOff) && { keepLastTag: keepLastTag ?? false }) };
}

/** The guard that a field is about, if any. */
function guardField(name: string): (typeof GUARD_FIELDS)[number] | undefined {
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
  const found = new Map<(typeof GUARD_FIELDS)[number], unknown>();
  for (const [name, value] of Object.entries(fields)) {
    const field = guardField(name);
    if (!field) continue;
    if (found.has(field) || Array.isArray(value))
      problems.push(new PolicyError(flagOf(field), undefined, 'may be given once'));
    else found.set(field, value);
  }
  const text = (field: (typeof GUARD_FIELDS)[number]): string | undefined => {
    const value = found.get(field);
    if (value === undefined) return undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new PolicyError(flagOf(field), undefined, 'must be a text, a number, or true or false');
  };
  const read = GUARD_FIELDS.map((field) =>
    attempt(() => (field === 'keepLastTag' ? readLastTag(text(field)) : readGuards({ [field]: text(field) }, flagOf))),
  );
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return together(read);
}

/** An empty one is a switch that is on: `?keep-last-tag`. */
function readLastTag(text: string | undefined): Pick<Guards, 'keepLastTag'> {
  if (text === undefined) return {};
  if (/^(?:|1|true)$/i.test(text)) return { keepLastTag: true };
  if (/^(?:0|false)$/i.test(text)) return { keepLastTag: false };
  throw new PolicyError('--keep-last-tag', text, 'must be true or false');
}

/**
 * The guards of several commands of one request: they hold for all of them, so no two may say something else.
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
