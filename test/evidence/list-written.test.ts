import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { listSource, listText } from '../../src/evidence/list.ts';
import { contentOf, fetchList, storeList } from '../../src/evidence/list-file.ts';
import type { Evidence, UseAnywhere } from '../../src/evidence/types.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { startAzurite } from '../support/azurite.ts';
import { temporaryFolder } from '../support/kubernetes.ts';

/** What a list says that was written a moment ago. */
const read = (text: string, registry: string) =>
  listSource({
    name: 'list:x',
    fetch: () => Promise.resolve({ text, made: new Date(1000) }),
    maxAgeMilliseconds: 1000,
    now: () => 1500,
  }).read(registry);

const written = (facts: readonly UseAnywhere[], scope = 'all namespaces of the cluster') =>
  listText([{ source: 'kube', scope, observedAt: '2026-01-01T00:00:00.000Z', complete: true, problems: [], facts }]);

const some = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);
const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const use = fc
  .record(
    {
      registry: fc.constantFrom('contoso.azurecr.io', 'fabrikam.azurecr.io', '127.0.0.1:5000', 'localhost'),
      repository: fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      tag: fc.stringMatching(/^\w[\w.-]{0,20}$/),
      digest: some,
      config: some,
      where: fc.oneof(fc.string({ minLength: 1, unit: 'binary' }), fc.constantFrom('# x', '#', '## a', 'namespace shop, deployment api')),
    },
    { requiredKeys: ['registry', 'repository', 'where'] },
  )
  // Without any of the three there is no image to speak of.
  .filter(({ tag, digest, config }) => (tag ?? digest ?? config) !== undefined); // prettier-ignore

const oneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();

test('what is written is read again, of each registry', async () => {
  const property = fc.asyncProperty(
    fc.array(use, { maxLength: 8 }),
    fc.string({ unit: 'binary' }),
    async (uses, scope) => {
      const text = written(uses, scope);
      for (const registry of new Set(uses.map((one) => one.registry))) {
        const { complete, problems, facts } = await read(text, registry);
        expect({ complete, problems }).toEqual({ complete: true, problems: [] });
        const meant = uses
          .filter((one) => one.registry === registry)
          .map(({ registry: _, where, ...image }) => ({ ...image, where: oneLine(where) || 'the list' }));
        expect(facts).toHaveLength(meant.length);
        expect(facts).toEqual(expect.arrayContaining(meant));
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

test('an image that is known by its configuration alone has no tag', async () => {
  const config = `sha256:${'c'.repeat(64)}`;
  const text = written([
    { registry: 'contoso.azurecr.io', repository: 'shop/api', config, where: 'namespace shop, pod p' },
  ]);
  expect(text).toContain(`\ncontoso.azurecr.io/shop/api@config=${config} namespace shop, pod p\n`);
  expect((await read(text, 'contoso.azurecr.io')).facts).toEqual([
    { repository: 'shop/api', config, where: 'namespace shop, pod p' },
  ]);
});

const cluster = (scope: string, ...names: readonly string[]): Evidence<UseAnywhere> => ({
  source: 'kube',
  scope,
  observedAt: '2026-01-01T00:00:00.000Z',
  complete: true,
  problems: [],
  facts: names.map((repository) => ({
    registry: 'contoso.azurecr.io',
    repository,
    tag: 'v1',
    where: 'namespace shop',
  })),
});

/** What `report-images` wrote before it wrote an end. */
const BEFORE = `# all namespaces of the cluster, 2026-01-01T00:00:00.000Z: 2 images
contoso.azurecr.io/api:v1 namespace shop
contoso.azurecr.io/web:v1 namespace shop
`;

test.each([
  ['a list', listText([cluster('one', 'api', 'web')])],
  ['a list of nothing', listText([cluster('one')])],
  ['of several clusters', listText([cluster('one', 'api'), cluster('two'), cluster('three', 'web', 'job')])],
  ['as it was written before there was an end', BEFORE],
])('wherever it is cut, it is not complete: %s', async (_, text) => {
  expect(await read(text, 'contoso.azurecr.io')).toMatchObject({ complete: true, problems: [] });
  const last = text.trimEnd().length;
  for (let length = 0; length < last; length += 1) {
    const { complete } = await read(text.slice(0, length), 'contoso.azurecr.io');
    expect(complete, JSON.stringify(text.slice(0, length))).toBe(false);
  }
  // A copy may miss its beginning, or a line within.
  for (const line of text.split('\n').filter((one, n) => one !== '' && (n === 0 || !one.startsWith('#'))))
    if (text !== BEFORE || !line.startsWith('#'))
      expect(await read(text.replace(`${line}\n`, ''), 'contoso.azurecr.io')).toMatchObject({ complete: false });
});

test('lists that stand one behind the other are each looked at', async () => {
  const [one, two] = [listText([cluster('one', 'api')]), listText([cluster('two', 'web')])];
  expect(await read(one + two, 'contoso.azurecr.io')).toMatchObject({ complete: true });
  expect(await read(`contoso.azurecr.io/by-hand:v1\n${one}`, 'contoso.azurecr.io')).toMatchObject({ complete: true });
  expect((await read(one.slice(0, -30) + two, 'contoso.azurecr.io')).problems).toEqual([
    'it says that it has 1 images, and has 2',
  ]);
  expect((await read(one + two.slice(0, -40), 'contoso.azurecr.io')).problems).toEqual(['its end is missing']);
});

test.each([
  ['without an end of its last line', 'contoso.azurecr.io/api:v1'],
  ['with a comment like a beginning', '# my cluster, 3 images\ncontoso.azurecr.io/api:v1'],
  ['of nothing', '# nothing runs there\n'],
])('a list by hand counts as it is: %s', async (_, text) => {
  expect(await read(text, 'contoso.azurecr.io')).toMatchObject({ complete: true, problems: [] });
});

const noIdentity = { getToken: () => Promise.reject(new Error('no identity is needed')) };

test('a file is replaced as a whole, and nothing is left beside it', async () => {
  const root = temporaryFolder();
  const place = { credential: noIdentity, clock: systemClock, root };
  writeFileSync(join(root, 'list.txt'), 'old');
  await storeList('new\n', 'list.txt', place);
  expect(readFileSync(join(root, 'list.txt'), 'utf8')).toBe('new\n');
  await expect(storeList('x', 'no-folder/list.txt', place)).rejects.toThrow('it cannot be written: ENOENT');
  expect(readdirSync(root)).toEqual(['list.txt']);
});

test('a blob that is replaced while it is read is the old one, with its time', async () => {
  const azurite = await startAzurite();
  onTestFinished(() => azurite.close());
  const { BlobServiceClient } = await import('@azure/storage-blob');
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('in-use');
  await container.create();
  const blob = container.getBlockBlobClient('prod.txt');
  // More than comes at once.
  const old = 'contoso.azurecr.io/shop/api:v1\n'.repeat(200_000);
  await blob.upload(old, old.length);
  const { lastModified } = await blob.getProperties();
  const download: typeof blob.download = async (...asked) => {
    const answer = await blob.download(...asked);
    await blob.upload('# nothing\n'.repeat(620_000), 10 * 620_000);
    return answer;
  };
  const read = await contentOf({ download }, new AbortController().signal);
  expect(read.text === old).toBe(true);
  expect(read.made).toEqual(lastModified);
});

test('a blob is written with the identity of the app, and its container is made where it is missing', async () => {
  const azurite = await startAzurite({ oauth: true });
  onTestFinished(() => azurite.close());
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), azurite.certificate ?? '']);
  const claims = { nbf: 0, iat: 0, exp: 4e9, iss: 'https://sts.windows.net/tests/', aud: 'https://storage.azure.com' };
  const token = [{ alg: 'none', typ: 'JWT' }, claims, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const scopes: unknown[] = [];
  const credential = {
    getToken(scope: string | string[]) {
      scopes.push(scope);
      return Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
    },
  };
  const place = { credential, clock: systemClock, root: '.' };
  const url = `${azurite.url}/in-use/clusters/prod.txt`;
  await storeList('# first\n', url, place);
  await storeList('# second\n', url, place);
  expect(new Set(scopes.flat())).toEqual(new Set(['https://storage.azure.com/.default']));

  // A reader that has been given a signature.
  const { BlobSASPermissions, BlobServiceClient } = await import('@azure/storage-blob');
  const blob = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('in-use').getBlobClient('clusters/prod.txt'); // prettier-ignore
  const signed = await blob.generateSasUrl({ permissions: BlobSASPermissions.parse('r'), expiresOn: new Date(Date.now() + 3_600_000) }); // prettier-ignore
  const { text, made } = await fetchList(signed, { ...place, credential: noIdentity });
  expect(text).toBe('# second\n');
  expect(made.getTime()).toBeGreaterThan(0);

  // It may read, and no more.
  await expect(storeList('x', signed, place)).rejects.toThrow(/^the storage answers 403 Authorization\w+$/);
});
