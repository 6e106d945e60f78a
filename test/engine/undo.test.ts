import { describe, expect, test } from 'vitest';
import type { SoftDelete } from '../../src/evidence/soft-delete.ts';
import { undoInWords } from '../../src/report/undo.ts';
import { renderSummary } from '../../src/report/text.ts';
import { verdictOf } from '../../src/report/verdict.ts';
import { image } from '../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { run, withEmulator } from '../support/registry.ts';

const repositories = {
  app: repositoryOf({ built: image('old'), days: 90, tags: ['old'] }, { built: image('new'), days: 1, tags: ['new'] }),
  web: repositoryOf({ built: image('web'), days: 90, tags: ['old'] }),
};
const GIVEN = ['--filter', '.*:old', '--ago', '30d', '--untagged'];

describe('a run', () => {
  test.each([
    [['--dry-run'], /^What it would delete can be undone for 14 days \(soft delete\)\.$/m],
    [[], /^What it deleted can be undone until \d+ \w{3} \d{4} \(soft delete, 14 days\): acr-retention restore \S+$/m],
  ])('%j asks once whether the registry keeps what is deleted, records it and says it', (more, words) =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      let asked = 0;
      const softDelete = {
        read: (registry: string): Promise<SoftDelete> => {
          expect(registry).toBe(emulator.loginServer);
          asked += 1;
          return Promise.resolve({ state: 'on', days: 14 });
        },
      };
      const evidence = { sources: [], rememberMilliseconds: 0, softDelete };
      const { summary } = await run(emulator, [...GIVEN, ...more], undefined, ledger, { evidence });
      expect(asked).toBe(1);
      expect(summary.succeeded).toBe(true);
      const record = await ledger.run(summary.runId);
      expect(record?.undo).toEqual({ softDelete: { state: 'on', days: 14 } });
      expect(renderSummary(summary)).toMatch(words);
      if (record)
        expect(
          verdictOf({ run: record, repositories: await Array.fromAsync(ledger.repositories(record.id)) }).undo,
        ).toMatch(words);
    }),
  );

  test('succeeds where it cannot be found out, and says why', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const softDelete = {
        read: () => Promise.resolve({ state: 'unknown' as const, why: 'the identity may not read it' }),
      };
      const { summary } = await run(emulator, GIVEN, undefined, ledger, {
        evidence: { sources: [], rememberMilliseconds: 0, softDelete },
      });
      expect(summary.succeeded).toBe(true);
      expect(renderSummary(summary)).toContain(
        'Whether that can be undone is unknown: the identity may not read it.\n',
      );
    }));
});

test.each([
  [
    { dryRun: false, undo: { softDelete: { state: 'on', days: 1 } } },
    'What it deleted can be undone until 1 Dec 2026 (soft delete, 1 day): acr-retention restore X',
  ],
  [
    { dryRun: true, undo: { softDelete: { state: 'off' } } },
    'What it would delete cannot be undone: the registry does not keep it (soft delete is off).',
  ],
  [
    { dryRun: false, archive: 'X' },
    'What it deleted is in the archive, and comes back from there: acr-retention restore X',
  ],
  [
    { dryRun: true, archive: 'X' },
    'What it would delete is archived first, and comes back from there (acr-retention restore).',
  ],
  [{ dryRun: false }, /^Whether that can be undone is unknown: REGISTRY_RESOURCE_ID is not set/],
] as const)('%j', (about, words) => {
  const said = undoInWords({ id: 'X', started: '2026-11-30T23:00:00.000Z', ...about });
  if (typeof words === 'string') expect(said).toBe(words);
  else expect(said).toMatch(words);
});
