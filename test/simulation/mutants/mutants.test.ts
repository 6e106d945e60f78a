import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ALL_MUTANTS } from './index.ts';

describe('the mutants', () => {
  it.each(ALL_MUTANTS)('$name: its text stands in the file once', async ({ file, from, to }) => {
    const source = await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');
    expect(source.split(from)).toHaveLength(2);
    expect(to).not.toBe(from);
  });

  it('have names of their own', () => {
    expect(new Set(ALL_MUTANTS.map(({ name }) => name)).size).toBe(ALL_MUTANTS.length);
  });
});
