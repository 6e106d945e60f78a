import { describe, expect, test } from 'vitest';
import { startEmulator } from '../../src/dev/emulator/index.ts';
import { casesOf } from './purge/cases.ts';
import { compare } from './purge/check.ts';
import { registryOf, repositoryNames, sizeOf } from './purge/data.ts';

describe('the registry that is purged', () => {
  test('has the sizes of the published measurement', () => {
    const { manifests, tagsGoing, manifestsGoing } = sizeOf({ repositories: 60, images: 300 });
    expect(manifests).toBe(25_200);
    expect(tagsGoing + manifestsGoing).toBe(19_740);
    expect(sizeOf({ repositories: 1, images: 20_000 }).manifests).toBe(28_000);
    expect(sizeOf({ repositories: 1, images: 100_000 }).manifests).toBe(140_000);
  });

  test('what goes and what is too young or otherwise named can be told by tag and age alone', () => {
    const [repository] = Object.values(registryOf({ repositories: 1, images: 300 }));
    const days = (age: number): number => age / 86_400;
    const going = repository?.tags.filter(({ name, age }) => name.startsWith('dev') && days(age) > 30) ?? [];
    expect(going).toHaveLength(sizeOf({ repositories: 1, images: 300 }).tagsGoing);
    // None so near to the limit that the time a run takes decides.
    expect(repository?.tags.filter(({ age }) => Math.abs(days(age) - 30) < 0.5)).toEqual([]);
  });
});

test('what is left of a registry is compared with what has to be left, artifact by artifact', async () => {
  const shape = { repositories: 2, images: 10 };
  const emulator = await startEmulator({ repositories: registryOf(shape) });
  try {
    const [first = ''] = repositoryNames(shape);
    const { tagsGoing, manifestsGoing } = sizeOf(shape);
    const untouched = compare(emulator, shape, { untouched: [], isPurged: false });
    expect(untouched).toEqual({ tooMany: [], missing: [], gone: 0 });
    const purged = { untouched: [], isPurged: true };
    expect(compare(emulator, shape, purged).tooMany).toHaveLength(tagsGoing + manifestsGoing);
    for (const one of compare(emulator, shape, purged).tooMany) {
      const [repository = '', digest] = one.split('@');
      if (digest !== undefined) emulator.remove(repository, digest);
    }
    expect(compare(emulator, shape, purged)).toEqual({ tooMany: [], missing: [], gone: tagsGoing + manifestsGoing });
    const [tagLeft = ''] = emulator.tagsLeft();
    emulator.untag(first, tagLeft.slice(first.length + 1));
    expect(compare(emulator, shape, purged).missing).toEqual([tagLeft]);
    expect(compare(emulator, shape, { untouched: [first], isPurged: true }).missing.length).toBeGreaterThan(1);
  } finally {
    await emulator.close();
  }
});

test.each([true, false])('every case has an id and a title of its own (quick: %s)', (isQuick) => {
  const cases = casesOf(isQuick);
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
});
