import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdingsOf } from '../../../src/engine/archive/archive-copy.ts';
import { whyNotWithoutArchive } from '../../../src/engine/archive/archive.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { blobStore } from '../../../src/ledger/store/blob.ts';
import { lostOf, wholes } from '../../support/archived.ts';
import { newArchive } from '../../support/archives.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { newLedger } from '../../support/ledger.ts';
import { digestOf, packedImage } from '../../support/packed.ts';
import { run, withEmulator } from '../../support/registry.ts';

const PURGE = ['--filter', '.*:^old', '--ago', '30d', '--untagged', '--keep', '0'];

describe('what is damaged in the archive is written anew before it is deleted', () => {
  test.each([
    ['a manifest', true, (bytes: Buffer) => Buffer.alloc(bytes.length, 32)],
    ['a manifest that is cut short', true, (bytes: Buffer) => bytes.subarray(1)],
    ['a manifest that no index names', false, (bytes: Buffer) => Buffer.alloc(bytes.length, 32)],
  ])('%s', async (_, isNamed, damage) => {
    const { contents, options } = wholes(1, 3);
    await withEmulator(options, async (emulator) => {
      const { archive, store } = newArchive();
      emulator.faults({ failing: ({ method }) => (method === 'DELETE' ? 500 : undefined) });
      await run(emulator, PURGE, undefined, newLedger(), { archive });
      emulator.faults({});
      const folder = `${registryKey(emulator.loginServer)}/team/app-0/_oci/`;
      for (const { all } of contents.get('team/app-0') ?? [])
        for (const { digest, body } of all)
          await store.write(`${folder}blobs/${digest.replace(':', '/')}`, damage(Buffer.from(body)).toString());
      if (!isNamed) await store.remove(`${folder}index.json`);
      const { summary } = await run(emulator, PURGE, undefined, newLedger(), { archive });
      expect(summary.failures).toEqual([]);
      expect(emulator.manifestsLeft()).toEqual([]);
      expect(await lostOf(emulator, archive, contents)).toEqual([]);
    });
  });
});

describe('in Blob Storage', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite.close());

  test('two processes write the same blob at the same time: it is whole, and neither fails', async () => {
    const bytes = Buffer.alloc(13_000_000, 'layer');
    const blob = { digest: digestOf(bytes), size: bytes.length };
    const opened = await Promise.all(
      [1, 2, 3].map(() => {
        const { connectionString } = azurite;
        const { archive } = newArchive(blobStore({ connectionString, container: 'archive', kept: 'archive' }));
        return archive.repository('contoso.azurecr.io', 'app');
      }),
    );
    const put = await Promise.allSettled(
      opened.map((one, n) =>
        one.put(
          blob,
          (async function* () {
            for (let at = 0; at < bytes.length; at += 1_000_000) {
              await new Promise((resolve) => setTimeout(resolve, n));
              yield bytes.subarray(at, at + 1_000_000);
            }
          })(),
        ),
      ),
    );
    expect(put.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    const found = await opened[0]?.blob(blob.digest);
    expect(digestOf(Buffer.concat(await Array.fromAsync(found?.stream ?? [])))).toBe(blob.digest);
  });
});

test.each([
  ['its layers', (document: Record<string, unknown>) => ({ ...document, layers: [], Layers: document['layers'] })],
  ['its configuration', (document: Record<string, unknown>) => ({ ...document, CONFIG: document['config'] })],
])('a manifest that names %s in letters of another case is not archived by half', (_, change) => {
  const { body, digest, mediaType } = packedImage('odd');
  const odd = Buffer.from(JSON.stringify(change(JSON.parse(body) as Record<string, unknown>)));
  expect(() => holdingsOf(digest, mediaType, odd)).toThrow(/a field is written in letters of another case/);
});

test('a run is not taken up with another archive than the one that it was begun with: a restore would not find it', () => {
  const { archive } = newArchive();
  expect(whyNotWithoutArchive({ archive: archive.place }, archive)).toBeUndefined();
  expect(whyNotWithoutArchive({}, archive)).toBeUndefined();
  expect(whyNotWithoutArchive({ archive: 'another one' }, archive)).toBe(
    'what it deletes is to be archived first, in another one, and the archive is named now; name it as before: --archive or ARCHIVE',
  );
});

test('what has a digest that a registry would not take back is not archived', () => {
  const { body, digest, mediaType } = packedImage('odd');
  const odd = Buffer.from(body.replace(/"digest":"sha256:[0-9a-f]+"/, `"digest":"sha512:${'0'.repeat(128)}"`));
  expect(() => holdingsOf(digest, mediaType, odd)).toThrow(/config.digest: no digest that can be archived/);
});
