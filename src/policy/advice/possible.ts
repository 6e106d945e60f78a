import { canBeEmpty, type RegexNode } from '../regex/node.ts';
import { charactersOf, type CharacterSet } from '../regex/sets.ts';

/** The characters that names of repositories are made of, and those of tags. */
export const REPOSITORY_CHARACTERS: CharacterSet = charactersOf('a-z0-9._/\\-');
export const TAG_CHARACTERS: CharacterSet = charactersOf('A-Za-z0-9._\\-');

/** A place in a pattern that no name can match: where it ends, if it is one character that stands for itself. */
export interface Impossible {
  readonly at: number | undefined;
}

/**
 * The first thing that a pattern needs and no name of these characters has; `undefined` where it may match one. What
 * cannot be told for certain may match.
 */
export function impossibleIn(node: RegexNode, characters: CharacterSet): Impossible | undefined {
  switch (node.kind) {
    case 'set':
      return (node.set & characters) === 0n ? { at: node.at } : undefined;
    case 'sequence':
      return node.parts.map((part) => impossibleIn(part, characters)).find((one) => one !== undefined);
    case 'choice': {
      const found = node.branches.map((branch) => impossibleIn(branch, characters));
      return found.every((one) => one !== undefined) ? found[0] : undefined;
    }
    case 'repeat':
      return node.min > 0 ? impossibleIn(node.body, characters) : undefined;
    case 'capture':
    case 'atomic':
      return impossibleIn(node.body, characters);
    case 'look':
      return node.negative ? undefined : impossibleIn(node.body, characters);
    case 'anchor':
    case 'reference':
      return undefined;
  }
}

/** Bits of what an empty match needs: that it is at the start of a name, at its end. */
const START = 1;
const END = 2;

/** Whether a pattern that is not held to the whole name matches each: because it may match nothing at all. */
export function matchesEverything(node: RegexNode): boolean {
  // No name is empty, so no place is at the start and at the end.
  return [...emptyMatches(node)].some((needs) => needs !== (START | END));
}

/** In which ways a part matches the empty text for certain: what each needs. */
function emptyMatches(node: RegexNode): ReadonlySet<number> {
  switch (node.kind) {
    case 'sequence':
      return node.parts
        .map(emptyMatches)
        .reduce<ReadonlySet<number>>(
          (before, after) => new Set([...before].flatMap((one) => [...after].map((other) => one | other))),
          new Set([0]),
        );
    case 'choice':
      return new Set(node.branches.flatMap((branch) => [...emptyMatches(branch)]));
    case 'repeat':
      return node.min === 0 ? new Set([0]) : emptyMatches(node.body);
    case 'capture':
    case 'atomic':
      return emptyMatches(node.body);
    case 'look':
      // At the end of a name nothing follows that a lookahead could refuse.
      return node.negative && node.ahead && !canBeEmpty(node.body) ? new Set([END]) : new Set();
    case 'anchor':
      if (node.at === 'start') return new Set([START]);
      return node.at === 'end' ? new Set([END]) : new Set();
    case 'set':
    case 'reference':
      return new Set();
  }
}
