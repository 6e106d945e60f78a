/**
 * For each value, whether one of the expressions matches somewhere in it. A value with characters other than printable ASCII,
 * which no name or tag has, never matches.
 *
 * This takes as long as it takes, and cannot be interrupted: what people write is matched in a worker.
 *
 * @param onValue told the place of each value before it is matched
 */
export function matchAll(
  expressions: readonly RegExp[],
  values: readonly string[],
  onValue: (index: number) => void = () => undefined,
): readonly boolean[] {
  return values.map((value, index) => {
    onValue(index);
    return isPlain(value) && expressions.some((expression) => expression.test(value));
  });
}

function isPlain(value: string): boolean {
  return /^[ -~]*$/.test(value);
}
