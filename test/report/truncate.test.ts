import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { truncate } from '../../src/report/truncate.ts';

const sizeOf = (record: readonly [object, string]): number => JSON.stringify(record).length;

describe('a record of the log', () => {
  test('of usual length is logged as it is', () => {
    const fields = { event: 'decision', tags: Array.from({ length: 100 }, (_, n) => `dev-${n}`) };
    expect(truncate(fields, 'has tags')).toEqual([fields, 'has tags']);
  });

  test('that is too long tells the beginning of its lists, and how much more there is', () => {
    const tags = Array.from({ length: 1_000 }, (_, n) => `${'x'.repeat(120)}${n}`);
    const [fields, message] = truncate({ event: 'decision', tags, digest: 'sha256:1' }, 'm'.repeat(40_000));
    expect(fields).toEqual({ event: 'decision', tags: [...tags.slice(0, 50), '… 950 more'], digest: 'sha256:1' });
    expect(message).toBe(`${'m'.repeat(1_000)}…`);
  });

  test('is never longer than Application Insights takes, whatever is in it', () => {
    const long = fc.string({ unit: 'binary', size: 'max', maxLength: 5_000 });
    const fields = fc.record({
      event: fc.constant('run-started'),
      commands: fc.array(fc.record({ filters: fc.array(long, { maxLength: 30 }), ago: long }), { maxLength: 30 }),
      error: fc.record({ message: long }),
    });
    fc.assert(
      fc.property(fields, long, (record, message) => {
        const found = truncate(record, message);
        expect(sizeOf(found)).toBeLessThanOrEqual(30_000);
        expect(found[0]).toHaveProperty('event', 'run-started');
        if (sizeOf([record, message]) <= 30_000) expect(found).toEqual([record, message]);
      }),
      { numRuns: 25 },
    );
  });
});
