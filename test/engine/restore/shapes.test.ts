import { describe, expect, test } from 'vitest';
import { index, mediaTypes } from '../../../src/dev/emulator/manifests.ts';
import { blobStore } from '../../../src/ledger/store/blob.ts';
import { newArchive } from '../../support/archives.ts';
import { startAzurite } from '../../support/azurite.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { digestOf, type Packed, packedImage } from '../../support/packed.ts';
import { run, withServedEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

/* Images of shapes that are rare: archived, deleted, and read back by a ledger that knows nothing of them. */

const PURGE = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];

/** An image with these layers. */
function imageOf(layers: readonly Buffer[], more: object = {}): Packed {
  const config = Buffer.from('{}');
  const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const mediaType = mediaTypes.ociImage;
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: descriptor('application/vnd.oci.empty.v1+json', config),
    layers: layers.map((bytes) => descriptor('application/octet-stream', bytes)),
    ...more,
  });
  return { body, digest: digestOf(body), mediaType, blobs: [config, ...new Set(layers)] };
}

const layer = Buffer.from('a layer');
const inner = packedImage('inner');
const middle = { ...index([{ ...inner, architecture: 'amd64', os: 'linux' }]), blobs: [] };
const outer = { ...index([{ ...middle, architecture: 'amd64', os: 'linux' }]), blobs: [] };
const LARGEST = 4 * 1024 * 1024;
const padded = imageOf([layer], { annotations: { padding: '' } });
const largest = imageOf([layer], { annotations: { padding: ' '.repeat(LARGEST - padded.body.length) } });

const SHAPES: readonly (readonly [string, readonly [Packed, ...Packed[]]])[] = [
  ['an empty layer', [imageOf([Buffer.alloc(0)])]],
  ['the same layer several times', [imageOf([layer, layer, layer, layer])]],
  ['no layer', [imageOf([])]],
  ['an index within an index', [outer, middle, inner]],
  ['a manifest of 4 MiB', [largest]],
];

describe('in Blob Storage', () => {
  test.each(SHAPES)('%s comes back byte for byte', { timeout: 60_000 }, async (_, built) => {
    const azurite = await startAzurite();
    try {
      const contents = {
        repositories: {
          app: repositoryOf(...built.map((one, n) => ({ built: one, days: 90, tags: n === 0 ? ['v1'] : [] }))),
        },
        blobs: { app: built.flatMap(({ blobs }) => blobs) },
        requireBlobs: true,
      };
      await withServedEmulator(contents, async (emulator) => {
        const { connectionString } = azurite;
        const { archive } = newArchive(blobStore({ connectionString, container: 'archive', kept: 'archive' }));
        const before = { ...contentsOf(emulator.repositories()), blobs: emulator.blobsLeft() };
        const { summary } = await run(emulator, PURGE, undefined, newLedger(), { archive });
        expect(summary.failures).toEqual([]);
        expect([emulator.manifestsLeft(), emulator.blobsLeft()]).toEqual([[], []]);
        const came = await restored(emulator, newLedger(), `${emulator.loginServer}/app:v1`, { archive });
        expect(came.decisions.map(({ error }) => error?.message)).toEqual(came.decisions.map(() => undefined));
        expect({ ...contentsOf(emulator.repositories()), blobs: emulator.blobsLeft() }).toEqual(before);
      });
    } finally {
      await azurite.close();
    }
  });
});
