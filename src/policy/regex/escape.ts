import type { Cursor } from './cursor.ts';

/**
 * Reads what follows a backslash as one character: octal, hexadecimal, control and letter escapes. A backslash before
 * anything else has no meaning, also before a letter: `\Q` is a Q.
 *
 * @returns its code point.
 */
export function readEscapedCharacter(cursor: Cursor, inClass = false): number {
  if (/[0-7]/.test(cursor.peek())) return Number.parseInt(cursor.takeWhile(/[0-7]/, 3), 8) & 0xff;
  const character = cursor.next();
  switch (character) {
    case 'x':
      if (cursor.take('{')) {
        const code = readHex(cursor, 1, 6);
        if (!cursor.take('}')) cursor.fail('\\x{ is not closed');
        return code;
      }
      return readHex(cursor, 2, 2);
    case 'u':
      return readHex(cursor, 4, 4);
    case 'c': {
      const control = cursor.next();
      if (!/[@-_a-z]/.test(control)) cursor.fail('\\c is followed by a letter');
      return codeOf(control.toUpperCase()) - 0x40;
    }
    case '':
      return cursor.fail('the pattern ends with a backslash');
    default: {
      const known = 'abefnrtv'.indexOf(character);
      if (known >= 0 && (inClass || character !== 'b')) return codeOf('\x07\b\x1b\f\n\r\t\v'.charAt(known));
      return codeOf(character);
    }
  }
}

export function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function readHex(cursor: Cursor, least: number, most: number): number {
  const digits = cursor.takeWhile(/[0-9a-fA-F]/, most);
  if (digits.length < least) cursor.fail('hexadecimal digits are missing; write e.g. \\x2d');
  const code = Number.parseInt(digits, 16);
  if (code > 0x10ffff) cursor.fail('no character has so high a number');
  return code;
}
