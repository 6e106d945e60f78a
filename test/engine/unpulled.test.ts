import { expect, test } from 'vitest';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import type { PullEvidence } from '../../src/evidence/pulls.ts';
import { unpulled } from '../../src/index.ts';
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

async function report(evidence: Partial<PullEvidence>) {
  return withEmulator({ repositories }, (emulator) =>
    unpulled(
      connectTo(emulator),
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
      newLedger(),
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
