import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseRegistryState } from '../../../src/dev/emulator/index.ts';
import { digestOf, image, report } from '../../../src/dev/emulator/manifests.ts';
import { call, emulatorOf } from './support.ts';

const { body, digest } = image('x');
const manifest = { body, age: 1 };
const tag = { name: 'latest', digest, age: 1 };

test('every conformance case starts, and comes out as it went in', async () => {
  const lines = readFileSync('test/conformance/cases.ndjson', 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines) {
    const state = parseRegistryState(JSON.parse(line));
    expect(state).toEqual((JSON.parse(line) as { repositories: unknown }).repositories);
  }
  const state = parseRegistryState(JSON.parse(String(lines.find((line) => line.includes('"name":"locked-include"')))));
  expect((await emulatorOf(state)).repositories()).toEqual(state);
});

test('the repositories alone are a state too, even one called repositories', () => {
  const repository = { manifests: [manifest], tags: [tag] };
  expect(parseRegistryState({ app: repository })).toEqual({ app: repository });
  expect(parseRegistryState({ repositories: repository })).toEqual({ repositories: repository });
  expect(parseRegistryState({ name: 'case', repositories: { app: repository } })).toEqual({ app: repository });
});

test('everything that can be said is kept', () => {
  const app = {
    manifests: [{ ...manifest, size: 5, locked: { deleteEnabled: false }, mediaType: null, lastUpdateTime: 'never' }],
    tags: [{ ...tag, locked: { listEnabled: false, readEnabled: true }, lastUpdateTime: null }],
    locked: { writeEnabled: false },
    blobs: ['a report'],
  };
  expect(parseRegistryState({ app })).toEqual({ app });
});

test('a report is attached to its image, and its text can be read', async () => {
  const attached = report(image('x'), 'application/sarif+json', '{"runs":[]}', '2026-11-01T00:00:00Z');
  const manifests = [manifest, { body: attached.body, age: 0 }];
  const emulator = await emulatorOf({ app: { manifests, tags: [tag], blobs: ['{"runs":[]}'] } });
  const referrers = await call(emulator, `/v2/app/referrers/${digest}`);
  expect(JSON.parse(referrers.body)).toMatchObject({
    manifests: [{ digest: attached.digest, artifactType: 'application/sarif+json' }],
  });
  expect(emulator.blobsLeft()).toEqual([`app@${digestOf('{"runs":[]}')}`]);
  emulator.remove('app', digest);
  expect(emulator.blobsLeft()).toEqual([]);
});

test.each([
  [null, 'repositories: an object expected, not null'],
  [[], 'repositories: an object expected, not []'],
  [{ app: 'x' }, 'repositories.app: an object expected, not "x"'],
  [{ App: { manifests: [], tags: [] } }, 'repositories.App: is no name a repository can have'],
  [{ '../x': { manifests: [], tags: [] } }, 'repositories.../x: is no name a repository can have'],
  [{ app: { tags: [] } }, 'repositories.app.manifests: an array expected, not nothing'],
  [{ app: { manifests: [], tags: {} } }, 'repositories.app.tags: an array expected, not {}'],
  [{ app: { manifests: [], tags: [], extra: 1 } }, 'repositories.app.extra: is not known'],
  [
    { app: { manifests: [{ age: 1 }], tags: [] } },
    'repositories.app.manifests[0].body: a string expected, not nothing',
  ],
  [
    { app: { manifests: [manifest, { body, age: '1d' }], tags: [] } },
    'repositories.app.manifests[1].age: a number expected, not "1d"',
  ],
  [
    { app: { manifests: [{ ...manifest, size: null }], tags: [] } },
    'repositories.app.manifests[0].size: a number expected, not null',
  ],
  [
    { app: { manifests: [{ ...manifest, locked: { deleteEnabled: 0 } }], tags: [] } },
    'repositories.app.manifests[0].locked.deleteEnabled: true or false expected, not 0',
  ],
  [
    { app: { manifests: [{ ...manifest, locked: { delete: false } }], tags: [] } },
    'repositories.app.manifests[0].locked.delete: is not known',
  ],
  [
    { app: { manifests: [{ ...manifest, mediaType: 1 }], tags: [] } },
    'repositories.app.manifests[0].mediaType: a string expected, not 1',
  ],
  [
    { app: { manifests: [manifest], tags: [tag, { ...tag, name: '-x' }] } },
    'repositories.app.tags[1].name: a tag expected, not "-x"',
  ],
  [{ app: { manifests: [manifest], tags: [tag, tag] } }, 'repositories.app.tags[1].name: there is another tag latest'],
  [
    { app: { manifests: [manifest], tags: [{ ...tag, digest: 'sha256:x' }] } },
    'repositories.app.tags[0].digest: a sha256 digest expected, not "sha256:x"',
  ],
  [{ app: { manifests: [], tags: [tag] } }, `repositories.app.tags[0].digest: no manifest of app has ${digest}`],
  [
    { app: { manifests: [manifest], tags: [{ ...tag, lastUpdateTime: 7 }] } },
    'repositories.app.tags[0].lastUpdateTime: a string expected, not 7',
  ],
])('%j is refused', (json, message) => {
  expect(() => parseRegistryState(json)).toThrow(new Error(message));
});

test('every mistake is named', () => {
  const app = { manifests: [{ age: 'x', extra: 1 }], tags: [{ name: '-x', digest, age: 1 }], more: 1, most: 2 };
  expect(() => parseRegistryState({ app, other: 1 })).toThrow(
    new Error(
      [
        'repositories.app.manifests[0].body: a string expected, not nothing',
        'repositories.app.manifests[0].age: a number expected, not "x"',
        'repositories.app.manifests[0].extra: is not known',
        'repositories.app.tags[0].name: a tag expected, not "-x"',
        'repositories.app.more: is not known',
        'repositories.app.most: is not known',
        'repositories.other: an object expected, not 1',
      ].join('\n'),
    ),
  );
  const twice = { manifests: [], tags: [tag, tag] };
  expect(() => parseRegistryState({ twice })).toThrow(
    /tags\[0\].digest.*\n.*tags\[1\].digest.*\n.*another tag latest$/,
  );
});
