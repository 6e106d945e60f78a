import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { digestOf, packedIndex, packedReferrer, packedRegistry, type Packed } from '../../support/packed.ts';
import { folder, NO_SKOPEO, skopeo } from '../../support/skopeo.ts';
import { call, emulatorOf, errorCode, parsed } from './support.ts';

/*
 * A client that was not written here copies images in and out: skopeo, over TLS, with tokens, redirects and its own uploads.
 * Skipped where there is none (apt-get install skopeo).
 */

const CREDENTIALS = 'admin:p:ss';

/** Copies all platforms, and fails the test where skopeo does. */
async function copy(emulator: Emulator, from: string, to: string, ...args: readonly string[]): Promise<void> {
  const creds = ['--src-creds', CREDENTIALS, '--dest-creds', CREDENTIALS].filter((_, n) =>
    (n < 2 ? from : to).startsWith('docker:'),
  );
  const said = await skopeo(emulator, 'copy', '--all', '--preserve-digests', ...creds, ...args, from, to);
  expect(said.stderr).toBe('');
  expect(said.code).toBe(0);
}

function blobNames(repository: string, manifests: readonly Packed[]): readonly string[] {
  return [...new Set(manifests.flatMap(({ blobs }) => blobs.map(digestOf)))]
    .map((one) => `${repository}@${one}`)
    .sort();
}

function manifestNames(repository: string, manifests: readonly Packed[]): readonly string[] {
  return manifests.map(({ digest }) => `${repository}@${digest}`).sort();
}

describe.skipIf(NO_SKOPEO !== undefined)(`skopeo${NO_SKOPEO === undefined ? '' : ` (${NO_SKOPEO})`}`, () => {
  test('copies a multi-platform image into a folder and from there into another registry: same digests', async () => {
    const image = packedIndex('app', { layerSize: 3_000_000 });
    const [top] = image;
    const { repositories, blobs } = packedRegistry('team/app', image, { v1: top });
    const from = await emulatorOf(repositories, { blobs });
    const to = await emulatorOf({}, { requireBlobs: true });
    const layout = folder();
    await copy(from, `docker://${from.loginServer}/team/app:v1`, `oci:${layout}:v1`);
    const listed = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
    expect(listed.manifests.map(({ digest }) => digest)).toEqual([top.digest]);
    const files = readdirSync(join(layout, 'blobs', 'sha256'));
    expect(files.sort()).toEqual(
      [...manifestNames('', image), ...blobNames('', image)].map((name) => name.replace('@sha256:', '')).sort(),
    );

    await copy(to, `oci:${layout}:v1`, `docker://${to.loginServer}/restored:v1`);
    expect(to.tagsLeft()).toEqual(['restored:v1']);
    expect(to.manifestsLeft()).toEqual(manifestNames('restored', image));
    expect(to.blobsLeft()).toEqual(blobNames('restored', image));
    expect((await call(to, '/v2/restored/manifests/v1')).body).toBe(top.body);
  });

  test.each(['docker', 'oci'])('copies from one registry into another: %s', async (format) => {
    const image = packedIndex('app', { docker: format === 'docker' });
    const { repositories, blobs } = packedRegistry('app', image, { v1: image[0] });
    const from = await emulatorOf(repositories, { blobs });
    const to = await emulatorOf({}, { requireBlobs: true });
    await copy(from, `docker://${from.loginServer}/app:v1`, `docker://${to.loginServer}/app:v2`);
    expect(to.tagsLeft()).toEqual(['app:v2']);
    expect(to.manifestsLeft()).toEqual(from.manifestsLeft());
    expect(to.blobsLeft()).toEqual(from.blobsLeft());
    const tags = await skopeo(to, 'list-tags', '--creds', CREDENTIALS, `docker://${to.loginServer}/app`);
    expect(JSON.parse(tags.stdout)).toMatchObject({ Tags: ['v2'] });
  });

  test('copies a signature that refers to an image, which is its referrer there, too', async () => {
    const image = packedIndex('app');
    const signature = packedReferrer(image[0]);
    const { repositories, blobs } = packedRegistry('app', [...image, signature], { v1: image[0] });
    const from = await emulatorOf(repositories, { blobs });
    const to = await emulatorOf({}, { requireBlobs: true });
    await copy(from, `docker://${from.loginServer}/app:v1`, `docker://${to.loginServer}/app:v1`);
    const at = (emulator: Emulator): string => `docker://${emulator.loginServer}/app@${signature.digest}`;
    await copy(from, at(from), at(to));
    expect(parsed(await call(to, `/v2/app/referrers/${image[0].digest}`))).toMatchObject({
      manifests: [{ digest: signature.digest, artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }],
    });
    expect(to.blobsLeft()).toEqual(from.blobsLeft());
  });

  test('cannot pull what is unreadable, and can again', async () => {
    const image = packedIndex('app');
    const { repositories, blobs } = packedRegistry('app', image, { v1: image[0], v2: image[0] });
    const emulator = await emulatorOf(repositories, { blobs });
    const inspect = (tag: string): ReturnType<typeof skopeo> =>
      skopeo(emulator, 'inspect', '--raw', '--creds', CREDENTIALS, `docker://${emulator.loginServer}/app:${tag}`);
    emulator.lock('app', 'v1', { readEnabled: false });
    const refused = await inspect('v1');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('operation is disallowed') as unknown]);
    expect((await inspect('v2')).stdout).toBe(image[0].body);
    emulator.lock('app', image[0].digest, { readEnabled: false });
    expect((await inspect('v2')).code).toBe(1);
    emulator.lock('app', image[0].digest, { readEnabled: true });
    expect((await inspect('v2')).code).toBe(0);
  });

  test('cannot push what is soft-deleted', async () => {
    const image = packedIndex('app');
    const { repositories, blobs } = packedRegistry('app', image, { v1: image[0] });
    const from = await emulatorOf(repositories, { blobs });
    const to = await emulatorOf(repositories, { blobs, softDelete: { retentionDays: 7 } });
    to.remove('app', image[0].digest);
    const pushed = await skopeo(
      to,
      // Or else skopeo makes another index of the one that is refused, in Docker's format, and pushes that.
      ...['copy', '--all', '--preserve-digests', '--src-creds', CREDENTIALS, '--dest-creds', CREDENTIALS],
      `docker://${from.loginServer}/app:v1`,
      `docker://${to.loginServer}/app:v1`,
    );
    expect(pushed.code).toBe(1);
    expect(to.statuses()[409]).toBeGreaterThan(0);
    expect(errorCode(await call(to, '/v2/app/manifests/v1'))).toBe('MANIFEST_UNKNOWN');
  });
});
