import { describe, expect, test } from 'vitest';
import { PolicyError, quote } from '../../src/policy/errors.ts';

describe('PolicyError', () => {
  test('names the flag, shows the text, and keeps both and its cause', () => {
    const cause = new Error('because');
    const error = new PolicyError('--ago', '1.5d', 'days are whole numbers; write 36h', { cause });
    expect(error.message).toBe('--ago "1.5d": days are whole numbers; write 36h');
    expect(error).toMatchObject({ name: 'PolicyError', flag: '--ago', text: '1.5d', cause });
    expect(error).toBeInstanceOf(Error);
  });

  test('lets no control character through to a terminal', () => {
    const { message } = new PolicyError('--filter', '\u001b[2J\r\n\u009b\u007f\u202e"', 'no');
    expect(message).toMatch(/^[\x20-\x7e]*$/);
    expect(message).toBe('--filter "\\u001b[2J\\r\\n\\u009b\\u007f\\u202e\\"": no');
  });

  test('shortens a long text, also through the middle of a character', () => {
    expect(quote('a'.repeat(200))).toBe(`"${'a'.repeat(200)}"`);
    expect(quote('a'.repeat(201))).toBe(`"${'a'.repeat(200)}…"`);
    expect(quote(`${'a'.repeat(199)}😀`)).toBe(`"${'a'.repeat(199)}\\ud83d…"`);
  });
});
