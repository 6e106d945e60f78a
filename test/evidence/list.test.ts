import { execFileSync } from 'node:child_process';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openSources } from '../../src/evidence/open.ts';
import { listSource } from '../../src/evidence/list.ts';
import { readInUse } from '../../src/policy/in-use.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { newFolder } from '../support/ledger.ts';

const REGISTRY = 'contoso.azurecr.io';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const NOW = Date.parse('2026-03-01T00:00:00Z');
const HOUR = 3_600_000;

const reading = (text: string, hours = 1) =>
  listSource({
    name: 'list:edge.txt',
    fetch: () => Promise.resolve({ text, made: new Date(NOW - hours * HOUR) }),
    maxAgeMilliseconds: 26 * HOUR,
    now: () => NOW,
  }).read(REGISTRY);

test('a list names images, and where each runs', async () => {
  const text = `# made by the edge\n${REGISTRY}/shop/api:v1 shelf 7\r\n\n${REGISTRY}/shop/web@${DIGEST}\nghcr.io/other/app:v1\n`;
  expect(await reading(text)).toEqual({
    source: 'list:edge.txt',
    scope: 'the images of the list',
    observedAt: '2026-02-28T23:00:00.000Z',
    complete: true,
    problems: [],
    facts: [
      { repository: 'shop/api', tag: 'v1', where: 'shelf 7' },
      { repository: 'shop/web', digest: DIGEST, where: 'the list' },
    ],
  });
});

test('one that is older than it may be is not complete, and what it names counts all the same', async () => {
  const { complete, problems, facts } = await reading(`${REGISTRY}/shop/api:v1`, 27);
  expect(complete).toBe(false);
  expect(problems).toEqual(['it was made at 2026-02-27T21:00:00.000Z, and may be 26 h old at most']);
  expect(facts).toHaveLength(1);
});

test('lines that name no image make it incomplete, and are named by their number alone', async () => {
  const text = ['<html>', 'password=secret', `${REGISTRY}/UPPER:v1`, `${REGISTRY}/a:b:c`].join('\n');
  const { complete, problems } = await reading(text);
  expect({ complete, problems }).toEqual({
    complete: false,
    problems: [
      'no name of an image with its registry (docker.io/library/nginx:1.29) stands in line 1, 2, 3 and 1 more',
    ],
  });
});

/** A source as the settings open it. */
function opened(from: string, root: string) {
  const [source] = openSources(
    {
      sources: readInUse([`list:${from}`], 'IN_USE'),
      rememberMilliseconds: 0,
      listMaxAgeMilliseconds: HOUR,
      root,
    },
    { credential: { getToken: () => Promise.resolve(null) }, clock: systemClock, cloud: 'AzurePublicCloud' },
  );
  if (!source) throw new Error('no source');
  return source;
}

test('two addresses that are shown alike are told apart, without what is not shown', () => {
  const sourceAt = (query: string) => opened(`https://lists.example/prod.txt${query}`, '.');
  const [one, two, again] = [sourceAt('?sig=first'), sourceAt('?sig=second'), sourceAt('?sig=first')];
  expect(one.name).toBe(two.name);
  expect(one.key).not.toBe(two.key);
  expect(one.key).toBe(again.key);
  expect(one.key).toMatch(/^[0-9a-f]{64}$/);
});

test('a file is as old as it was written last, and its path starts where the app is', async () => {
  const folder = newFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/edge.txt`, `${REGISTRY}/shop/api:v1\n`);
  expect(await opened('edge.txt', folder).read(REGISTRY)).toMatchObject({ complete: true, facts: [{ tag: 'v1' }] });
  const old = new Date(Date.now() - 2 * HOUR);
  await utimes(`${folder}/edge.txt`, old, old);
  expect(await opened('edge.txt', folder).read(REGISTRY)).toMatchObject({ complete: false });
});

test('a file that is not there says so, and not where it was looked for', async () => {
  const { complete, problems } = await opened('none.txt', newFolder()).read(REGISTRY);
  expect({ complete, problems }).toEqual({ complete: false, problems: ['there is no such file'] });
});

test.each(['pipe', 'folder', 'device'])('what is no ordinary file is not read: a %s', async (kind) => {
  const folder = newFolder();
  await mkdir(`${folder}/folder`, { recursive: true });
  if (kind === 'pipe') execFileSync('mkfifo', [`${folder}/pipe`]);
  const { complete, problems } = await opened(kind === 'device' ? '/dev/zero' : kind, folder).read(REGISTRY);
  expect({ complete, problems }).toEqual({
    complete: false,
    problems: ['it is no ordinary file: a folder, a pipe and a device are not read'],
  });
});

test.each([
  ['nothing', ''],
  ['several on one line', `${REGISTRY}/a:v1 ${REGISTRY}/b:v1`],
  ['several on one line, by hosts of one region', `ghcr.io/a:v1 image=Contoso.westeurope.geo.azurecr.io/b:v1`],
  ['columns', `shop ${REGISTRY}/a:v1`],
  ['JSON', `["${REGISTRY}/a:v1"]`],
  ['YAML', `  image: ${REGISTRY}/a:v1`],
  ['an error', 'unauthorized'],
  ['an address', `https://${REGISTRY}/a:v1`],
])('a text that is no list is incomplete: %s', async (_, text) => {
  expect(await reading(text)).toMatchObject({ complete: false });
});

test('where an image runs may look like one of another registry', async () => {
  const text = `${REGISTRY}/a:v1 from xcontoso.westeurope.geo.azurecr.io/b, path /a/b`;
  expect(await reading(text)).toMatchObject({ complete: true });
});

test('one from the future is incomplete', async () => {
  expect(await reading(`${REGISTRY}/a:v1`, -1)).toMatchObject({ complete: false });
});
