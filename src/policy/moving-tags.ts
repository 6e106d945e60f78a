import { quote } from './errors.ts';
import type { TagFilter } from './filter.ts';
import { filterFlag } from './advice/flags.ts';
import { alternativesOf, tokensOf } from './advice/tokens.ts';

/** Plain versions: `1.0.0`, `v2`. */
const VERSIONS = 'v[0-9]+|v?[0-9]+(?:\\.[0-9]+)+';

/** How many tags a warning names. */
const MAX_NAMED = 10;

/** A tag that is deleted and hardly should be, and the filter that selects it. */
export interface MovingTag {
  readonly repository: string;
  readonly tag: string;
  /** The filter, as it was given. */
  readonly filter: string;
  /** Whether it is a name that moves from image to image, or a plain version. */
  readonly kind: 'name' | 'version';
}

/**
 * Warns of tags that move, or are plain versions, and are deleted by a filter that does not name them, with the filter
 * that keeps them.
 *
 * @param verb `deletes` or `would delete`
 */
export function movingTagWarnings(
  filters: readonly TagFilter[],
  found: readonly MovingTag[],
  verb: string,
): readonly string[] {
  return filters.flatMap((filter) => {
    const { tagPattern } = filter;
    const isLoose = !isAnchored(tagPattern);
    const own = found.filter(
      (one) => one.filter === filter.text && (one.kind === 'name' ? !names(tagPattern, one.tag) : isLoose),
    );
    if (own.length === 0) return [];
    const moving = [...new Set(own.filter(({ kind }) => kind === 'name').map(({ tag }) => tag))];
    const hasVersions = own.some(({ kind }) => kind === 'version');
    const kept = exceptFrom(tagPattern, [...moving, ...(hasVersions ? [VERSIONS] : [])]);
    const what = hasVersions ? (moving.length > 0 ? 'moving tags and versions' : 'versions') : 'tags that move';
    const loose = isLoose && !tagPattern.startsWith('^') && !EVERYTHING.test(tagPattern) ? ' is not anchored and' : '';
    return [
      `the filter ${quote(filter.text)}${loose} ${verb} ${what}: ${listed(own)}; to keep them write ${filterFlag(filter.repositoryPattern, kept)}`,
    ];
  });
}

const EVERYTHING = /^\^?\.[*+]\$?$/;

/** Whether a pattern says how a tag begins. */
function isAnchored(pattern: string): boolean {
  return alternativesOf(tokensOf(pattern)).every(
    ([first, second]) => first?.text === '^' && second?.kind !== 'dot' && second?.text !== '(?!',
  );
}

/** Whether a pattern has a name in it, as a word of its own. */
function names(pattern: string, tag: string): boolean {
  return new RegExp(`(?:^|[^A-Za-z0-9])${tag}(?:$|[^A-Za-z0-9])`).test(
    pattern.replace(/\(\?!(?:[^()]|\([^()]*\))*\)/g, ''),
  );
}

/** The pattern for the same tags but for these. */
function exceptFrom(pattern: string, excepted: readonly string[]): string {
  // A group that captures would change the numbers of those behind it.
  const isCounted = /\\[1-9]/.test(pattern);
  const [only = ''] = excepted;
  const all = excepted.length === 1 && !only.includes('|') ? only : `(${isCounted ? '?:' : ''}${excepted.join('|')})`;
  const before = `^(?!${all}$)`;
  if (EVERYTHING.test(pattern)) return `${before}.*`;
  const alternatives = alternativesOf(tokensOf(pattern));
  if (alternatives.length === 1 && pattern.startsWith('^')) return before + pattern.slice(1);
  return `${before}.*(?:${pattern})`;
}

function listed(tags: readonly MovingTag[]): string {
  const sorted = tags.toSorted((a, b) => Number(b.kind === 'name') - Number(a.kind === 'name'));
  const named = sorted.slice(0, MAX_NAMED).map(({ repository, tag }) => `${repository}:${tag}`);
  return named.join(', ') + (tags.length > named.length ? ' and more' : '');
}
