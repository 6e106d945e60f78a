import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { apply } from '../../../src/index.ts';
import { repositoryOf, type Stored } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { reference, run, USER, withEmulator } from '../../support/registry.ts';
import { begin } from '../../support/slices.ts';

const HIDDEN = { listEnabled: false };
const ALL = ['--filter', 'app:^dev', '--ago', '30d', '--untagged'];
const UNTAGGED = ['--untagged-only', '--ago', '30d'];

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), os: 'linux', architecture }));
const build = index(platforms);
const parts = platforms.map((built): Stored => ({ built, days: 40 }));
const whole = (tags: readonly string[], days = 40): readonly Stored[] => [...parts, { built: build, days, tags }];

const left = (emulator: Emulator): readonly string[] => emulator.manifestsLeft();
const kept = platforms.map(({ digest }) => `app@${digest}`);

describe('the platforms of a hidden index are kept', () => {
  test('where an earlier run saw it, whatever the tags of it are', async () => {
    for (const tags of [[], ['v1']]) {
      await withEmulator({ repositories: { app: repositoryOf(...whole(tags, 1)) } }, async (emulator) => {
        const ledger = newLedger();
        await run(emulator, [...ALL, '--dry-run'], undefined, ledger);
        emulator.lock('app', build.digest, HIDDEN);
        for (const tag of tags) emulator.lock('app', tag, HIDDEN);
        for (let nights = 0; nights < 2; nights += 1) {
          const { summary, decisions } = await run(emulator, UNTAGGED, undefined, ledger);
          expect(left(emulator)).toEqual(expect.arrayContaining(kept));
          expect(summary.succeeded).toBe(true);
          expect(decisions[0]).toMatchObject({
            action: 'keep',
            reason: 'child-of-kept-index',
            detail: `${build.digest} (hidden) needs it, and is kept`,
            beyondAcrPurge: true,
          });
        }
      });
    }
  });

  test.each([
    ['that is kept', ['v1'], ALL],
    ['that is deleted', ['dev'], ALL],
    ['that nothing is asked about', ['v1'], UNTAGGED],
  ])('where no run saw it, and a tag of it is listed %s', async (_, tags, args) => {
    await withEmulator({ repositories: { app: repositoryOf(...whole(tags)) } }, async (emulator) => {
      emulator.lock('app', build.digest, HIDDEN);
      await run(emulator, args);
      expect(left(emulator)).toEqual(expect.arrayContaining(kept));
    });
  });

  test('where a listed manifest refers to it, or an index that is deleted has it as a child', async () => {
    const outer = index([{ ...build, architecture: 'all', os: 'linux' }]);
    for (const built of [referrer(build, 'application/spdx+json', 'sbom'), outer]) {
      await withEmulator(
        { repositories: { app: repositoryOf(...whole([]), { built, days: 40 }) } },
        async (emulator) => {
          emulator.lock('app', build.digest, HIDDEN);
          await run(emulator, UNTAGGED);
          expect(left(emulator)).toEqual(expect.arrayContaining(kept));
          // What cannot be pulled by name is no longer needed: the outer index goes, a referrer of what is there is kept.
          expect(left(emulator).includes(`app@${built.digest}`)).toBe(built !== outer);
        },
      );
    }
  });

  test('where it is hidden between the plan and its being applied, or between the passes of a guarded run', async () => {
    for (const tags of [['dev'], ['v1'], []]) {
      await withEmulator({ repositories: { app: repositoryOf(...whole(tags)) } }, async (emulator) => {
        const ledger = newLedger();
        const { summary } = await run(emulator, ['--filter', 'app:^(dev|v)', '--ago', '30d', '--untagged', '--dry-run'], undefined, ledger); // prettier-ignore
        emulator.lock('app', build.digest, HIDDEN);
        for (const tag of tags) emulator.lock('app', tag, HIDDEN);
        const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
        const options = { ledger, now: new Date(), planAgeMilliseconds: 86_400_000, guards: {}, onDecisions: () => undefined }; // prettier-ignore
        await apply(summary.runId, () => target, options);
        expect(left(emulator)).toEqual(expect.arrayContaining(kept));
      });
      await withEmulator({ repositories: { app: repositoryOf(...whole(tags)) } }, async (emulator) => {
        let passes = 0;
        emulator.onRequest(({ kind }) => {
          if (kind !== 'list-manifests' || ++passes !== 2) return;
          emulator.lock('app', build.digest, HIDDEN);
          for (const tag of tags) emulator.lock('app', tag, HIDDEN);
        });
        await begin(emulator, { way: 'guarded purge', commands: [['--filter', 'app:^(dev|v)', '--ago', '30d', '--untagged']], ledger: newLedger() }); // prettier-ignore
        expect(passes).toBeGreaterThan(1);
        expect(left(emulator)).toEqual(expect.arrayContaining(kept));
      });
    }
  });
});

test('a hidden child of an index that is kept stays, though what it refers to could be deleted', async () => {
  const old = image('old');
  const sbom = referrer(old, 'application/spdx+json', 'sbom');
  const young = index([{ ...sbom, os: 'unknown', architecture: 'unknown' }]);
  const contents = [
    { built: old, days: 40 },
    { built: sbom, days: 40, locked: HIDDEN },
    { built: young, days: 1 },
  ];
  await withEmulator({ repositories: { app: repositoryOf(...contents) } }, async (emulator) => {
    const ledger = newLedger();
    for (let nights = 0; nights < 2; nights += 1) {
      const { decisions, summary } = await run(emulator, UNTAGGED, undefined, ledger);
      expect(left(emulator)).toHaveLength(3);
      expect(summary.succeeded).toBe(true);
      expect(decisions.find(({ digest }) => digest === old.digest)).toMatchObject({
        reason: 'subject-of-kept',
        detail: `deleting it would also delete ${sbom.digest} (hidden), which refers to it and is kept`,
      });
    }
  });
});

test('what is not listed and not there is gone: nothing is kept for it', async () => {
  await withEmulator({ repositories: { app: repositoryOf(...whole([], 1), { built: image('last'), days: 1 }) } }, async (emulator) => {
    const ledger = newLedger();
    await run(emulator, [...UNTAGGED, '--dry-run'], undefined, ledger);
    emulator.remove('app', build.digest);
    const { decisions } = await run(emulator, [...UNTAGGED, '--dry-run'], undefined, ledger);
    expect(decisions.filter(({ action }) => action === 'delete').map(reference).sort()).toEqual(kept.toSorted());
    await run(emulator, UNTAGGED, undefined, ledger);
    expect(left(emulator)).toHaveLength(1);
  });
}); // prettier-ignore

test('a signature tag of a hidden image is kept', async () => {
  const signed = image('signed');
  const tag = `${signed.digest.replace(':', '-')}.sig`;
  const contents = [
    { built: signed, days: 40, locked: HIDDEN },
    { built: image('signature'), days: 40, tags: [tag] },
  ];
  for (const untagged of [[], ['--untagged']]) {
    await withEmulator({ repositories: { app: repositoryOf(...contents) } }, async (emulator) => {
      const { decisions } = await run(emulator, ['--filter', 'app:sha256', '--ago', '30d', ...untagged]);
      expect(emulator.tagsLeft()).toEqual([`app:${tag}`]);
      expect(decisions[0]).toMatchObject({ reason: 'signature-of-kept', detail: expect.stringContaining('(hidden)') as string }); // prettier-ignore
    });
  }
});
