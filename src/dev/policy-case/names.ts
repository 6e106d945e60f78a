/** Artifacts of one case. It is written by a person, and planned in a moment. */
export const MOST_NAMES = 10_000;

const RANGE = /\{(\d{1,9})\.\.(\d{1,9})\}/;

/**
 * `pr-{1..3}` is `pr-1`, `pr-2` and `pr-3`; `{3..1}` counts down. Several ranges in a name are combined, the last one the
 * fastest.
 * @returns undefined where they are more than `MOST_NAMES`
 */
export function expanded(text: string): readonly string[] | undefined {
  let names: readonly string[] = [text];
  for (;;) {
    const [first = ''] = names;
    if (!RANGE.test(first)) return names;
    const next: string[] = [];
    for (const name of names) {
      const found = RANGE.exec(name);
      const [range = '', from = '', to = ''] = found ?? [];
      const index = found?.index ?? 0;
      const step = Number(from) <= Number(to) ? 1 : -1;
      for (let number = Number(from); number !== Number(to) + step; number += step) {
        if (next.length === MOST_NAMES) return undefined;
        next.push(`${name.slice(0, index)}${number}${name.slice(index + range.length)}`);
      }
    }
    names = next;
  }
}

/** Whether a text has a range in it. */
export function hasRange(text: string): boolean {
  return RANGE.test(text);
}
