import { describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { LedgerReader } from '../../../src/ledger/reader.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { DamagedError } from '../../../src/ledger/store/store.ts';
import { ledgerOf, NOW, recordOf, totalsOf } from '../../support/review.ts';

const COUNTS = { kept: 1, failed: 0, notAttempted: 0, alreadyGone: 0 };

/** What a run deleted in some repositories: of each so many manifests of 1 MB. */
function runOf(started: string, deleted: Readonly<Record<string, number>>, over: Partial<RunRecord> = {}) {
  const repositories = Object.entries(deleted).map(([repository, some]) => ({
    summary: {
      repository,
      state: 'done' as const,
      ...totalsOf([]),
      manifests: { ...COUNTS, deleted: some },
      bytes: some * 1_000_000,
    },
    planned: { deletions: 0, hash: '' },
  }));
  const all = Object.values(deleted).reduce((sum, one) => sum + one, 0);
  const totals = {
    ...totalsOf([]),
    listed: { tags: 10, manifests: 500 + all, bytes: 9e9 },
    manifests: { ...COUNTS, deleted: all },
    bytes: all * 1_000_000,
    reasons: { 'untagged-and-expired': all },
  };
  return recordOf(started, [], { totals, ...over }, repositories);
}

const text = async (reader: LedgerReader, query: string): Promise<string> => {
  const { body } = await reviewPage(reader, new URLSearchParams(query), NOW);
  return (body as string)
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replace(/<title>[^<]*<\/title>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
};

describe('over time, by repository', () => {
  const runs = [
    runOf('2026-11-23T01:00:00.000Z', { app: 3, web: 20 }),
    runOf('2026-11-24T01:00:00.000Z', { app: 4 }),
    runOf('2026-11-24T02:00:00.000Z', { other: 100 }, { registry: 'fabrikam.azurecr.io' }),
  ];

  test('the sum of all runs, the largest first; of one registry also what is there', async () => {
    const all = await text(ledgerOf(runs), 'view=trends');
    expect(all).toContain('Of the last 3 runs.');
    expect(all).toMatch(/other 100 100 MB web 20 20 MB app 7 7 MB/);
    expect(all).not.toContain('What is there');
    const one = await text(ledgerOf(runs), 'view=trends&registry=contoso.azurecr.io');
    expect(one).toMatch(/web 20 20 MB app 7 7 MB/);
    expect(one).not.toContain('other 100');
    expect(one).toMatch(/What is there.*23 Nov[^]*523/);
  });

  test('records that cannot be read are left out, and that is said', async () => {
    const ledger = ledgerOf(runs);
    const damaged: LedgerReader = {
      ...ledger,
      repositories: (id) => {
        if (id === runs[0]?.run.id) throw new DamagedError('it is damaged');
        return ledger.repositories(id);
      },
    };
    const page = await text(damaged, 'view=trends');
    expect(page).toContain('The records of 1 run cannot be read, and are left out.');
    expect(page).toMatch(/other 100 100 MB app 4 4 MB/);
  });

  test('of dry runs it says that nothing was deleted', async () => {
    const page = await text(ledgerOf([runOf('2026-11-24T01:00:00.000Z', { app: 4 }, { dryRun: true })]), 'view=trends');
    expect(page).toContain('Nothing was deleted: there were dry runs only.');
    expect(page).toContain('Bytes to delete, at most');
  });

  test('where no run has found anything, and where there is none', async () => {
    expect(await text(ledgerOf([runOf('2026-11-24T01:00:00.000Z', { app: 0 })]), 'view=trends')).toContain(
      'No run has found anything to delete.',
    );
    expect(await text(ledgerOf([]), 'view=trends')).toContain('There has been no run yet.');
  });
});
