import { childrenOf, NOTHING, PRINTABLE, rangesOf, type RegexNode } from './syntax.ts';

/**
 * Writes a settled pattern in Oniguruma's dialect, using only what it reads in one way: every class spelled out, every
 * repeated part in parentheses, groups numbered from left to right, no flag but a leading `(?i)`.
 */
export function toOniguruma(root: RegexNode): string {
  // A group is referred to after it has been written, or, in a lookbehind, before it.
  const numbers = new Map<number, number>();
  number(root, numbers);
  const references = { numbers, ignoreCase: false };
  const text = write(root, references);
  return references.ignoreCase ? `(?i)${text}` : text;
}

interface References {
  readonly numbers: ReadonlyMap<number, number>;
  /** Whether a reference ignores case; then, as has been checked, all of the pattern may. */
  ignoreCase: boolean;
}

function number(node: RegexNode, numbers: Map<number, number>): void {
  if (node.kind === 'capture') numbers.set(node.slot, numbers.size + 1);
  // Conditions are written twice, and have no groups left.
  for (const child of childrenOf(node)) number(child, numbers);
}

function write(node: RegexNode, references: References): string {
  switch (node.kind) {
    case 'set':
      return writeSet(node.set);
    case 'sequence':
      return node.parts
        .map((part) => (part.kind === 'choice' ? group('?:', part, references) : write(part, references)))
        .join('');
    case 'choice':
      return node.branches.map((branch) => write(branch, references)).join('|');
    case 'repeat':
      return group('?:', node.body, references) + quantifier(node.min, node.max, node.lazy);
    case 'capture':
      return group('', node.body, references);
    case 'atomic':
      return group('?>', node.body, references);
    case 'look':
      return group(`?${node.ahead ? '' : '<'}${node.negative ? '!' : '='}`, node.body, references);
    case 'anchor':
      return { start: '\\A', end: '\\z', boundary: '\\b', inside: '\\B' }[node.at];
    case 'reference':
      references.ignoreCase ||= node.ignoreCase;
      return `\\k<${references.numbers.get(node.slot) ?? 0}>`;
    case 'condition': {
      if (typeof node.test === 'number') return writeSet(NOTHING);
      const test = write(node.test, references);
      const [yes, no] = [group('?:', node.yes, references), group('?:', node.no, references)];
      return `(?:(?=${test})${yes}|(?!${test})${no})`;
    }
  }
}

function group(opening: string, body: RegexNode, references: References): string {
  return `(${opening}${write(body, references)})`;
}

function quantifier(min: number, max: number, lazy: boolean): string {
  // Oniguruma reads {2}? as "two or none"; a fixed count is neither greedy nor lazy.
  if (min === max) return `{${min}}`;
  const bounds = max === Infinity ? (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`) : `{${min},${max}}`;
  return lazy ? `${bounds}?` : bounds;
}

function writeSet(set: bigint): string {
  const ranges = rangesOf(set);
  const [only] = ranges;
  // Not (?!), which Oniguruma does not allow in a lookbehind; only printable characters are ever matched against.
  if (!only) return '\\x00';
  if (set === PRINTABLE) return '[\\x20-\\x7e]';
  if (ranges.length === 1 && only[0] === only[1]) return writeCode(only[0]);
  return `[${ranges.map(([from, to]) => (from === to ? writeCode(from) : `${writeCode(from)}-${writeCode(to)}`)).join('')}]`;
}

function writeCode(code: number): string {
  const character = String.fromCharCode(code);
  return /[0-9A-Za-z]/.test(character) ? character : `\\x${code.toString(16)}`;
}
