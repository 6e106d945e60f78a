import { EMPTY, type RegexNode } from './syntax.ts';

/*
 * What regexp2 does, too, before it matches: without it, `(?:[a-z]+)*` and `(?:a|[ab])*` are quick there, and here would
 * take a time that doubles with each letter.
 */

/** One of several branches; characters and classes beside each other are one class. */
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
