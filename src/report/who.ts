/** What began a run or went on with it, as records have it. */
interface Begun {
  readonly startedBy: string;
  readonly by?: string;
}

/** The account at the command line; of a function the id of its invocation, which is no person. */
export function whoBegan({ startedBy, by }: Begun): readonly ['Account' | 'Invocation', string] | undefined {
  if (by === undefined) return undefined;
  return [startedBy === 'command line' ? 'Account' : 'Invocation', by];
}

/** The same in a sentence: ` (jane)`, ` (invocation 9f3c…)`. */
export function byWhom(begun: Begun): string {
  const [what, by] = whoBegan(begun) ?? [];
  return by === undefined ? '' : ` (${what === 'Account' ? '' : 'invocation '}${by})`;
}
