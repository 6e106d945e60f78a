import { expect, test } from 'vitest';
import { archiveInWords } from '../../src/report/archive-words.ts';
import { total } from '../../src/ledger/total.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { undoInWords } from '../../src/report/undo.ts';

const archive = 'https://contoso.blob.core.windows.net/archive';
const repository = (milliseconds: number, blobs: number) => ({
  ...summarize('app', []),
  archived: { manifests: blobs && 2, blobs, bytes: blobs * 1_000_000, milliseconds },
});

test('how much was archived, and how long that took, is said of all repositories together', () => {
  const totals = total([repository(60_000, 3), repository(5_000, 4), summarize('other', [])]);
  expect(totals.archived).toEqual({ manifests: 4, blobs: 7, bytes: 7_000_000, milliseconds: 65_000 });
  expect(archiveInWords({ archive, dryRun: false, totals })).toBe(
    `Archived first in ${archive}: 4 manifests and 7 blobs, 7 MB, in 1 min 5 s.`,
  );
});

test('what was there already is not said to be written; nor is what could not be archived said to be there', () => {
  const totals = total([repository(1_000, 0)]);
  expect(archiveInWords({ archive, dryRun: false, totals })).toBe(
    `Archived first in ${archive}: nothing that was not there already; looking took 1 s.`,
  );
});

test('a dry run says where; a run without an archive, or with nothing to archive, says nothing', () => {
  const totals = total([summarize('app', [])]);
  expect(totals.archived).toBeUndefined();
  expect(archiveInWords({ archive, dryRun: true, totals })).toBe(
    `What a purge deletes is archived first, in ${archive}.`,
  );
  expect(archiveInWords({ archive, dryRun: false, totals })).toBeUndefined();
  expect(archiveInWords({ dryRun: true, totals })).toBeUndefined();
});

test('a deletion that was archived can be undone, whatever is known of soft delete', () => {
  const run = { id: '20261130T230000Z-000000', dryRun: false, started: '2026-11-30T23:00:00.000Z' };
  const [archived, would] = [undoInWords({ ...run, archive }), undoInWords({ ...run, archive, dryRun: true })];
  expect(archived).toBe(
    'What it deleted is in the archive, and comes back from there: acr-retention restore 20261130T230000Z-000000',
  );
  expect(would).toMatch(/^What it would delete is archived first/);
  const softDelete = { state: 'on', days: 7 } as const;
  const both = undoInWords({ ...run, archive, undo: { softDelete } });
  expect(both).toContain(archived);
  expect(both).toContain('until 7 Dec 2026');
});
