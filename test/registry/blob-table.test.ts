import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/registry/names.ts';
import { newBlobTable } from '../../src/registry/blob-table.ts';

test('a table of blobs is a map from digests to numbers and sizes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(600), fc.nat(100)), { maxLength: 1500 }), (added) => {
      const table = newBlobTable();
      const model = new Map<string, { readonly blob: number; readonly size: number }>();
      for (const [number, size] of added) {
        const digest = digestOf(Buffer.from(String(number)));
        const known = model.get(digest);
        const blob = table.add(digest, size);
        expect(blob).toBe(known?.blob ?? model.size);
        model.set(digest, { blob: blob ?? -1, size: Math.max(size, known?.size ?? 0) });
      }
      expect(table.count()).toBe(model.size);
      for (const [digest, { blob, size }] of model) {
        expect(table.digestOf(blob)).toBe(digest);
        expect(table.sizeOf(blob)).toBe(size);
      }
    }),
    { numRuns: 30 },
  );
});

test('what is no SHA-256, and what is too much, is not counted', () => {
  const table = newBlobTable(1);
  expect(table.add(`sha512:${'0'.repeat(128)}`, 1)).toBeUndefined();
  expect(table.add('latest', 1)).toBeUndefined();
  const first = digestOf(Buffer.from('first'));
  expect(table.add(first, 1)).toBe(0);
  expect(table.add(digestOf(Buffer.from('second')), 1)).toBeUndefined();
  expect(table.add(first, 2)).toBe(0);
});
