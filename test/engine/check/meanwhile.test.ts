import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator, RegistryState } from '../../../src/dev/emulator/index.ts';
import { checkRegistry } from '../../../src/engine/check/check-registry.ts';
import type { RegistryReader } from '../../../src/registry/types.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, withEmulator } from '../../support/registry.ts';

/* What is deleted or pushed while a repository is looked at is neither broken nor left over. */

const amd = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const arm = { ...image('arm64'), architecture: 'arm64', os: 'linux' };
const multi = index([amd, arm]);
const tagged = image('tagged');
const gone = image('gone');
const sbom = referrer(gone, 'application/spdx+json', 'sbom');
const signature = image('signature');

const whole: RegistryState = {
  app: repositoryOf(
    { built: amd, days: 9 },
    { built: arm, days: 9 },
    { built: multi, days: 9, tags: ['v1'] },
    { built: tagged, days: 9, tags: ['v2'] },
    { built: sbom, days: 9 },
    { built: signature, days: 9, tags: [`${gone.digest.replace(':', '-')}.sig`] },
  ),
};

const checked = (emulator: Emulator, more: Partial<RegistryReader>) =>
  checkRegistry({ ...connectTo(emulator), ...more }, { ledger: newLedger(), lockedOlderThan: 1e12, concurrency: 4 });

/** The repository as it is with a part of its manifests, and without the tags of the others. */
const without = (...digests: readonly string[]): RegistryState => {
  const { manifests, tags } = whole['app'] ?? { manifests: [], tags: [] };
  const kept = repositoryOf();
  return {
    app: {
      ...kept,
      manifests: manifests.filter(({ body }) => !digests.some((digest) => body === bodyOf(digest))),
      tags: tags.filter(({ digest }) => !digests.includes(digest)),
    },
  };
};

const bodyOf = (digest: string): string =>
  [amd, arm, multi, tagged, sbom, signature].find((one) => one.digest === digest)?.body ?? '';

/** Answers first as one registry does, and from the second question of its kind on as another does. */
function first<T extends 'attributes' | 'tags' | 'manifests'>(then: RegistryReader, now: RegistryReader, kind: T) {
  let asked = 0;
  return {
    [kind]: (repository: string) => ((asked += 1) === 1 ? then : now)[kind](repository),
  } as Pick<RegistryReader, T>;
}

describe('while it is looked at', () => {
  test.each<[string, RegistryState]>([
    [
      'an index with its platforms, a tag with its image, a referrer, a signature',
      without(amd.digest, arm.digest, multi.digest, tagged.digest, sbom.digest, signature.digest),
    ],
    ['all of the repository', {}],
  ])('a client deletes %s', (_, after) =>
    withEmulator({ repositories: whole }, (before) =>
      withEmulator(
        { repositories: { ...after, other: repositoryOf({ built: tagged, days: 1 }) } },
        async (emulator) => {
          const [then, now] = [connectTo(before), connectTo(emulator)];
          const found = await checked(emulator, {
            repositories: () => Promise.resolve(['app']),
            ...first(then, now, 'attributes'),
            ...first(then, now, 'tags'),
            ...first(then, now, 'manifests'),
          });
          expect(found.counts).toEqual({});
        },
      ),
    ),
  );

  test('a client pushes an index after the page that would list its platform', () =>
    withEmulator({ repositories: without(sbom.digest, signature.digest) }, (now) =>
      withEmulator({ repositories: without(sbom.digest, signature.digest, arm.digest) }, async (before) => {
        const found = await checked(now, first(connectTo(before), connectTo(now), 'manifests'));
        expect(found.counts).toEqual({});
      }),
    ));

  test('a client deletes an image after it was counted', () =>
    withEmulator({ repositories: without(sbom.digest, signature.digest, tagged.digest) }, (now) =>
      withEmulator({ repositories: whole }, async (before) => {
        const found = await checked(now, first(connectTo(before), connectTo(now), 'attributes'));
        expect(found.counts).toEqual({});
      }),
    ));
});

test('a digest that a manifest of an unknown type mentions is no platform', () => {
  const chart = { ...tagged, body: tagged.body.replace(tagged.mediaType, 'application/vnd.example+json') };
  return withEmulator(
    { repositories: { app: repositoryOf({ built: chart, days: 9, mediaType: 'application/vnd.example+json' }) } },
    async (emulator) => expect((await checked(emulator, {})).counts).toEqual({}),
  );
});
