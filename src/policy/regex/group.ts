import type { Cursor } from './cursor.ts';

/** regexp2's numbers of all capturing groups of a pattern: one may be referred to before it is opened. */
export interface Slots {
  readonly numbers: ReadonlySet<number>;
  readonly names: ReadonlyMap<string, number>;
}

/** Unnamed groups are numbered first, from 1; a named group gets the next number that is free. */
export function numberGroups(unnamed: number, numbered: Iterable<number>, named: Iterable<string>): Slots {
  const numbers = new Set(numbered);
  for (let slot = 1; slot <= unnamed; slot += 1) numbers.add(slot);
  const names = new Map<string, number>();
  let slot = unnamed;
  for (const name of named) {
    do slot += 1;
    while (numbers.has(slot));
    numbers.add(slot);
    names.set(name, slot);
  }
  return { numbers, names };
}

/** What a parenthesis opens. */
export type GroupOpening =
  | { readonly kind: 'plain' }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'numbered'; readonly slot: number }
  | { readonly kind: 'atomic' }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean }
  /** `(?:` */
  | { readonly kind: 'grouping' }
  /** `(?i:`, or `(?i)` with which the group has ended already. */
  | {
      readonly kind: 'flags';
      readonly flags: Readonly<Partial<Record<'i' | 'n' | 'x', boolean>>>;
      readonly alone: boolean;
    };

/**
 * Reads what follows a `(` and says what kind of group it opens.
 *
 * @throws {PolicyError} for a construct that regexp2 does not know or that is not supported here.
 */
export function readGroupOpening(cursor: Cursor): GroupOpening {
  if (cursor.peek() !== '?' || cursor.peek(1) === ')') {
    // regexp2 lets "(?)" pass as a group whose content begins with a quantifier, to find that it has nothing before it.
    return { kind: 'plain' };
  }
  cursor.next();
  switch (cursor.peek()) {
    case '=':
      return look(cursor, '=', true, false);
    case '!':
      return look(cursor, '!', true, true);
    case '>':
      cursor.next();
      return { kind: 'atomic' };
    case ':':
      cursor.next();
      return { kind: 'grouping' };
    case '(':
      return cursor.fail('a condition (?(…)yes|no) is not supported; write lookaheads, (?:(?=…)yes|(?!…)no)');
    case '<':
      if (cursor.peek(1) === '=') return look(cursor, '<=', false, false);
      if (cursor.peek(1) === '!') return look(cursor, '<!', false, true);
      cursor.next();
      return readName(cursor, '>');
    case "'":
      cursor.next();
      return readName(cursor, "'");
    case 'P':
      cursor.next();
      if (!cursor.take('<'))
        cursor.fail('(?P is followed by a name, as in (?P<name>…); write \\k<name> to refer to it');
      return readName(cursor, '>', false);
    default:
      return readFlags(cursor);
  }
}

function look(cursor: Cursor, text: string, ahead: boolean, negative: boolean): GroupOpening {
  cursor.take(text);
  return { kind: 'look', ahead, negative };
}

function readName(cursor: Cursor, close: string, numbers = true): GroupOpening {
  const name = cursor.takeWhile(/\w/);
  if (cursor.peek() === '-') cursor.fail('balancing groups (?<name-other>…) are not supported');
  if (!cursor.take(close)) {
    cursor.fail('the name of a group, as in (?<name>…), has letters and digits only and must be closed');
  }
  if (numbers && /^[1-9][0-9]{0,8}$/.test(name)) return { kind: 'numbered', slot: Number(name) };
  if (!/^[A-Za-z_]/.test(name)) cursor.fail('the name of a group begins with a letter');
  return { kind: 'named', name };
}

function readFlags(cursor: Cursor): GroupOpening {
  const flags: Partial<Record<'i' | 'n' | 'x', boolean>> = {};
  let on = true;
  for (;;) {
    const next = cursor.next();
    if (next === ')' || next === ':') return { kind: 'flags', flags, alone: next === ')' };
    if (next === '') cursor.fail('a ( is not closed; write \\( for a parenthesis itself');
    if (next === '-' || next === '+') on = next === '+';
    else if (/[inx]/i.test(next)) flags[next.toLowerCase() as 'i' | 'n' | 'x'] = on;
    else if (!/[ms]/i.test(next)) {
      cursor.fail('after (? comes one of : = ! > <= <! <name> or flags among i, m, n, s and x; this is none of them');
    }
  }
}
