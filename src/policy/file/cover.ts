import { type Range, subset } from 'semver';
import { matchesEverything } from '../advice/possible.ts';
import { parseRegex } from '../regex/parse.ts';
import type { NamePattern, TagPattern } from './types.ts';

/*
 * What patterns match, as far as their texts say it. No pattern is matched that could take long: what is not known is
 * answered by no.
 */

/** Comparisons of two lists. Lists of thousands of names would be compared for minutes. */
const MOST_COMPARED = 400;
/** Of a longer range every alternative would be compared with every other one. */
const LONGEST_RANGE = 64;

type Repositories = readonly NamePattern[] | undefined;

/** Whether one matches every repository that the other matches, for certain. */
export function coversRepositories(wide: Repositories, narrow: Repositories): boolean {
  return wide === undefined || wide.some(isEveryRepository) || (narrow !== undefined && coversAll(wide, narrow));
}

/** Whether one matches every tag that the other matches, for certain. */
export function coversTags(wide: TagPattern | undefined, narrow: TagPattern | undefined): boolean {
  if (wide === undefined || isEveryTag(wide)) return true;
  if (narrow === undefined) return false;
  if (wide.kind === 'semver') return narrow.kind === 'semver' && isSubset(narrow.range, wide.range);
  if (narrow.kind === 'semver') return false;
  return coversAll(patternsOf(wide), patternsOf(narrow));
}

function isSubset(narrow: Range, wide: Range): boolean {
  if (narrow.raw === wide.raw) return true;
  return narrow.raw.length <= LONGEST_RANGE && wide.raw.length <= LONGEST_RANGE && subset(narrow, wide);
}

/** Whether one of these patterns matches a name, for certain, without naming it. */
export function matchesUnnamed(tags: TagPattern | undefined, name: string): boolean {
  if (tags === undefined || isEveryTag(tags)) return true;
  return tags.kind === 'globs' && tags.patterns.some((glob) => !isName(glob) && globMatches(glob, name));
}

/** Whether one of these patterns matches a name, for certain. */
export function matchesName(tags: TagPattern | undefined, name: string): boolean {
  if (tags === undefined || isEveryTag(tags)) return true;
  return tags.kind === 'globs' && tags.patterns.some((glob) => globMatches(glob, name));
}

/** Whether a pattern matches every name, for certain. */
export function isEveryTag(tags: TagPattern): boolean {
  return (
    tags.kind !== 'semver' && patternsOf(tags).some((one) => (isGlob(one) ? /^\*+$/.test(one.pattern) : isAny(one)))
  );
}

function isEveryRepository(pattern: NamePattern): boolean {
  return isGlob(pattern) ? /^\*\*(?:\/\*\*)*$/.test(pattern.pattern) : isAny(pattern);
}

/** Which regular expressions match everything: each rule is compared with all before it. */
const known = new WeakMap<NamePattern, boolean>();

function isAny(regex: NamePattern): boolean {
  const answer = known.get(regex) ?? matchesEverything(parseRegex(regex.pattern, 'regex').root);
  known.set(regex, answer);
  return answer;
}

function patternsOf(tags: Exclude<TagPattern, { readonly kind: 'semver' }>): readonly NamePattern[] {
  return tags.kind === 'globs' ? tags.patterns : [tags.pattern];
}

function coversAll(wide: readonly NamePattern[], narrow: readonly NamePattern[]): boolean {
  if (wide.length * narrow.length > MOST_COMPARED) return false;
  return narrow.every((inner) => wide.some((outer) => covers(outer, inner)));
}

function covers(wide: NamePattern, narrow: NamePattern): boolean {
  if (wide.dialect === narrow.dialect && wide.pattern === narrow.pattern) return true;
  return isGlob(wide) && isName(narrow) && globMatches(wide, narrow.pattern);
}

/** Quick for a glob with few asterisks and no alternatives. */
function globMatches(glob: NamePattern, name: string): boolean {
  if (isName(glob)) return glob.pattern === name;
  const asterisks = glob.pattern.match(/\*+/g)?.length ?? 0;
  return isGlob(glob) && asterisks <= 3 && !glob.pattern.includes('{') && glob.test([name])[0] === true;
}

function isGlob({ dialect }: NamePattern): boolean {
  return dialect === 'glob';
}

/** Whether a glob is one name. */
function isName(glob: NamePattern): boolean {
  return isGlob(glob) && !/[*?[{]/.test(glob.pattern);
}
