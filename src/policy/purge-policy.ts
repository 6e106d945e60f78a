import { availableParallelism } from 'node:os';
import { join as quoteWords } from 'shlex';
import { parseDuration } from './duration.ts';
import { attempts, InvalidPolicy, PolicyError, quote } from './errors.ts';
import { readInteger } from './values.ts';
import { compileFilters, type CompiledFilters, lintFilter, splitFilter, type TagFilter } from './filter.ts';
import type { RetentionPolicy } from './file/types.ts';
import type { CompiledRegex } from './regex/regex.ts';
import { parseProtections, type Protected } from './protect-flag.ts';
import { type Quarantine, readQuarantine } from './quarantine.ts';
import { compiledRules, filtersOf } from './rules.ts';

/** The flags of `acr purge` as they are given: text, not looked at yet. */
export interface PurgeFlags {
  readonly filter?: readonly string[];
  readonly ago?: string;
  readonly keep?: string;
  readonly untagged?: boolean;
  readonly untaggedOnly?: boolean;
  readonly dryRun?: boolean;
  readonly includeLocked?: boolean;
  readonly concurrency?: string;
  readonly repositoryPageSize?: string;
  readonly filterTimeoutSeconds?: string;
  readonly protect?: readonly string[];
  readonly keepAtLeast?: string;
  readonly quarantine?: string;
  /** Of `--policy`, which stands instead of the first five and the last two. */
  readonly file?: PolicyFile;
}

/** A policy file, under the name that it was given. */
export interface PolicyFile {
  readonly name: string;
  readonly retention: RetentionPolicy;
}

/** What a purge is to delete and how, validated. */
export interface PurgePolicy {
  /** The flags as they are typed, so that a recorded policy can be read again. */
  readonly text: string;
  readonly filters: readonly TagFilter[];
  readonly compiled: CompiledFilters;
  /** How long all matching of a run may take together. */
  readonly filterTimeoutSeconds: number;
  /** How old something must be to be deleted, in milliseconds. */
  readonly agoMilliseconds: number;
  /** The same in words: the flag as it was given. */
  readonly ago: string;
  readonly keep: number;
  /** What is never deleted. */
  readonly protect: readonly Protected[];
  /** So many of what each filter matches in a repository stay, whatever their age. */
  readonly keepAtLeast: number;
  /** Of the flag, else of the policy file. Absent: neither says one; `quarantineOf` says what holds for a rule. */
  readonly quarantine?: Quarantine;
  readonly tags: boolean;
  readonly untagged: boolean;
  readonly dryRun: boolean;
  readonly includeLocked: boolean;
  /** Calls in flight at once: 1 to 32. */
  readonly concurrency: number;
  readonly repositoryPageSize: number;
  /** About flags that are legal and hardly meant. */
  readonly warnings: readonly string[];
  /** The policy file that stands in the place of filters, ages and counts. */
  readonly retention?: RetentionPolicy;
  /** Whether every repository is looked at, also those that no filter matches. */
  readonly isEverywhere: boolean;
}

/** As in `acr purge` ("the max number of parallel delete requests recommended by ACR server"). */
export const MAX_CONCURRENCY = 32;
export const DEFAULTS = { keep: 0, repositoryPageSize: 100, filterTimeoutSeconds: 5 } as const;
const MAX_KEEP = 1_000_000_000;

/**
 * Reads the flags of `acr purge`, with its defaults and its rules for which flags may be combined. Refuses what `acr
 * purge` silently misreads: negative numbers, numbers with a leading zero (octal to it), ages that are none.
 *
 * @throws {InvalidPolicy} with every mistake
 */
export function createPolicy(flags: PurgeFlags): PurgePolicy {
  const { problems, attempt } = attempts();
  const warnings: string[] = [];
  const { untagged = false, untaggedOnly = false, dryRun = false, includeLocked = false } = flags;
  const texts = flags.filter ?? [];
  const retention = flags.file?.retention;
  if (retention) {
    for (const name of replacedIn(flags))
      problems.push(
        new PolicyError(flagOf(name), undefined, 'cannot stand beside --policy; write it into the policy file'),
      );
  }
  if (untagged && untaggedOnly) {
    problems.push(new PolicyError('--untagged-only', 'true', 'cannot be combined with --untagged; use one of them'));
  }
  if (!untaggedOnly && !retention && texts.length === 0) {
    problems.push(
      new PolicyError('--filter', '', 'is required unless --untagged-only is given; write e.g. --filter "app:^dev-"'),
    );
  }
  const ago = flags.ago === '' ? undefined : flags.ago;
  if (!untaggedOnly && !retention && ago === undefined) {
    problems.push(new PolicyError('--ago', '', 'is required unless --untagged-only is given; write e.g. --ago 30d'));
  }
  const nothing = { milliseconds: 0, capped: false };
  const duration = ago === undefined ? nothing : (attempt(() => parseDuration(ago)) ?? nothing);
  if (duration.capped) warnings.push('--ago is longer than 150 years, and is read as 150 years');

  const filters = texts.map((text) => attempt(() => splitFilter(text))).filter((filter) => filter !== undefined);
  const timeoutSeconds =
    attempt(() => readInteger('--filter-timeout-seconds', flags.filterTimeoutSeconds ?? '0', 0, 86_400)) ??
    DEFAULTS.filterTimeoutSeconds;
  const options = { tags: !untaggedOnly, cache: new Map<string, CompiledRegex>() };
  const empty = compileFilters([], options);
  // One by one, so that a mistake in each is found; together, for what they are used for.
  const sound = filters.every((filter) => attempt(() => compileFilters([filter], options)) !== undefined);
  const compiled = (sound ? attempt(() => compileFilters(filters, options)) : undefined) ?? empty;
  if (sound)
    for (const filter of filters)
      for (const warning of attempt(() => lintFilter(filter, options)) ?? []) warnings.push(warning);

  const protect = attempt(() => parseProtections(flags.protect ?? [])) ?? [];
  const keepAtLeast = attempt(() => readInteger('--keep-at-least', flags.keepAtLeast ?? '0', 0, MAX_KEEP)) ?? 0;
  // Manifests with a tag are kept in any case.
  if (untaggedOnly && keepAtLeast > 0)
    warnings.push('--keep-at-least changes nothing beside --untagged-only, which deletes no tags');
  for (const { text } of untaggedOnly ? protect.filter(({ isWhole }) => !isWhole) : [])
    warnings.push(`--protect ${quote(text)} changes nothing beside --untagged-only, which deletes no tags`);
  for (const { text, repositories, isWhole } of protect) {
    if (repositories.pattern === '*')
      warnings.push(`--protect ${quote(text)} names repositories without a / alone; ** names every one`);
    if (repositories.pattern === '**' && isWhole)
      warnings.push(`--protect ${quote(text)} names every repository: nothing is ever deleted`);
  }
  const given = flags.quarantine;
  const quarantine = given === undefined ? retention?.quarantine : attempt(() => readQuarantine(given, '--quarantine'));
  const rules = retention && filtersOf(retention);
  const policy = {
    text: textOf(flags),
    filters: rules ?? filters,
    compiled: retention && rules ? compiledRules(retention, rules) : compiled,
    filterTimeoutSeconds: timeoutSeconds === 0 ? DEFAULTS.filterTimeoutSeconds : timeoutSeconds,
    agoMilliseconds: duration.milliseconds,
    ago: retention ? '--policy' : ago === undefined ? 'no --ago' : `--ago ${ago.trim()}`,
    keep: attempt(() => readInteger('--keep', flags.keep ?? String(DEFAULTS.keep), 0, MAX_KEEP)) ?? 0,
    protect,
    keepAtLeast,
    ...(quarantine && { quarantine }),
    tags: !untaggedOnly,
    untagged: untagged || untaggedOnly || retention !== undefined,
    isEverywhere: retention ? retention.untagged !== undefined : filters.length === 0,
    ...(retention && { retention }),
    dryRun,
    includeLocked,
    concurrency: attempt(() => readConcurrency(flags.concurrency, warnings)) ?? 1,
    repositoryPageSize:
      attempt(() =>
        readInteger(
          '--repository-page-size',
          flags.repositoryPageSize ?? String(DEFAULTS.repositoryPageSize),
          1,
          1_000_000,
        ),
      ) ?? 1,
    warnings: [...warnings, ...(retention?.warnings ?? [])],
  };
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return policy;
}

/** The flags of a policy. Callers pass others beside them, a password among them, which must not be recorded. */
const FLAGS: readonly Exclude<keyof PurgeFlags, 'file'>[] = [
  'filter',
  'ago',
  'keep',
  'untagged',
  'untaggedOnly',
  'dryRun',
  'includeLocked',
  'concurrency',
  'repositoryPageSize',
  'filterTimeoutSeconds',
  'protect',
  'keepAtLeast',
  'quarantine',
];

/** What a policy file says instead. */
const REPLACED = [
  'filter',
  'ago',
  'keep',
  'untagged',
  'untaggedOnly',
  'protect',
  'keepAtLeast',
] as const satisfies readonly (keyof PurgeFlags)[];

/** The flags that are given and that a policy file says instead. */
export function replacedIn(flags: PurgeFlags): readonly (keyof PurgeFlags)[] {
  return REPLACED.filter((name) => flags[name] !== undefined && flags[name] !== false);
}

function flagOf(name: keyof PurgeFlags): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function textOf(flags: PurgeFlags): string {
  const named = flags.file ? ['--policy', flags.file.name] : [];
  const words = FLAGS.flatMap((name) => {
    const flag = flagOf(name);
    const value = flags[name];
    if (value === undefined || value === false) return [];
    // What begins with a hyphen would be read as a flag of its own.
    const words = (one: string) => (one.startsWith('-') ? [`${flag}=${one}`] : [flag, one]);
    return value === true ? [flag] : [value].flat().flatMap(words);
  });
  return quoteWords([...named, ...words]);
}

/** Replaces a number out of range and warns of it, as `acr purge` does. */
function readConcurrency(text: string | undefined, warnings: string[]): number {
  const standard = Math.min(MAX_CONCURRENCY, availableParallelism());
  if (text !== undefined && /^-\d+$/.test(text)) {
    warnings.push(`--concurrency ${text} is not in range, and is read as ${standard}`);
    return standard;
  }
  const number = readInteger('--concurrency', text ?? String(standard), 0, Number.MAX_SAFE_INTEGER);
  const concurrency = number === 0 ? standard : Math.min(MAX_CONCURRENCY, number);
  if (concurrency !== number) warnings.push(`--concurrency ${number} is not in range, and is read as ${concurrency}`);
  return concurrency;
}
