import { expect, test } from 'vitest';
import { cosignSignature, cosignTag, image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import type { EmulatorOptions } from '../../src/dev/emulator/index.ts';
import type { PullEvidence } from '../../src/evidence/pulls.ts';
import { type Ledger, RegistryError, type Registry, unpulled } from '../../src/index.ts';
import type { UnpulledLimits } from '../../src/engine/pulls/unpulled.ts';
import { renderUnpulled } from '../../src/report/unpulled.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { connectTo, withEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const build = index(platforms);
const repositories = {
  app: repositoryOf(
    { built: build, days: 200, tags: ['multi'] },
    ...platforms.map((built) => ({ built, days: 200 })),
    { built: image('old'), days: 200, tags: ['old'] },
    { built: image('middle'), days: 95, tags: ['middle'] },
    { built: image('new'), days: 5, tags: ['new'] },
  ),
};

interface Way {
  readonly limits?: UnpulledLimits;
  readonly change?: (registry: Registry) => Registry;
  readonly ledger?: Ledger;
  readonly contents?: EmulatorOptions['repositories'];
}

async function report(evidence: Partial<PullEvidence>, { limits, change, ledger, contents }: Way = {}) {
  return withEmulator({ repositories: contents ?? repositories }, (emulator) =>
    unpulled(
      (change ?? ((same) => same))(connectTo(emulator)),
      {
        source: {
          name: 'log',
          read: () =>
            Promise.resolve({
              source: 'log',
              observedAt: daysAgo(0),
              complete: true,
              problems: [],
              pulls: [],
              ...evidence,
            }),
        },
        within: '90d',
        withinMilliseconds: 90 * DAY_MS,
        ignored: [],
      },
      ledger ?? newLedger(),
      undefined,
      limits,
    ),
  );
}

const tagsOf = ({ images }: Awaited<ReturnType<typeof report>>) => images.map(({ tags }) => tags.join()).toSorted();
const covers = (days: number) => ({ covers: { since: daysAgo(days), until: daysAgo(0) } });

test('what was not pulled for so long is listed, the largest first, and what is younger is not', async () => {
  const found = await report({ ...covers(120), pulls: [{ repository: 'app', tag: 'old', last: daysAgo(100) }] });
  expect(tagsOf(found)).toEqual(['middle', 'multi', 'old']);
  expect(found.images.map(({ bytes }) => bytes)).toEqual(
    found.images.map(({ bytes }) => bytes).toSorted((a, b) => b - a),
  );
  expect(found.images.find(({ tags }) => tags.includes('old'))?.lastPull?.slice(0, 10)).toBe(daysAgo(100).slice(0, 10));
  expect(renderUnpulled(found)).toContain(
    `were not pulled for 90d; every pull is known since ${daysAgo(120).slice(0, 10)}`,
  );
});

test('the pull of a platform is one of the whole', async () => {
  const pulls = [{ repository: 'app', digest: platforms[1]?.digest ?? '', last: daysAgo(10) }];
  expect(tagsOf(await report({ ...covers(120), pulls }))).toEqual(['middle', 'old']);
});

test('signatures and attestations are parts of their image, and follow it', async () => {
  const [signed, pulled, tagged] = [image('signed'), image('pulled'), image('tagged')];
  const of = (built: typeof signed) => referrer(built, 'application/vnd.example.sbom', `sbom of ${built.digest}`);
  const [sbom, pulledSbom] = [of(signed), of(pulled)];
  const contents = {
    app: repositoryOf(
      ...[signed, pulled, tagged].map((built, n) => ({ built, days: 200, tags: [`v${n}`] })),
      { built: sbom, days: 200 },
      { built: referrer(sbom, 'application/vnd.example.signature', 'signature'), days: 200 },
      { built: pulledSbom, days: 200 },
      { built: cosignSignature(tagged), days: 200, tags: [cosignTag(tagged)] },
      // Of an image that is not there.
      { built: of(image('gone')), days: 200, tags: ['alone'] },
    ),
  };
  const pulls = [{ repository: 'app', tag: 'v1', last: daysAgo(1) }];
  const found = await report({ ...covers(120), pulls }, { contents });
  expect(tagsOf(found)).toEqual(['alone', 'v0', 'v2']);
  const alone = await report(covers(120), {
    contents: { app: repositoryOf({ built: signed, days: 200, tags: ['v0'] }) },
  });
  const bytesOf = (all: typeof found) => all.images.find(({ tags }) => tags.includes('v0'))?.bytes ?? 0;
  expect(bytesOf(found)).toBeGreaterThan(bytesOf(alone));
  // A client that checks the signature is going to pull the image, or has it.
  const checked = await report({ ...covers(120), pulls: [{ repository: 'app', tag: cosignTag(tagged), last: daysAgo(1) }] }, { contents }); // prettier-ignore
  expect(tagsOf(checked)).toEqual(['alone', 'v0', 'v1']);
});

test('where pulls are not known for so long, no more is claimed than is known', async () => {
  const found = await report({ ...covers(20), pulls: [{ repository: 'app', tag: 'old', last: daysAgo(10) }] });
  expect(tagsOf(found)).toEqual(['middle', 'multi']);
  expect(found.isLongEnough).toBe(false);
  expect(renderUnpulled(found)).toContain(
    `were not pulled since ${daysAgo(20).slice(0, 10)}. Pulls are not known for as long as 90d`,
  );
});

test('where the log cannot be read, nothing is claimed', async () => {
  const found = await report({ complete: false, problems: ['Log Analytics answers 403'] });
  expect(found).toMatchObject({ images: [], problems: ['Log Analytics answers 403'] });
  expect(renderUnpulled(found)).toContain('It is not known what was pulled of');
});

const four = Object.fromEntries(
  ['a', 'b', 'c', 'd'].map((name, n) => [
    name,
    repositoryOf(...Array.from({ length: n + 1 }, (_, of) => ({ built: image(`${name}${of}`), days: 200 }))),
  ]),
);
const namesOf = ({ repositories: some }: Awaited<ReturnType<typeof report>>) =>
  some.map(({ repository }) => repository).toSorted();

test('the largest are listed, and all are counted', async () => {
  const found = await report(covers(120), { contents: four, limits: { most: 2 } });
  expect(found.total.images).toBe(10);
  expect(found.images).toHaveLength(2);
  const all = await report(covers(120), { contents: four });
  expect(found.images.map(({ digest }) => digest)).toEqual(all.images.slice(0, 2).map(({ digest }) => digest));
  expect(found.repositories).toEqual(all.repositories.slice(0, 2));
  for (const { repository, images, of, bytes } of all.repositories) {
    const own = all.images.filter((one) => one.repository === repository);
    expect([images, of, bytes]).toEqual([own.length, own.length, own.reduce((sum, one) => sum + one.bytes, 0)]);
  }
  expect(all.repositories).toEqual(all.repositories.toSorted((a, b) => b.bytes - a.bytes));
  expect(all.total.bytes).toBe(all.images.reduce((sum, { bytes }) => sum + bytes, 0));
  expect(renderUnpulled(found)).toContain('and 8 smaller ones');
});

/** A ledger whose clock is a second later whenever it is looked at, and whose timers are due at once where that is wanted. */
function hasty(isDue: boolean): Ledger {
  const ledger = newLedger();
  const { clock } = ledger.system;
  let ticks = 0;
  const after: typeof clock.after = (_, call) => {
    if (isDue) call();
    return { cancel: () => undefined };
  };
  const late = { ...clock, ticks: () => (ticks += 1_000), after };
  return { ...ledger, system: { ...ledger.system, clock: late } };
}

test('when the time is over, the answer says where the next one continues, and it does', async () => {
  const first = await report(covers(120), { contents: four, ledger: hasty(false), limits: { milliseconds: 2_500 } });
  expect(namesOf(first)).toEqual(['a', 'b']);
  expect(first).toMatchObject({ next: 'b', looked: { repositories: 2, of: 4 } });
  expect(renderUnpulled(first)).toContain('3 images in 2 of 4 repositories of');
  const second = await report(covers(120), { contents: four, limits: { after: first.next, milliseconds: 60_000 } });
  expect(namesOf(second)).toEqual(['c', 'd']);
  expect(second.next).toBeUndefined();
});

test('where the time is over before a repository is read, that is an error, and not an empty list', async () => {
  for (const [ledger, milliseconds] of [
    [hasty(true), 60_000],
    [hasty(false), 500],
  ] as const)
    // prettier-ignore
    await expect(report(covers(120), { ledger, limits: { milliseconds } })).rejects.toThrow(
      `not one repository could be read within ${milliseconds / 1_000} seconds`,
    );
});

test('a repository that may not be read is named, and the others are listed', async () => {
  const change = (registry: Registry): Registry => ({
    ...registry,
    manifests: (repository, signal) =>
      repository === 'b'
        ? Promise.reject(new RegistryError('manifests of b', { status: 403, message: 'denied' }))
        : registry.manifests(repository, signal),
  });
  const found = await report(covers(120), { contents: four, change });
  expect(namesOf(found)).toEqual(['a', 'c', 'd']);
  expect(found.problems).toEqual([expect.stringMatching(/^b: .*denied.*, so nothing is said of it$/)]);
});

test('a look at a short time takes nothing from what is remembered of a longer one', async () => {
  const ledger = newLedger();
  const long = { since: daysAgo(120), until: daysAgo(2) };
  const asked: Date[] = [];
  await withEmulator({ repositories }, async (emulator) => {
    const registry = connectTo(emulator);
    await ledger.rememberPulls(registry.loginServer, { ignored: [], covers: long, pulls: [] }, daysAgo(400));
    const read = (_: string, from: Date) => {
      asked.push(from);
      const since = from.toISOString();
      const evidence = { source: 'log', observedAt: daysAgo(0), complete: true, problems: [], pulls: [] };
      return Promise.resolve({ ...evidence, covers: { since, until: daysAgo(0) } });
    };
    const options = { source: { name: 'log', read }, within: '1d', withinMilliseconds: DAY_MS, ignored: [] };
    expect(await unpulled(registry, options, ledger)).toMatchObject({ since: long.since, isLongEnough: true });
  });
  expect(asked).toHaveLength(1);
});
