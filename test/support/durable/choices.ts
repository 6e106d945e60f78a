/** What is left open by the protocol, and decided anew each time. */
type Question = 'what next' | 'how many messages' | 'fate of a step' | 'fate of an activity' | 'where it is cut off';

export interface Choices {
  /** One of `count` ways, from 0: the way of a day on which nothing happens. */
  pick(count: number, question: Question): number;
}

/** Everything in order, and nothing goes wrong. */
export const calm: Choices = { pick: () => 0 };

/**
 * Takes one number a choice, and is calm once they are used up: what shrinks the numbers shrinks the trouble. It is used
 * up itself, so that a property generates the numbers, and makes it of them.
 */
export function seeded(numbers: readonly number[]): Choices {
  let next = 0;
  return { pick: (count) => Math.abs(Math.trunc(numbers[next++] ?? 0)) % count };
}
