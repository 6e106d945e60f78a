import type { EmulatorOptions } from '../../src/dev/emulator/index.ts';
import type { Archive } from '../../src/ledger/archive.ts';
import { repositoryOf } from './contents.ts';
import { digestOf, type Packed, packedImage, packedIndex, packedReferrer } from './packed.ts';

/** Every kind of image that is archived, with the parts of each. */
export interface Whole {
  readonly root: Packed;
  readonly all: readonly Packed[];
}

/** A registry of some repositories with multi-platform images that are signed, and share layers; each 90 days old. */
export function wholes(repositories: number, images: number, layerSize = 20_000) {
  const contents = new Map<string, readonly Whole[]>();
  for (let r = 0; r < repositories; r += 1)
    contents.set(
      `team/app-${r}`,
      Array.from({ length: images }, (_, n): Whole => {
        // Of three images two have the same layers.
        const name = `${r}/${n - (n % 3 === 1 ? 1 : 0)}`;
        const index = packedIndex(name, { layerSize, annotations: { image: `${r}/${n}` } });
        const docker = packedImage(`${name}/docker`, { docker: true, layerSize, annotations: { image: `${r}/${n}` } });
        return n % 4 === 3
          ? { root: docker, all: [docker] }
          : { root: index[0], all: [...index, packedReferrer(index[0])] };
      }),
    );
  const options: Pick<EmulatorOptions, 'repositories' | 'blobs'> = {
    repositories: Object.fromEntries(
      [...contents].map(([name, some]) => [
        name,
        repositoryOf(
          ...some.flatMap(({ root, all }, n) =>
            all.map((built) => ({ built, days: 90, tags: built === root ? [`old-${n}`] : [] })),
          ),
        ),
      ]),
    ),
    blobs: Object.fromEntries(
      [...contents].map(([name, some]) => [name, some.flatMap(({ all }) => all.flatMap(({ blobs }) => blobs))]),
    ),
  };
  return { contents, options };
}

/** What is gone from a registry and not in its archive as it was: manifests and blobs are read, and compared. */
export async function lostOf(
  { loginServer, manifestsLeft }: { readonly loginServer: string; readonly manifestsLeft: () => readonly string[] },
  archive: Archive,
  contents: ReadonlyMap<string, readonly Whole[]>,
): Promise<readonly string[]> {
  const left = new Set(manifestsLeft());
  const lost: string[] = [];
  for (const [name, some] of contents) {
    const archived = await archive.repository(loginServer, name);
    for (const { digest, body, blobs } of some.flatMap(({ all }) => all)) {
      if (left.has(`${name}@${digest}`)) continue;
      if (!(await archived.find(digest))?.bytes.equals(Buffer.from(body))) lost.push(`${name}@${digest}`);
      for (const blob of blobs) {
        const found = await archived.blob(digestOf(blob));
        const bytes = Buffer.concat(await Array.fromAsync(found?.stream ?? []));
        if (!bytes.equals(blob)) lost.push(`${name}@${digest}: ${digestOf(blob)}`);
      }
    }
  }
  return lost;
}
