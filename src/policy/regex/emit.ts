import { type RegexNode, walk } from './node.ts';
import { type CharacterSet, rangesOf } from './sets.ts';

/**
 * Writes an adapted pattern as JavaScript's, in the syntax that has one meaning only: every class spelled out, every repeated
 * part in parentheses, groups numbered from left to right. The flag `i` is given where a reference ignores case, and then,
 * as has been checked, all of the pattern may.
 */
export function toJavaScript(root: RegexNode): RegExp {
  const nodes = [...walk(root)];
  const groups = nodes.filter((node) => node.kind === 'capture' || node.kind === 'atomic');
  // By the number in the pattern; an atomic group has none there.
  const numbers = new Map(groups.map((node, index) => [node.kind === 'capture' ? node.slot : node, index + 1]));
  const ignoresCase = nodes.some((node) => node.kind === 'reference' && node.ignoreCase);
  const write = (node: RegexNode): string => {
    switch (node.kind) {
      case 'set':
        return writeSet(node.set);
      case 'sequence':
        return node.parts.map((part) => (part.kind === 'choice' ? `(?:${write(part)})` : write(part))).join('');
      case 'choice':
        return node.branches.map(write).join('|');
      case 'repeat': {
        const { min, max, lazy } = node;
        const bounds = min === max ? `{${min}}` : `{${min},${max === Infinity ? '' : max}}`;
        return `(?:${write(node.body)})${bounds}${lazy ? '?' : ''}`;
      }
      case 'capture':
        return `(${node.name === undefined ? '' : `?<${node.name}>`}${write(node.body)})`;
      case 'atomic':
        // A lookahead is matched one way only; what it captured is then read once more.
        return `(?=(${write(node.body)}))(?:\\${numbers.get(node) ?? 0})`;
      case 'look':
        return `(?${node.ahead ? '' : '<'}${node.negative ? '!' : '='}${write(node.body)})`;
      case 'anchor':
        return { start: '^', end: '$', boundary: '\\b', inside: '\\B' }[node.at];
      case 'reference':
        return `(?:\\${numbers.get(node.slot) ?? 0})`;
    }
  };
  return new RegExp(write(root), ignoresCase ? 'i' : '');
}

function writeSet(set: CharacterSet): string {
  const ranges = rangesOf(set).map(([from, to]) =>
    from === to ? writeCode(from) : `${writeCode(from)}-${writeCode(to)}`,
  );
  const [only = ''] = ranges;
  return ranges.length === 1 && !only.includes('-') ? only : `[${ranges.join('')}]`;
}

function writeCode(code: number): string {
  const character = String.fromCharCode(code);
  return /[0-9A-Za-z]/.test(character) ? character : `\\x${code.toString(16)}`;
}
