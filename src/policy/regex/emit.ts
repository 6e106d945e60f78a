import { childrenOf, rangesOf, type CharacterSet, type RegexNode } from './syntax.ts';

/**
 * Writes a settled pattern as JavaScript's, with only what it reads in one way: every class spelled out, every repeated
 * part in parentheses, groups numbered from left to right. The flag `i` is given where a reference ignores case, and then,
 * as has been checked, all of the pattern may.
 */
export function toJavaScript(root: RegexNode): RegExp {
  const numbers: Numbers = { all: 0, ofSlots: new Map(), ofAtomic: new Map() };
  number(root, numbers);
  return new RegExp(write(root, numbers), ignoresCase(root) ? 'i' : '');
}

/** A group is referred to after it has been written, or, in a lookbehind, before it. */
interface Numbers {
  all: number;
  readonly ofSlots: Map<number, number>;
  readonly ofAtomic: Map<RegexNode, number>;
}

function number(node: RegexNode, numbers: Numbers): void {
  if (node.kind === 'capture') numbers.ofSlots.set(node.slot, (numbers.all += 1));
  if (node.kind === 'atomic') numbers.ofAtomic.set(node, (numbers.all += 1));
  for (const child of childrenOf(node)) number(child, numbers);
}

function ignoresCase(node: RegexNode): boolean {
  return node.kind === 'reference' ? node.ignoreCase : childrenOf(node).some(ignoresCase);
}

function write(node: RegexNode, numbers: Numbers): string {
  switch (node.kind) {
    case 'set':
      return writeSet(node.set);
    case 'sequence':
      return node.parts
        .map((part) => (part.kind === 'choice' ? `(?:${write(part, numbers)})` : write(part, numbers)))
        .join('');
    case 'choice':
      return node.branches.map((branch) => write(branch, numbers)).join('|');
    case 'repeat':
      return `(?:${write(node.body, numbers)})${quantifier(node.min, node.max, node.lazy)}`;
    case 'capture':
      return `(${write(node.body, numbers)})`;
    case 'atomic':
      // A lookahead is matched one way only; what it captured is then read once more.
      return `(?=(${write(node.body, numbers)}))(?:\\${numbers.ofAtomic.get(node) ?? 0})`;
    case 'look':
      return `(?${node.ahead ? '' : '<'}${node.negative ? '!' : '='}${write(node.body, numbers)})`;
    case 'anchor':
      return { start: '^', end: '$', boundary: '\\b', inside: '\\B' }[node.at];
    case 'reference':
      return `(?:\\${numbers.ofSlots.get(node.slot) ?? 0})`;
  }
}

function quantifier(min: number, max: number, lazy: boolean): string {
  const bounds = min === max ? `{${min}}` : max === Infinity ? `{${min},}` : `{${min},${max}}`;
  return lazy ? `${bounds}?` : bounds;
}

function writeSet(set: CharacterSet): string {
  const ranges = rangesOf(set);
  const [only] = ranges;
  if (!only) return '[]';
  if (ranges.length === 1 && only[0] === only[1]) return writeCode(only[0]);
  return `[${ranges.map(([from, to]) => (from === to ? writeCode(from) : `${writeCode(from)}-${writeCode(to)}`)).join('')}]`;
}

function writeCode(code: number): string {
  const character = String.fromCharCode(code);
  return /[0-9A-Za-z]/.test(character) ? character : `\\x${code.toString(16)}`;
}
