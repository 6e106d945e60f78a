import type { Reader } from './reader.ts';

/** V8 copies a counted part up to as often as its count. */
const LARGEST_COUNT = 1000;
/** What regexp2 takes for no upper bound. */
const UNBOUNDED = 2 ** 31 - 1;

/** Braces with anything but a count in them, like `{,3}`, stand for themselves. */
export const QUANTIFIER = /([*+?])|\{([0-9]+)(?:(,)([0-9]*))?\}/uy;

/** The least and the largest count of the quantifier that comes next, if one does; Infinity for no upper bound. */
export function readBounds(reader: Reader): readonly [number, number] | undefined {
  const [found, sign, least, comma, most = ''] = reader.match(QUANTIFIER) ?? [];
  if (found === undefined) return undefined;
  if (sign !== undefined) return [sign === '+' ? 1 : 0, sign === '?' ? 1 : Infinity];
  const min = Number(least);
  const isOpen = comma !== undefined && (most === '' || Number(most) === UNBOUNDED);
  const max = isOpen ? Infinity : comma === undefined ? min : Number(most);
  if (min > max) reader.fail('the bounds of a count are in reverse order');
  if (min > LARGEST_COUNT || (max > LARGEST_COUNT && max !== Infinity))
    reader.fail(`a count is limited to ${LARGEST_COUNT}; write e.g. {3,} for no upper bound`);
  return [min, max];
}
