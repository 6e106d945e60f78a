import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedList } from '../../../src/dev/emulator/sorted-map.ts';

const ascending = (a: number, b: number): number => a - b;

test('it stays what a sorted set would be', () => {
  // Numbers few enough to collide, entries many enough for several chunks.
  const number = fc.nat(6000);
  const change = fc.record({ add: fc.boolean(), value: number });
  fc.assert(
    fc.property(
      fc.uniqueArray(number, { maxLength: 3000, size: 'max' }),
      fc.array(change, { maxLength: 3000, size: 'max' }),
      number,
      (initial, changes, bound) => {
        const list = new SortedList(ascending, initial);
        const model = new Set(initial);
        for (const { add, value } of changes) {
          if (add === model.has(value)) continue;
          if (add) list.insert(value);
          else list.remove(value);
          if (add) model.add(value);
          else model.delete(value);
        }
        const sorted = [...model].sort(ascending);
        expect([...list.after()]).toEqual(sorted);
        expect([...list.after(bound)]).toEqual(sorted.filter((value) => value > bound));
      },
    ),
    { numRuns: 50 },
  );
});

test('what is not there is not removed', () => {
  const list = new SortedList(ascending, [1, 3]);
  for (const value of [0, 2, 4]) list.remove(value);
  expect([...list.after()]).toEqual([1, 3]);
  const empty = new SortedList(ascending, []);
  empty.remove(1);
  expect([...empty.after(0)]).toEqual([]);
  empty.insert(1);
  expect([...empty.after(0)]).toEqual([1]);
});
