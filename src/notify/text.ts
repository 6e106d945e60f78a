/**
 * Text from a registry as a person may see it: control characters, line ends and marks that turn the reading direction
 * are replaced, and a long text is cut.
 * @param most letters, as UTF-16 counts them
 * @param sizeOf how long a letter is where it is sent
 */
export function plain(text: string, most: number, sizeOf: (letter: string) => number = ({ length }) => length): string {
  // Far more than is kept: no more of a hostile name is looked at.
  const clean = text.slice(0, most * 2).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, '\u{fffd}');
  let kept = '';
  let size = 0;
  for (const letter of clean) {
    if (size + sizeOf(letter) > most) return cut(kept, most - 1, sizeOf);
    kept += letter;
    size += sizeOf(letter);
  }
  return text.length > most * 2 ? cut(kept, most - 1, sizeOf) : kept;
}

/** As much of it as fits, and a sign that there is more. */
function cut(text: string, most: number, sizeOf: (letter: string) => number): string {
  const letters = Array.from(text);
  let size = letters.reduce((sum, letter) => sum + sizeOf(letter), 0);
  while (size > most) size -= sizeOf(letters.pop() ?? '');
  return `${letters.join('')}…`;
}

/** The first lines of a list, and how many more there are. */
export function firstLines(lines: readonly string[], most: number): readonly string[] {
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `and ${lines.length - most + 1} more`];
}
