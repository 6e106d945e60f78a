import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { middleCut, type Style } from '../../src/report/style.ts';
import { renderTable } from '../../src/report/table.ts';

const on = (width: number): Style => ({ width, wraps: true, color: false });
const COLUMNS = { head: ['REPOSITORY', 'TAGS', 'SIZE'], right: [1, 2] };

/** Short, long, and one whose characters are two columns wide. */
const ROWS = [
  ['app', 3, '1.2 MB'],
  ['platform/team-payments/services/settlement-worker', 120, '40 GB'],
  ['製品/決済サービス/ワーカー', 7, '900 kB'],
] as const;

describe('a table', () => {
  test.each([40, 60, 80, 120])('fits into %d columns, and its columns stand below each other', (width) => {
    const lines = renderTable(on(width), COLUMNS, ROWS).split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
    // The last column is aligned at the right.
    expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1);
  });

  test('leaves names whole where there is room, and where nothing wraps', () => {
    for (const style of [on(120), { ...on(40), wraps: false }])
      for (const [name] of ROWS) expect(renderTable(style, COLUMNS, ROWS)).toContain(name);
  });

  test('shortens the longest name first, in its middle', () => {
    const [, app, long] = renderTable(on(40), COLUMNS, ROWS).split('\n');
    expect(app).toMatch(/^app +3 +1\.2 MB$/);
    expect(long).toMatch(/^platform\/\S*…\S*worker +120 +40 GB$/);
  });

  test('has lines of its own for each row where even that does not fit', () => {
    const columns = { head: ['IMAGE', 'WHERE'], right: [], names: [0] };
    const text = renderTable(on(60), columns, [['app:1.0', 'w'.repeat(70)]]);
    expect(text).toBe(`app:1.0\n  ${'w'.repeat(70)}`);
  });

  test('shortens several columns of names together', () => {
    const columns = { head: ['IMAGE', 'WHERE'], right: [], names: [0, 1] };
    const [, line = ''] = renderTable(on(60), columns, [['a'.repeat(50), 'b'.repeat(50)]]).split('\n');
    expect(line).toMatch(/^a+…a+ {2}b+…b+$/);
    expect(line).toHaveLength(60);
  });
});

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdefgh', 5, 'ab…gh'],
  ['abcdefgh', 4, 'ab…h'],
  ['漢字漢字漢字', 7, '漢…字'],
  ['👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 5, '👩‍👩‍👧‍👦…👩‍👩‍👧‍👦'],
] as const)('%s in %d columns is %s', (text, width, expected) => {
  const cut = middleCut(text, width);
  expect(cut).toBe(expected);
  expect(stringWidth(cut)).toBeLessThanOrEqual(width);
});
