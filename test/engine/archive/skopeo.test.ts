import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cosignTag } from '../../../src/dev/emulator/manifests.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { blobStore } from '../../../src/ledger/store/blob.ts';
import { download, newArchive } from '../../support/archives.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { packedImage, packedIndex, packedReferrer } from '../../support/packed.ts';
import { connectTo, run, USER, withServedEmulator } from '../../support/registry.ts';
import { repositoryOf } from '../../support/contents.ts';
import { folder, NO_SKOPEO, skopeo } from '../../support/skopeo.ts';
import { newLedger } from '../../support/ledger.ts';

/*
 * A reader of image layouts that was not written here copies images out of an archive in Blob Storage, into another
 * registry. Skipped where there is none (apt-get install skopeo).
 */

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.close());

const multi = packedIndex('multi', { layerSize: 6_000_000 });
const [top] = multi;
// As cosign signs: once as an image under a tag of the index's digest, and once as a referrer.
const signature = packedImage('signature');
const referrer = packedReferrer(top);
const docker = packedIndex('docker', { docker: true });
const untagged = packedImage('untagged');
const odd = packedImage('odd');

const manifests = [
  { built: top, tags: ['v1', 'v1.0'] },
  ...multi.slice(1).map((built) => ({ built, tags: [] })),
  { built: signature, tags: [cosignTag(top)] },
  { built: referrer, tags: [] },
  { built: docker[0], tags: ['docker'] },
  ...docker.slice(1).map((built) => ({ built, tags: [] })),
  { built: untagged, tags: [] },
  { built: odd, tags: ['__odd.'] },
].map((one) => ({ ...one, days: 90 }));

const CONTENTS = {
  repositories: { 'team/app': repositoryOf(...manifests) },
  blobs: { 'team/app': manifests.flatMap(({ built }) => built.blobs) },
};

describe.skipIf(NO_SKOPEO !== undefined)(`skopeo${NO_SKOPEO === undefined ? '' : ` (${NO_SKOPEO})`}`, () => {
  test('copies what was archived in Blob Storage into another registry: the digests are the same', async () => {
    await withServedEmulator(CONTENTS, (from) =>
      withServedEmulator({ repositories: {}, requireBlobs: true }, async (to) => {
        const { archive, store } = newArchive(
          blobStore({ connectionString: azurite.connectionString, container: 'archive', kept: 'archive' }),
        );
        const had = { tags: from.tagsLeft(), manifests: from.manifestsLeft(), blobs: from.blobsLeft() };
        const args = ['--filter', 'team/app:.*', '--ago', '30d', '--untagged', '--keep', '0'];
        const { summary } = await run(from, args, undefined, newLedger(), { archive });
        expect(summary.failures).toEqual([]);
        expect(from.manifestsLeft()).toEqual([]);
        expect(summary.totals.archived?.manifests).toBe(manifests.length);

        const here = folder();
        await download(store, registryKey(from.loginServer), here);
        const layout = join(here, registryKey(from.loginServer), 'team/app/_oci');
        const creds = ['--dest-creds', `${USER.username}:${USER.password}`];
        const copy = async (source: string, as: string): Promise<void> => {
          const target = `docker://${to.loginServer}/team/app${as}`;
          const said = await skopeo(to, ...['copy', '--all', '--preserve-digests', ...creds], source, target);
          expect([said.stderr, said.code]).toEqual(['', 0]);
        };
        for (const tag of ['v1', 'v1.0', cosignTag(top)]) await copy(`oci:${layout}:${tag}`, `:${tag}`);
        // What has no tag is named by its digest, and so is each platform.
        for (const { digest } of [referrer, untagged]) await copy(`oci:${layout}:${digest}`, `@${digest}`);
        // What skopeo does not find by its name it copies where it is the only one.
        for (const tag of ['docker', '__odd.']) await copy(`oci:${only(layout, tag)}`, `:${tag}`);
        expect(to.tagsLeft()).toEqual(had.tags);
        expect(to.manifestsLeft()).toEqual(had.manifests);
        expect(to.blobsLeft()).toEqual(had.blobs);
        expect(await connectTo(to).referrers('team/app', top.digest)).toEqual([referrer.digest]);
      }),
    );
  });
});

/** The same layout with one name in its index, as the documentation makes it with jq. */
function only(layout: string, tag: string): string {
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    readonly manifests: readonly { readonly annotations: Readonly<Record<string, string>> }[];
  };
  const manifests = index.manifests.filter(
    ({ annotations }) => annotations['org.opencontainers.image.ref.name'] === tag,
  );
  const one = folder();
  symlinkSync(join(layout, 'blobs'), join(one, 'blobs'));
  copyFileSync(join(layout, 'oci-layout'), join(one, 'oci-layout'));
  writeFileSync(join(one, 'index.json'), JSON.stringify({ ...index, manifests }));
  return one;
}
