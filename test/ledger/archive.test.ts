import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive } from '../../src/ledger/archive.ts';
import { archiveAt } from '../../src/ledger/open.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { LedgerError } from '../../src/ledger/store/store.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function manifestOf(name: string) {
  const bytes = Buffer.from(JSON.stringify({ name }));
  return { bytes, digest: digestOf(bytes), size: bytes.length, mediaType: IMAGE };
}

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const [one, other] = [manifestOf('one'), manifestOf('other')];

async function archived(store = memoryStore()) {
  const archive = openArchive(store, { place: 'the archive', prefix: 'prod/' });
  const repository = await archive.repository('contoso.azurecr.io', 'team/app');
  for (const { digest, size, bytes } of [one, other]) await repository.put({ digest, size }, inPieces(bytes));
  return { archive, repository, store };
}

/** What `index.json` says of its manifests: digest, and name. */
async function namesIn(store: ReturnType<typeof memoryStore>): Promise<readonly unknown[]> {
  const text = (await store.read('prod/contoso.azurecr.io/team/app/_oci/index.json'))?.text ?? '';
  const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations: Record<string, string> }[] };
  return manifests.map(({ digest, annotations }) => [digest, annotations['org.opencontainers.image.ref.name']]);
}

describe('an archive', () => {
  test('is an image layout for each repository, and says what is in it', async () => {
    const { archive, repository, store } = await archived();
    expect(archive.place).toBe('the archive');
    expect(await repository.find(one.digest)).toBeUndefined();
    await repository.record([
      { ...one, tags: ['v1', 'v1.0'], run: 'run-1' },
      { ...other, tags: [] },
    ]);
    expect(await Array.fromAsync(store.list('prod/'))).toEqual(
      [
        `prod/contoso.azurecr.io/team/app/_oci/blobs/${one.digest.replace(':', '/')}`,
        `prod/contoso.azurecr.io/team/app/_oci/blobs/${other.digest.replace(':', '/')}`,
        'prod/contoso.azurecr.io/team/app/_oci/index.json',
        'prod/contoso.azurecr.io/team/app/_oci/oci-layout',
      ].sort(),
    );
    expect(await namesIn(store)).toEqual([
      [one.digest, 'v1'],
      [one.digest, 'v1.0'],
      [other.digest, other.digest],
    ]);
    const again = await archive.repository('contoso.azurecr.io', 'team/app');
    expect(await again.find(one.digest)).toEqual({ mediaType: IMAGE, bytes: one.bytes });
    expect([...again.tags]).toEqual([
      ['v1', one.digest],
      ['v1.0', one.digest],
    ]);
    expect((await archive.repository('contoso.azurecr.io', 'team')).tags.size).toBe(0);
  });

  test('has a tag name what was archived last; what it named before is found by its digest', async () => {
    const { archive, repository, store } = await archived();
    await repository.record([{ ...one, tags: ['latest', 'v1'] }]);
    await repository.record([{ ...other, tags: ['latest'] }]);
    expect(await namesIn(store)).toEqual([
      [one.digest, 'v1'],
      [other.digest, 'latest'],
    ]);
    await repository.record([{ ...one, tags: ['latest'] }]);
    expect(await namesIn(store)).toEqual([
      [one.digest, 'v1'],
      [one.digest, 'latest'],
      [other.digest, other.digest],
    ]);
    const again = await archive.repository('contoso.azurecr.io', 'team/app');
    expect(await again.find(other.digest)).toMatchObject({ bytes: other.bytes });
  });

  test('loses nothing where several write to one repository', async () => {
    const { archive, store } = await archived();
    const names = Array.from({ length: 12 }, (_, n) => `v${n}`);
    await Promise.all(
      names.map(async (name) => {
        const repository = await archive.repository('contoso.azurecr.io', 'team/app');
        await repository.record([{ ...(name.length > 2 ? one : other), tags: [name] }]);
      }),
    );
    expect((await namesIn(store)).length).toBe(12);
  });

  test('keeps what another tool wrote into its index', async () => {
    const { repository, store } = await archived();
    await repository.record([{ ...one, tags: ['v1'] }]);
    const path = 'prod/contoso.azurecr.io/team/app/_oci/index.json';
    const index = JSON.parse((await store.read(path))?.text ?? '') as { manifests: object[] };
    const foreign = { ...other, bytes: undefined, platform: { os: 'linux' }, annotations: { note: 'mine' } };
    await store.write(path, JSON.stringify({ ...index, manifests: [...index.manifests, foreign] }));
    await repository.record([{ ...one, tags: ['v2'] }]);
    const { manifests } = JSON.parse((await store.read(path))?.text ?? '') as { manifests: object[] };
    expect(manifests[2]).toMatchObject({ platform: { os: 'linux' }, annotations: { note: 'mine' } });
  });
});

describe('what is written', () => {
  const bytes = randomBytes(300_000);
  const blob = { digest: digestOf(bytes), size: bytes.length };

  test.each([
    ['too short', bytes.subarray(1)],
    ['too long', Buffer.concat([bytes, Buffer.from('x')])],
    ['other bytes', randomBytes(bytes.length)],
  ])('is not there where it is %s', async (_, wrong) => {
    const { repository, store } = await archived();
    await expect(repository.put(blob, inPieces(wrong))).rejects.toThrow(LedgerError);
    expect(await repository.has(blob)).toBe(false);
    expect((await Array.fromAsync(store.list('prod/'))).length).toBe(2);
  });

  test('is there once it is whole, and is read as a stream', async () => {
    const { repository } = await archived();
    expect(await repository.blob(blob.digest)).toBeUndefined();
    await repository.put(blob, inPieces(bytes));
    expect(await repository.has(blob)).toBe(true);
    expect(await repository.has({ ...blob, size: 1 })).toBe(false);
    const found = await repository.blob(blob.digest);
    expect(found?.size).toBe(bytes.length);
    expect(Buffer.concat(await Array.fromAsync(found?.stream ?? [])).equals(bytes)).toBe(true);
  });

  test('stays in its folder, whatever a digest is', async () => {
    const { repository } = await archived();
    const evil = { digest: 'sha256:../../../../etc/passwd', size: 1 };
    await expect(repository.put(evil, inPieces(Buffer.from('x')))).rejects.toThrow(/nothing is archived as/);
    expect(await repository.has(evil)).toBe(false);
    expect(await repository.blob(evil.digest)).toBeUndefined();
  });

  test('is not believed where it was changed since', async () => {
    const { archive, repository, store } = await archived();
    await repository.record([{ ...one, tags: [] }]);
    const path = `prod/contoso.azurecr.io/team/app/_oci/blobs/${one.digest.replace(':', '/')}`;
    for (const text of ['{}', `${one.bytes.toString()} `, one.bytes.toString().replace('one', 'two')]) {
      await store.write(path, text);
      const again = await archive.repository('contoso.azurecr.io', 'team/app');
      await expect(again.find(one.digest)).rejects.toThrow(/it is not what its digest names/);
    }
  });

  test.each(['{', '{"schemaVersion":1,"manifests":[]}', '{"schemaVersion":2,"manifests":[{"digest":"../x"}]}'])(
    'is not written over where the index is damaged: %s',
    async (text) => {
      const { archive, repository, store } = await archived();
      await store.write('prod/contoso.azurecr.io/team/app/_oci/index.json', text);
      await expect(archive.repository('contoso.azurecr.io', 'team/app')).rejects.toThrow(/the archive in the archive/);
      await expect(repository.record([{ ...one, tags: [] }])).rejects.toThrow(LedgerError);
    },
  );
});

test('in a folder it is what the image specification says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  const archive = archiveAt({ kind: 'folder', folder });
  expect(archive.place).toBe(folder);
  const repository = await archive.repository('127.0.0.1:5000', 'team/app');
  await repository.put(one, inPieces(one.bytes));
  await repository.record([{ ...one, tags: ['v1'] }]);
  const layout = join(folder, '127.0.0.1_5000/team/app/_oci');
  expect(JSON.parse(readFileSync(join(layout, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
  expect(readFileSync(join(layout, 'blobs', one.digest.replace(':', '/'))).equals(one.bytes)).toBe(true);
});
