import { type CharacterSet, NOTHING } from './sets.ts';

/** A regular expression as parsed, with flags like `(?i)` already worked into the nodes. */
export type RegexNode =
  /** `at` says where in the pattern a character ends that is written as itself. */
  | { readonly kind: 'set'; readonly set: CharacterSet; readonly at?: number }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly branches: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly body: RegexNode;
      readonly min: number;
      /** Infinity when there is no upper bound. */
      readonly max: number;
      readonly lazy: boolean;
      /** Whether it is a group in parentheses that is repeated, not a single character or class. */
      readonly group: boolean;
    }
  /** A group whose text a later back reference may ask for, by regexp2's number for it. */
  | { readonly kind: 'capture'; readonly slot: number; readonly name?: string; readonly body: RegexNode }
  | { readonly kind: 'atomic'; readonly body: RegexNode }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean; readonly body: RegexNode }
  | { readonly kind: 'anchor'; readonly at: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'reference'; readonly slot: number; readonly ignoreCase: boolean };

export const EMPTY: RegexNode = { kind: 'sequence', parts: [] };
/** Matches nowhere. */
export const NEVER: RegexNode = { kind: 'set', set: NOTHING };

/** The nodes directly below one. */
export function childrenOf(node: RegexNode): readonly RegexNode[] {
  switch (node.kind) {
    case 'sequence':
      return node.parts;
    case 'choice':
      return node.branches;
    case 'repeat':
    case 'capture':
    case 'atomic':
    case 'look':
      return [node.body];
    case 'set':
    case 'anchor':
    case 'reference':
      return [];
  }
}

/** A node and all below it, from left to right. */
export function* walk(root: RegexNode): Generator<RegexNode> {
  const pending = [root];
  for (let node = pending.pop(); node; node = pending.pop()) {
    yield node;
    for (const child of childrenOf(node).toReversed()) pending.push(child);
  }
}

/**
 * One of several branches; characters and classes beside each other are one class. regexp2 does this too, and what
 * `repeatOf` does: without it, `(?:a|[ab])*` and `(?:[a-z]+)*` are quick there, and would take twice as long here with
 * each letter.
 */
export function choiceOf(branches: readonly RegexNode[]): RegexNode {
  const merged: RegexNode[] = [];
  for (const branch of branches) {
    const last = merged.at(-1);
    if (last?.kind === 'set' && branch.kind === 'set')
      merged[merged.length - 1] = { ...last, set: last.set | branch.set };
    else merged.push(branch);
  }
  return merged.length === 1 ? (merged[0] ?? EMPTY) : { kind: 'choice', branches: merged };
}

/** A repetition; of a repeated character or class it is a single one, if that leaves out no count. */
export function repeatOf(outer: RegexNode & { readonly kind: 'repeat' }): RegexNode {
  const inner = outer.body;
  if (inner.kind !== 'repeat' || inner.body.kind !== 'set' || inner.lazy !== outer.lazy) return outer;
  if (outer.max === 0 || inner.max === 0 || (outer.min === 0 && inner.min > 1) || inner.max < inner.min * 2)
    return outer;
  return { ...inner, min: inner.min * outer.min, max: inner.max * outer.max };
}

/** In how many ways a part can match the empty text, at most; no more than 2 are counted. */
export function emptyWays(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
      return 0;
    case 'sequence':
      return node.parts.reduce((product, part) => Math.min(2, product * emptyWays(part)), 1);
    case 'choice':
      return node.branches.reduce((sum, branch) => Math.min(2, sum + emptyWays(branch)), 0);
    case 'repeat':
      return Math.min(2, (node.min === 0 ? 1 : 0) + emptyWays(node.body));
    case 'capture':
    case 'atomic':
      return emptyWays(node.body);
    case 'look':
    case 'anchor':
    case 'reference':
      return 1;
  }
}

/** Whether a part may match the empty text; yes where that depends on what a group captured. */
export function canBeEmpty(node: RegexNode): boolean {
  return emptyWays(node) > 0;
}
