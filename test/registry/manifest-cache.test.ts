import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { remember, remembered } from '../../src/registry/manifest-cache.ts';
import type { ManifestFacts } from '../../src/registry/types.ts';
import { newFolder } from '../support/ledger.ts';

const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => `sha256:${Buffer.from(bytes).toString('hex')}`);

const fact: fc.Arbitrary<ManifestFacts> = fc.oneof(
  fc.record({
    state: fc.constant('read' as const),
    children: fc.array(fc.record({ digest, index: fc.boolean() }), { maxLength: 3 }),
    subject: fc.option(digest, { nil: undefined }),
  }),
  fc.constant<ManifestFacts>({ state: 'missing' }),
  fc.constant<ManifestFacts>({ state: 'unreadable', why: '403' }),
);

const facts = fc.array(fc.tuple(digest, fact), { maxLength: 12 }).map((entries) => new Map(entries));

function newFile() {
  const folder = newFolder();
  const file = openLedger(folderStore(folder)).manifestCache('registry.example', 'team/app');
  const path = (): string => {
    const [name = ''] = readdirSync(join(folder, 'facts/registry.example'));
    return join(folder, 'facts/registry.example', name);
  };
  return { file, path };
}

const all = (name: string): string => name;
const read = (some: ReadonlyMap<string, ManifestFacts>) =>
  new Map([...some].filter(([, { state }]) => state === 'read'));

describe('what manifests hold', () => {
  test('is remembered where it was read, and only of those that are asked for', async () => {
    await fc.assert(
      fc.asyncProperty(facts, fc.func(fc.boolean()), async (some, isWanted) => {
        const { file } = newFile();
        expect(await remembered(file, 'team/app', all)).toEqual({ facts: new Map(), unlisted: new Map(), others: 0 });
        await remember(file, 'team/app', some);
        expect((await remembered(file, 'team/app', all)).facts).toEqual(read(some));
        const found = await remembered(file, 'team/app', (name) => (isWanted(name) ? name : undefined));
        expect(found.facts).toEqual(new Map([...read(some)].filter(([name]) => isWanted(name))));
        expect(found.facts.size + found.unlisted.size + found.others).toBe(read(some).size);
      }),
      { numRuns: 50 },
    );
  });

  test('is not believed where the file is not what was written: whatever byte of it is another one, or missing', async () => {
    await fc.assert(
      fc.asyncProperty(
        facts,
        fc.nat(),
        fc.oneof(fc.constant('cut' as const), fc.integer({ min: 1, max: 255 })),
        async (some, at, damage) => {
          const { file, path } = newFile();
          await remember(file, 'team/app', some);
          const bytes = readFileSync(path());
          const position = at % bytes.length;
          if (damage === 'cut') writeFileSync(path(), bytes.subarray(0, position));
          else writeFileSync(path(), bytes.with(position, (bytes[position] ?? 0) ^ damage));
          const found = await remembered(file, 'team/app', all);
          // A byte that says nothing, such as the time in the header of gzip, may be any.
          if (found.facts.size > 0) expect(found.facts).toEqual(read(some));
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each([
    ['an entry is another one', (text: string) => text.replace('"index":false', '"index":true')],
    ['an entry is missing', (text: string) => text.split('\n').toSpliced(1, 1).join('\n')],
    ['it is of another repository', (text: string) => text.replace('team/app', 'team/api')],
    ['it is of another version', (text: string) => text.replace('"format":1', '"format":2')],
    ['its end is missing', (text: string) => text.split('\n').toSpliced(-2, 1).join('\n')],
    ['it is no JSON', () => 'hello\n'],
  ])('is not believed where %s', async (_, change) => {
    const lines: string[] = [];
    const file = {
      async *read() {
        yield await Promise.resolve(
          change(`${lines.join('\n')}\n`)
            .split('\n')
            .slice(0, -1),
        );
      },
      write: (values: Iterable<unknown>) => {
        for (const value of values) lines.push(JSON.stringify(value));
        return Promise.resolve();
      },
    };
    const some = new Map<string, ManifestFacts>([
      ['sha256:1', { state: 'read', children: [{ digest: 'sha256:2', index: false }], subject: undefined }],
      ['sha256:3', { state: 'read', children: [], subject: 'sha256:1' }],
    ]);
    await remember(file, 'team/app', some);
    expect(await remembered(file, 'team/app', all)).toEqual({ facts: new Map(), unlisted: new Map(), others: 0 });
  });
});
