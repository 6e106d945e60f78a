/*
 * A service writes what it was sent as it likes: each letter by itself or as it is, escaped once or several times, in
 * capitals or not. These forms cannot be listed; an expression finds them all. It counts to an end wherever something may
 * be repeated: a text that is hostile takes no longer.
 */

/** Without any of these nothing is escaped: nearly all texts have none, and looking for these is quick. */
const ESCAPES = /%[\da-f]{2}|&#|&\w+;|\\[u/]/i;

export function hasEscapes(text: string): boolean {
  return ESCAPES.test(text);
}

/** Finds each secret, whichever of its letters are escaped, and however. */
export function escapedFormsOf(secrets: readonly string[]): RegExp {
  // The longest first: one may be a part of another.
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  // Of backslashes one stands for any number.
  const plain = longestFirst.map((secret) => secret.replace(/\\+/g, '\\'));
  return new RegExp(plain.map((secret) => Array.from(secret, formsOf).join('')).join('|'), 'g');
}

const NAMED: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

/** A letter as it is, in a URL, in JSON and in HTML. */
function formsOf(letter: string): string {
  const name = NAMED[letter];
  const code = letter.codePointAt(0) ?? 0;
  const bytes = Array.from(Buffer.from(letter), (byte) => `%(?:25){0,3}${hex(byte, 2)}`).join('');
  const units = Array.from({ length: letter.length }, (_, at) => String.raw`\\{1,15}u${hex(letter.charCodeAt(at), 4)}`);
  // `&` itself may be escaped again.
  const references = [`#0{0,4}${code}`, `#[xX]0{0,4}${hex(code, 1)}`, ...(name === undefined ? [] : [name])];
  const forms = [literal(letter), bytes, units.join(''), `&(?:amp;){0,3}(?:${references.join('|')});`];
  return `(?:${[...forms, ...(letter === ' ' ? [String.raw`\+`] : [])].join('|')})`;
}

/** JSON escapes these with a backslash, and JSON in JSON with several. */
function literal(letter: string): string {
  if (letter === '\\') return String.raw`\\{1,15}`;
  const escaped = letter.replace(/[\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  return /["'/]/.test(letter) ? String.raw`\\{0,15}${escaped}` : escaped;
}

/** Of any case. */
function hex(value: number, digits: number): string {
  return value
    .toString(16)
    .padStart(digits, '0')
    .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
