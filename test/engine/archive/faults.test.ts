import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blobStore } from '../../../src/ledger/store/blob.ts';
import { PlanRefused } from '../../../src/index.ts';
import { applyPlan } from '../../../src/engine/apply.ts';
import { resumeRun } from '../../../src/engine/resume.ts';
import { lostOf, wholes } from '../../support/archived.ts';
import { newArchive } from '../../support/archives.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { newLedger } from '../../support/ledger.ts';
import { DAY, ledgerOnAClock, unreadable } from '../../support/quarantine.ts';
import { connectTo, run, withEmulator, withServedEmulator } from '../../support/registry.ts';

const PURGE = ['--filter', '.*:^old', '--ago', '30d', '--untagged', '--keep', '0'];

describe('nothing that is deleted is missing in the archive', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite.close());

  test.each([1, 2, 3])('where calls fail and connections break, in Blob Storage (seed %i)', async (seed) => {
    const { contents, options } = wholes(3, 4, 300_000);
    await withServedEmulator({ ...options, faults: { errorRate: 0.08, dropRate: 0.08, seed } }, async (emulator) => {
      const { archive } = newArchive(
        blobStore({
          connectionString: azurite.connectionString,
          container: `archive-${seed}`,
          kept: 'archive',
        }),
      );
      const first = await run(emulator, PURGE, undefined, newLedger(), { archive });
      // What failed more often than it is tried is kept.
      expect(await lostOf(emulator, archive, contents)).toEqual([]);
      expect(first.summary.totals.manifests.deleted).toBeGreaterThan(0);
      emulator.faults({});
      const { summary } = await run(emulator, PURGE, undefined, newLedger(), { archive });
      expect(summary.failures).toEqual([]);
      expect(emulator.manifestsLeft()).toEqual([]);
      expect(await lostOf(emulator, archive, contents)).toEqual([]);
    });
  });
});

test('what comes into quarantine is archived before it is unreadable, and deleted from there', async () => {
  const { contents, options } = wholes(2, 4);
  await withEmulator(options, async (emulator) => {
    const { archive } = newArchive();
    const { ledger, later } = ledgerOnAClock();
    const args = [...PURGE, '--quarantine', '14d'];
    const first = await run(emulator, args, undefined, ledger, { archive });
    expect(first.summary.failures).toEqual([]);
    expect(unreadable(emulator).length).toBeGreaterThan(0);
    expect(first.summary.totals.archived?.manifests).toBeGreaterThan(0);
    later(15 * DAY);
    const reads = emulator.counts()['read-blob'];
    const last = await run(emulator, args, undefined, ledger, { archive });
    expect(last.summary.failures).toEqual([]);
    expect(emulator.manifestsLeft()).toEqual([]);
    expect(emulator.counts()['read-blob']).toBe(reads);
    expect(await lostOf(emulator, archive, contents)).toEqual([]);
  });
});

test('what came into quarantine before there was an archive is kept, with what to do', async () => {
  const { options } = wholes(1, 2);
  await withEmulator(options, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const args = [...PURGE, '--quarantine', '14d'];
    await run(emulator, args, undefined, ledger);
    later(15 * DAY);
    const had = emulator.manifestsLeft();
    const { summary } = await run(emulator, args, undefined, ledger, { archive: newArchive().archive });
    expect(emulator.manifestsLeft()).toEqual(had);
    expect(summary.succeeded).toBe(false);
    expect(JSON.stringify(summary.failures)).toMatch(/it is unreadable: release it/);
  });
});

describe('a run that was begun with an archive', () => {
  test('is not resumed without one, and its plan is not applied without one', async () => {
    const { contents, options } = wholes(2, 3);
    await withEmulator(options, async (emulator) => {
      const { archive } = newArchive();
      const ledger = newLedger();
      const { summary } = await run(emulator, [...PURGE, '--dry-run'], undefined, ledger, { archive });
      const registry = connectTo(emulator);
      const about = { ledger, now: new Date(), onDecisions: () => undefined, planAgeMilliseconds: DAY };
      const apply = (given: object) =>
        applyPlan(summary.runId, () => Promise.resolve(registry), { ...about, hosts: undefined, guards: {}, ...given });
      await expect(apply({})).rejects.toThrow(PlanRefused);
      await expect(apply({})).rejects.toThrow(/to be archived first, in the archive, .* --archive or ARCHIVE/);
      expect(emulator.manifestsLeft().length).toBeGreaterThan(0);

      const stop = new AbortController();
      let blobs = 0;
      emulator.onRequest(({ kind }) => {
        if (kind === 'read-blob' && ++blobs === 12) stop.abort();
      });
      const stopped = await run(emulator, PURGE, stop.signal, ledger, { archive });
      emulator.onRequest(undefined);
      expect(stopped.summary.stopped?.detail).toContain("--archive 'the archive'");
      const record = await ledger.run(stopped.summary.runId);
      if (!record) throw new Error('it is not recorded');
      const open = { reader: () => Promise.reject(new Error('no reader')), writer: () => Promise.resolve(registry) };
      await expect(resumeRun(record, open, about)).rejects.toThrow(/to be archived first/);
      const resumed = await resumeRun(record, open, { ...about, archive });
      expect(resumed.failures).toEqual([]);
      expect(emulator.manifestsLeft()).toEqual([]);
      expect(await lostOf(emulator, archive, contents)).toEqual([]);
    });
  });
});
