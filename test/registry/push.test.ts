import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Call, Emulator } from '../../src/dev/emulator/index.ts';
import { StoppedError } from '../../src/registry/errors.ts';
import { digestOf, packedIndex, packedReferrer, packedRegistry } from '../support/packed.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';
import { connectAs, entra } from '../support/run-as.ts';

const LAYER = randomBytes(9 * 1024 * 1024);
const layer = { digest: digestOf(LAYER), size: LAYER.length };

async function* inPieces(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const source = () => inPieces(LAYER);

describe('a blob', () => {
  test('is pushed in parts, once, and comes back as it was', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const { content } = connectTo(emulator);
      expect(await content.putBlob('new/app', layer, source)).toBe('pushed');
      expect(await content.putBlob('new/app', layer, source)).toBe('there');
      expect(await content.hasBlob('new/app', layer.digest)).toBe(true);
      const blob = await content.blob('new/app', layer.digest);
      expect(blob?.size).toBe(LAYER.length);
      expect(Buffer.concat(await Array.fromAsync(blob?.stream ?? [])).equals(LAYER)).toBe(true);
    });
  });

  test('of no bytes is pushed, too', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const { content } = connectTo(emulator);
      const nothing = { digest: digestOf(''), size: 0 };
      expect(await content.putBlob('app', nothing, () => inPieces(Buffer.alloc(0)))).toBe('pushed');
      expect(await content.hasBlob('app', nothing.digest)).toBe(true);
    });
  });

  test.each([
    ['shorter', LAYER.subarray(1)],
    ['longer', Buffer.concat([LAYER, Buffer.from('x')])],
    ['other', Buffer.alloc(LAYER.length)],
  ])('is not pushed where what is read is %s', async (_, bytes) => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const { content } = connectTo(emulator);
      await expect(content.putBlob('app', layer, () => inPieces(bytes))).rejects.toThrow(/not what the digest names/);
      expect(emulator.blobsLeft()).toEqual([]);
    });
  });

  test('is not pushed where its source fails, which is told', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield LAYER.subarray(0, 5_000_000);
      await Promise.resolve();
      throw new Error('the archive is away');
    };
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      await expect(connectTo(emulator).content.putBlob('app', layer, failing)).rejects.toThrow('the archive is away');
      expect(emulator.blobsLeft()).toEqual([]);
    });
  });

  test.each<[string, (call: Call, nth: number) => number | 'drop' | undefined]>([
    ['calls are refused for a while', (_, nth) => (nth % 3 === 1 ? 429 : undefined)],
    ['calls fail', (_, nth) => (nth % 3 === 1 ? 503 : undefined)],
    ['connections break', (_, nth) => (nth % 4 === 2 ? 'drop' : undefined)],
    ['the registry forgets the upload', ({ method }, nth) => (method === 'PUT' && nth < 9 ? 404 : undefined)],
  ])('is pushed where %s', async (_, fault) => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      let calls = 0;
      emulator.faults({
        failing: (call) => (call.path.includes('/blobs/') ? fault(call, calls++) : undefined),
      });
      const { content } = connectTo(emulator);
      expect(await content.putBlob('app', layer, source)).toMatch(/pushed|there/);
      emulator.faults({});
      const blob = await content.blob('app', layer.digest);
      expect(Buffer.concat(await Array.fromAsync(blob?.stream ?? [])).equals(LAYER)).toBe(true);
      expect(calls).toBeGreaterThan(6);
    });
  });

  test('is begun again a few times only', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      emulator.faults({ failing: ({ method }) => (method === 'PUT' ? 404 : undefined) });
      let read = 0;
      const counted = () => {
        read += 1;
        return source();
      };
      await expect(connectTo(emulator).content.putBlob('app', layer, counted)).rejects.toMatchObject({ status: 404 });
      expect(read).toBe(4);
    });
  });

  test('is given up between parts where the run is stopped', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const stop = new AbortController();
      emulator.onRequest(({ method }) => {
        if (method === 'PATCH') stop.abort();
      });
      const { content } = connectTo(emulator);
      await expect(content.putBlob('app', layer, source, stop.signal)).rejects.toThrow(StoppedError);
      expect(emulator.blobsLeft()).toEqual([]);
    });
  });

  test('that has no sha256 digest is not pushed', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const digest = `sha512:${'0'.repeat(128)}`;
      const pushed = connectTo(emulator).content.putBlob('app', { digest, size: 1 }, source);
      await expect(pushed).rejects.toThrow(/only blobs with a sha256 digest/);
    });
  });
});

describe('a manifest', () => {
  const image = packedIndex('app');
  const [, child] = image;
  const signature = packedReferrer(image[0]);
  const { repositories, blobs } = packedRegistry('app', [...image, signature], { v1: image[0] });

  /** Copies everything from one registry into another, children first, with nothing but the calls of this file. */
  async function copy(from: Emulator, to: Emulator): Promise<void> {
    const read = connectTo(from).content;
    const { content } = connectAs(to, entra(to));
    for (const { digest, blobs: parts } of [...image.slice(1), image[0], signature]) {
      for (const part of parts) {
        const descriptor = { digest: digestOf(part), size: part.length };
        await content.putBlob('copy', descriptor, () => later(read.blob('app', descriptor.digest)));
      }
      const manifest = await read.manifest('app', digest);
      if (!manifest) throw new Error(`${digest} is not there`);
      await content.putManifest('copy', digest, manifest);
      if (digest === image[0].digest) await content.putManifest('copy', 'v1', manifest);
    }
  }

  async function* later(
    blob: Promise<{ readonly stream: AsyncIterable<Uint8Array> } | undefined>,
  ): AsyncGenerator<Uint8Array> {
    yield* (await blob)?.stream ?? [];
  }

  test('is pushed byte for byte, by digest and as a tag, with tokens for pushing', async () => {
    await withServedEmulator({ repositories, blobs }, (from) =>
      withServedEmulator({ repositories: {}, requireBlobs: true }, async (to) => {
        await copy(from, to);
        expect(to.tagsLeft()).toEqual(['copy:v1']);
        expect(to.manifestsLeft()).toEqual(from.manifestsLeft().map((name) => name.replace('app@', 'copy@')));
        expect(to.blobsLeft()).toEqual(from.blobsLeft().map((name) => name.replace('app@', 'copy@')));
      }),
    );
  });

  test('is not sent where it is not what its digest names', async () => {
    await withServedEmulator({ repositories: {} }, async (emulator) => {
      const { content } = connectTo(emulator);
      const wrong = { mediaType: image[0].mediaType, bytes: Buffer.from('{}') };
      await expect(content.putManifest('app', image[0].digest, wrong)).rejects.toThrow(/not what the digest names/);
      expect(emulator.counts()['put-manifest']).toBe(0);
    });
  });

  test('that the registry refuses is an error with what it said', async () => {
    await withServedEmulator({ repositories: {}, requireBlobs: true }, async (emulator) => {
      const manifest = { mediaType: child?.mediaType ?? '', bytes: Buffer.from(child?.body ?? '') };
      await expect(connectTo(emulator).content.putManifest('app', 'v1', manifest)).rejects.toMatchObject({
        name: 'RegistryError',
        code: expect.stringMatching(/^[A-Z_]+$/) as string,
      });
    });
  });
});
