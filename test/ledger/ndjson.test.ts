import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { LONGEST_LINE, gunzippedLines, split, TooLong } from '../../src/ledger/ndjson.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { pathsOf } from '../../src/ledger/paths.ts';
import { DamagedError, LARGEST_READ } from '../../src/ledger/store/store.ts';
import { recordOf } from '../support/review.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

const limits = { line: 10, file: 30 };

describe('the lines of a file', () => {
  test('are the same, however the file is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }).filter((line) => !line.includes('\n'))),
        fc.array(fc.nat(40)),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
          const parts = places.slice(1).map((place, n) => bytes.subarray(places[n], place));
          expect((await Array.fromAsync(split(chunks(...parts)))).flat()).toEqual(lines);
        },
      ),
    );
  });

  test.each([
    ['of one piece', ['0123456789', '0\n'], 'a line'],
    ['within a piece', ['a\n01234567890\nb\n'], 'a line'],
    ['without an end', ['012345', '6789', '0'], 'a line'],
    ['after others', ['a\nb\n0', '1234567890'], 'a line'],
    ['of which there are too many', ['a\n'.repeat(16)], 'it has'],
  ])('that are too long are an error: %s', async (_, parts, says) => {
    await expect(Array.fromAsync(split(chunks(...parts), limits))).rejects.toThrow(TooLong);
    await expect(Array.fromAsync(split(chunks(...parts), limits))).rejects.toThrow(says);
  });

  test('that are not too long are none', async () => {
    expect((await Array.fromAsync(split(chunks('0123456789\n', '01234', '56789\nrest'), limits))).flat()).toHaveLength(
      2,
    );
  });
});

describe('a ledger', () => {
  /** Some kilobytes, of which each is a thousand when it is read. */
  const bomb = gzipSync(Buffer.alloc(LONGEST_LINE + 1, 'x'));

  test('reads nothing of a line without end, and says where it is', async () => {
    await expect(Array.fromAsync(gunzippedLines(chunks(bomb)))).rejects.toThrow(TooLong);
    const store = memoryStore();
    const ledger = openLedger(store);
    const { run } = recordOf('2026-11-24T01:00:00.000Z', [], { state: 'stopped' });
    const { id } = run;
    const paths = pathsOf(id);
    await store.write(paths.run, JSON.stringify(run));
    await store.write(paths.decisions('app'), chunks(bomb));
    const read = Array.fromAsync(ledger.decisions(id, { repository: 'app' }));
    await expect(read).rejects.toThrow(DamagedError);
    await expect(read).rejects.toThrow(`cannot be read: ${paths.decisions('app')}: a line of it has more than`);
    await store.write(paths.decisions('app'), chunks(gzipSync('{}\n')));
    await store.append(paths.journal('app'), Buffer.alloc(LONGEST_LINE + 1, 'x'), 0);
    await expect(Array.fromAsync(ledger.decisions(id, { repository: 'app' }))).rejects.toThrow(paths.journal('app'));
    await expect(Array.fromAsync(ledger.journals(id))).rejects.toThrow(DamagedError);
  });

  test('reads no record that is far too large', async () => {
    const store = memoryStore();
    const id = '20261124T010000Z-3f9a0c';
    await store.write(pathsOf(id).run, chunks(Buffer.alloc(LARGEST_READ + 1, ' ')));
    await expect(openLedger(store).run(id)).rejects.toThrow(DamagedError);
    // The others are there all the same.
    expect(await Array.fromAsync(openLedger(store).runs())).toEqual([]);
  });
});
