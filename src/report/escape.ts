/**
 * Text from a registry as it may reach a terminal: control characters (escape sequences that repaint it, line breaks
 * that forge a line) and marks that turn the reading direction are shown as `\u001b`, not obeyed.
 */
export function printable(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One line of JSON that is safe on a terminal too: JSON leaves C1 controls and direction marks as they are. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value));
}
