import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { newLedger } from '../../support/ledger.ts';
import { repositoryOf } from '../../support/contents.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

const softDelete = { retentionDays: 7 };
const arm = image('arm');
const amd = image('amd');
const multi = index([
  { ...arm, architecture: 'arm64', os: 'linux' },
  { ...amd, architecture: 'amd64', os: 'linux' },
]);
const other = image('other');
const sbom = referrer(multi, 'application/spdx+json', 'sbom');
const signature = image('signature');
const SIGNED = `${multi.digest.replace(':', '-')}.sig`;
const app = repositoryOf(
  { built: arm, days: 40 },
  { built: amd, days: 40 },
  { built: multi, days: 40, tags: ['v1', 'also'] },
  { built: sbom, days: 40 },
  { built: signature, days: 40, tags: [SIGNED] },
  { built: other, days: 1, tags: ['new'] },
);
const PURGE = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];

describe('a run that deleted a multi-arch image', () => {
  test('comes back whole: its platforms before the index, then its signature and what refers to it, each with its tags', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const before = contentsOf(emulator.repositories());
      const purged = await run(emulator, PURGE, undefined, ledger);
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);

      const dry = await restored(emulator, ledger, purged.summary.runId, { dryRun: true });
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);
      expect(new Set(dry.decisions.map(({ outcome }) => outcome))).toEqual(new Set(['planned']));

      const came = await restored(emulator, ledger, purged.summary.runId);
      expect(came.summary.succeeded).toBe(true);
      expect(contentsOf(emulator.repositories())).toEqual(before);
      const order = emulator
        .requests()
        .filter(({ kind }) => kind === 'restore-deleted')
        .map(({ path }) => path);
      const at = (digest: string) => order.findIndex((path) => path.includes(digest));
      expect(Math.max(at(arm.digest), at(amd.digest))).toBeLessThan(at(multi.digest));
      expect(at(multi.digest)).toBeLessThan(Math.min(at(sbom.digest), at(signature.digest)));
      expect(came.summary.totals).toMatchObject({ tags: { restored: 3 }, manifests: { restored: 5 } });
      expect(await ledger.run(came.summary.runId)).toMatchObject({
        kind: 'restore',
        state: 'done',
        restores: { run: purged.summary.runId },
      });
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
    }));

  test('and once more: everything is there, and nothing is changed', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      await restored(emulator, ledger, summary.runId);
      const { length } = emulator.requests().filter(({ method }) => method !== 'GET');
      const again = await restored(emulator, ledger, summary.runId);
      expect(again.summary.succeeded).toBe(true);
      expect(new Set(again.decisions.map(({ outcome }) => outcome))).toEqual(new Set(['already-there']));
      expect(emulator.requests().filter(({ method }) => method !== 'GET')).toHaveLength(length);
    }));

  test('by the name of the image: it, its platforms, its signature and its referrers, and nothing else', () =>
    withEmulator(
      {
        repositories: { app: repositoryOf(...[{ built: image('alone'), days: 40, tags: ['alone'] }]), more: app },
        softDelete,
      },
      async (emulator) => {
        const ledger = newLedger();
        await run(emulator, ['--filter', '.*:.*', '--ago', '30d', '--untagged'], undefined, ledger);
        const came = await restored(emulator, ledger, `${emulator.loginServer}/more:v1`);
        expect(came.summary.succeeded).toBe(true);
        expect(emulator.tagsLeft()).toEqual(['more:also', 'more:new', `more:${SIGNED}`, 'more:v1'].toSorted());
        expect(emulator.manifestsLeft()).toHaveLength(6);
        expect(emulator.repositories()['app']).toBeUndefined();
      },
    ));
});
