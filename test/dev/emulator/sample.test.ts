import { expect, test } from 'vitest';
import { parseRegistryState, sampleRegistry, type ManifestState } from '../../../src/dev/emulator/index.ts';
import { factsOf } from '../../../src/dev/emulator/facts.ts';
import { digestOf, mediaTypes } from '../../../src/dev/emulator/manifests.ts';
import { all, clientOf, emulatorOf } from './support.ts';

const day = 86_400;
const sample = sampleRegistry();
const repositories = Object.entries(sample);
const manifests = repositories.flatMap(([, repository]) => repository.manifests);
const tags = repositories.flatMap(([name, repository]) => repository.tags.map((tag) => ({ ...tag, repository: name })));
const byDigest = new Map(manifests.map((manifest) => [digestOf(manifest.body), manifest]));
const tagged = new Set(tags.map(({ digest }) => digest));

function find(wanted: (manifest: ManifestState) => boolean): ManifestState[] {
  return manifests.filter(wanted);
}

test('the sample is the same every time, and a valid state', () => {
  expect(sampleRegistry()).toEqual(sample);
  expect(parseRegistryState(JSON.parse(JSON.stringify(sample)))).toEqual(sample);
});

test('it has what a demo shows', () => {
  expect(repositories).toHaveLength(7);
  expect(manifests.length).toBeGreaterThanOrEqual(150);
  expect(manifests.length).toBeLessThanOrEqual(280);
  expect(byDigest.size).toBe(manifests.length);
  const names = tags.map(({ name }) => name);
  for (const name of [
    '1.4.2',
    'latest',
    'feature-1',
    'feature-204',
    'Feature-12',
    'pr-512',
    'dev-net8',
    'dev-net8-chiseled',
  ]) {
    expect(names).toContain(name);
  }
  for (const mediaType of Object.values(mediaTypes)) {
    expect(find(({ body }) => factsOf(body).mediaType === mediaType).length, mediaType).toBeGreaterThan(0);
  }
  expect(find(({ locked }) => locked?.deleteEnabled === false).length).toBeGreaterThan(0);
  expect(find(({ body }) => body.includes('attestation-manifest')).length).toBeGreaterThan(0);
  const strays = find(({ body }) => !tagged.has(digestOf(body)) && factsOf(body).subject === undefined);
  expect(strays.filter(({ age }) => age < day).length).toBeGreaterThan(2);
  expect(strays.filter(({ age }) => age > 300 * day).length).toBeGreaterThan(0);
});

test('what refers to something refers to something that is there', () => {
  for (const [, repository] of repositories) {
    const here = new Set(repository.manifests.map(({ body }) => digestOf(body)));
    for (const { body } of repository.manifests) {
      const { subject, references = [] } = factsOf(body);
      for (const digest of [subject, ...references.map((one) => one.digest)]) {
        if (digest !== undefined) expect(here).toContain(digest);
      }
    }
  }
});

test('one cosign signature belongs to an image that stays, one to a pull request long closed', () => {
  const signed = tags
    .filter(({ name }) => name.endsWith('.sig'))
    .map(({ name }) => name.slice(0, -'.sig'.length).replace('-', ':'));
  const tagsOf = signed.map((digest) => tags.filter((tag) => tag.digest === digest).map(({ name }) => name));
  expect(tagsOf).toEqual([['2.1.1', 'latest'], ['pr-377']]);
});

test('it starts, and lists', async () => {
  const emulator = await emulatorOf(sample);
  const client = clientOf(emulator);
  expect(await all(client.listRepositoryNames())).toEqual(Object.keys(sample));
  expect(await all(client.getRepository('shop/api').listManifestProperties())).toHaveLength(
    sample['shop/api']?.manifests.length ?? 0,
  );
});
