import type { Reader } from './reader.ts';

/** Octal, hexadecimal, control and letter escapes, and any other character. */
const ESCAPED = /([0-7]{1,3})|(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))|c([@-_a-z])|([^])/uy;
const LETTERS = 'abefnrtv';
const CONTROLS = '\x07\b\x1b\f\n\r\t\v';

/**
 * Reads what follows a backslash as one character. A backslash before anything without a meaning is overlooked, also
 * before a letter: `\Q` is a Q.
 *
 * @returns its code point.
 */
export function readCharacter(reader: Reader, inClass = false): number {
  const [, octal, braced, two, four, control, other] = reader.match(ESCAPED) ?? [];
  if (octal !== undefined) return Number.parseInt(octal, 8) & 0xff;
  const hexadecimal = braced ?? two ?? four;
  if (hexadecimal !== undefined) {
    const code = Number.parseInt(hexadecimal, 16);
    return code > 0x10ffff ? reader.fail('no character has so high a number') : code;
  }
  if (control !== undefined) return codeOf(control.toUpperCase()) - 0x40;
  if (other === undefined) return reader.fail('the pattern ends with a backslash');
  if (other === 'c') reader.fail('\\c is followed by a letter');
  if (other === 'x' || other === 'u') reader.fail('hexadecimal digits are missing; write e.g. \\x2d or \\x{2d}');
  const known = LETTERS.indexOf(other);
  return known >= 0 && (inClass || other !== 'b') ? codeOf(CONTROLS.charAt(known)) : codeOf(other);
}

export function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
