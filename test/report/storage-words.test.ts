import { expect, test } from 'vitest';
import type { StorageRecord, StorageSum } from '../../src/ledger/storage.ts';
import { total } from '../../src/ledger/total.ts';
import { storageInWords } from '../../src/report/storage-words.ts';

const GIB = 1024 ** 3;
const at = '2026-11-24T01:00:00.000Z';
const sum: StorageSum = { unique: 5.7e9, frees: 2.1e9 };
const uses = (bytes: number, included?: number) =>
  ({ state: 'known', at, bytes, ...(included !== undefined && { included }) }) as const;

const said = (more: Partial<StorageSum>, storage: StorageRecord = {}, dryRun = true): string =>
  storageInWords({ storage, dryRun, totals: { ...total([]), storage: { ...sum, ...more } } }).join(' ');

test.each<[Partial<StorageSum>, StorageRecord, string]>([
  [{}, {}, 'It would free 2.1 GB of 5.7 GB, each layer counted once.'],
  [{ frees: 0 }, { price: 1 }, 'It would free nothing of 5.7 GB, each layer counted once.'],
  [
    { unread: 1, repositoriesNotRead: 3 },
    {},
    'It would free at most 2.1 GB of 5.7 GB, as far as it is known: what 1 kept manifest holds is not known and 3 repositories were never read.',
  ],
  [
    { unreadDeleted: 2, repositoriesNotListed: true },
    {},
    'It would free about 2.1 GB of 5.7 GB, as far as it is known: what 2 deleted manifests held is not known and which repositories there are is not known.',
  ],
  [
    {},
    { price: 0.1 },
    'It would free 2.1 GB of 5.7 GB, each layer counted once. That costs about 0.20 a month, as far as it is more than the tier of the registry includes.',
  ],
  [
    {},
    { price: 0.1, before: uses(30 * GIB, 10 * GIB) },
    'It would free 2.1 GB of 5.7 GB, each layer counted once. That is about 0.20 a month less; the tier includes 10.7 GB. The registry says that it uses 32.2 GB.',
  ],
  [
    {},
    { price: 0.1, before: uses(6 * GIB, 10 * GIB), after: uses(6 * GIB, 10 * GIB) },
    'It would free 2.1 GB of 5.7 GB, each layer counted once. It costs nothing less: the registry uses 6.44 GB, and its tier includes 10.7 GB. The registry says that it uses 6.44 GB, before and after: it frees space later.',
  ],
  [
    {},
    { before: { state: 'unknown', at, why: 'the identity may not read it' } },
    'It would free 2.1 GB of 5.7 GB, each layer counted once. What the registry says that it uses is not known: the identity may not read it.',
  ],
])('%j with %j', (more, storage, words) => expect(said(more, storage)).toBe(words));

test('nothing is said where it is not asked, and what is not known is said', () => {
  expect(storageInWords({ dryRun: false, totals: total([]) })).toEqual([]);
  expect(storageInWords({ dryRun: false, storage: {}, totals: total([]) }).join(' ')).toMatch(/is not known/);
  expect(said({}, {}, false)).toMatch(/^It frees 2\.1 GB/);
});
