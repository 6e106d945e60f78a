import { describe, expect, test } from 'vitest';
import type { ImageFindings } from '../../src/evidence/findings.ts';
import type { FindingsSource, Observed } from '../../src/engine/findings/findings.ts';
import { cosignSignature, cosignTag, image, index } from '../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { run, withEmulator } from '../support/registry.ts';

const old = image('old');
const [amd64, arm64] = [image('amd64'), image('arm64')];
const multi = index([
  { ...amd64, os: 'linux', architecture: 'amd64' },
  { ...arm64, os: 'linux', architecture: 'arm64' },
]);
const kept = image('new');
const unscanned = image('unscanned');
const repositories = {
  app: repositoryOf(
    { built: old, days: 90, tags: ['old'] },
    { built: amd64, days: 90 },
    { built: arm64, days: 90 },
    { built: multi, days: 90, tags: ['multi'] },
    { built: kept, days: 1, tags: ['new'] },
    { built: unscanned, days: 1, tags: ['unscanned'] },
  ),
};

const scan = (bySeverity: Readonly<Record<string, number>>): ImageFindings => ({
  scan: { by: 'grype', bySeverity, fixable: {}, ids: ['CVE-2026-0001'] },
});

function sourceOf(images: Readonly<Record<string, ImageFindings>>, about: Partial<Observed> = {}): FindingsSource {
  const answer = {
    observedAt: '2026-11-30T00:00:00.000Z',
    complete: true,
    problems: [],
    images: new Map(Object.entries(images)),
    ...about,
  };
  return { source: 'referrers', read: () => Promise.resolve(answer) };
}

const IMAGES = {
  [old.digest]: scan({ critical: 2, high: 1 }),
  [amd64.digest]: scan({ critical: 1 }),
  [arm64.digest]: scan({ low: 3 }),
  // What the report of an index says is said by its platforms.
  [multi.digest]: scan({ high: 99 }),
  [kept.digest]: scan({ high: 5 }),
};
const GIVEN = ['--filter', '.*:old|multi', '--ago', '30d', '--untagged'];

describe('findings', () => {
  test.each([[['--dry-run']], [[]]])('%j: each decision has them, and the run their sums', (more) =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const findings = { sources: [sourceOf(IMAGES)] };
      const { summary, decisions } = await run(emulator, [...GIVEN, ...more], undefined, ledger, { findings });
      const of = (digest: string, kind = 'manifest') =>
        decisions.find((one) => one.digest === digest && one.kind === kind)?.findings;
      expect(of(old.digest)?.scan?.bySeverity).toEqual({ critical: 2, high: 1 });
      expect(of(old.digest, 'tag')).toEqual(of(old.digest));
      expect(of(multi.digest)).toMatchObject({ ofParts: true, scan: { bySeverity: { critical: 1, low: 3 } } });
      expect(of(amd64.digest)).toMatchObject({ part: true });
      expect(of(unscanned.digest)).toEqual({});
      const sums = {
        removed: { images: 2, notScanned: 0, bySeverity: { critical: 3, high: 1, low: 3 }, fixable: {} },
        kept: { images: 1, notScanned: 1, bySeverity: { high: 5 }, fixable: {} },
      };
      expect(summary.totals.findings).toEqual(sums);
      const record = await ledger.run(summary.runId);
      expect(record?.findings).toEqual([
        { source: 'referrers', observedAt: '2026-11-30T00:00:00.000Z', complete: true, images: 5 },
      ]);
      const [recorded] = await Array.fromAsync(ledger.repositories(summary.runId));
      expect(recorded?.summary.findings).toEqual(sums);
      const read = await Array.fromAsync(ledger.decisions(summary.runId));
      expect(read.find(({ digest, kind }) => digest === multi.digest && kind === 'manifest')?.findings).toEqual(
        of(multi.digest),
      );
    }),
  );

  test('what a source says is in use is summed by itself, with the platforms of an index', () =>
    withEmulator({ repositories }, async (emulator) => {
      const evidence = {
        sources: [
          {
            name: 'kube',
            read: () =>
              Promise.resolve({
                source: 'kube',
                observedAt: new Date().toISOString(),
                scope: 'all',
                complete: true,
                problems: [],
                facts: [{ repository: 'app', tag: 'multi', where: 'deployment api' }],
              }),
          },
        ],
        rememberMilliseconds: 0,
      };
      const findings = { sources: [sourceOf(IMAGES)] };
      const { summary } = await run(emulator, GIVEN, undefined, newLedger(), { evidence, findings });
      expect(summary.totals.findings).toEqual({
        removed: { images: 1, notScanned: 0, bySeverity: { critical: 2, high: 1 }, fixable: {} },
        kept: { images: 2, notScanned: 1, bySeverity: { critical: 1, low: 3, high: 5 }, fixable: {} },
        inUse: { images: 1, notScanned: 0, bySeverity: { critical: 1, low: 3 }, fixable: {} },
      });
    }));

  test('tags alone: nothing is removed, and what was read of indexes is remembered beside the rest', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const findings = { sources: [sourceOf(IMAGES)] };
      const tagsOnly = ['--filter', 'app:old', '--ago', '30d', '--dry-run'];
      const { summary } = await run(emulator, tagsOnly, undefined, ledger, { findings });
      expect(summary.totals.findings).toMatchObject({
        removed: { images: 0, bySeverity: {} },
        kept: { images: 3, notScanned: 1, bySeverity: { critical: 3, high: 6, low: 3 } },
      });
      const before = emulator.requests().length;
      await run(emulator, tagsOnly, undefined, ledger, { findings });
      const read = emulator
        .requests()
        .slice(before)
        .filter(({ path }) => path.includes('/manifests/'));
      expect(read).toEqual([]);
    }));

  test('an image in the format of Docker counts as one, a platform of a list as a part, and a signature under a tag not at all', () => {
    const [plain, part] = [image('plain', { docker: true }), image('part', { docker: true })];
    const list = index([{ ...part, os: 'linux', architecture: 'amd64' }], { docker: true });
    const signature = cosignSignature(plain);
    const docker = {
      app: repositoryOf(
        { built: plain, days: 1, tags: ['v1'] },
        { built: part, days: 1 },
        { built: list, days: 1, tags: ['v2'] },
        { built: signature, days: 1, tags: [cosignTag(plain)] },
      ),
    };
    return withEmulator({ repositories: docker }, async (emulator) => {
      const findings = { sources: [sourceOf({})] };
      const { summary, decisions } = await run(emulator, GIVEN, undefined, newLedger(), { findings });
      expect(summary.totals.findings?.kept).toEqual({ images: 0, notScanned: 2, bySeverity: {}, fixable: {} });
      const of = (digest: string) =>
        decisions.find((one) => one.digest === digest && one.kind === 'manifest')?.findings;
      expect([plain, part, list, signature].map(({ digest }) => of(digest))).toEqual([
        {},
        { part: true },
        {},
        undefined,
      ]);
    });
  });
});
