import fc from 'fast-check';
import type { RegistryState, RepositoryState } from '../../src/dev/emulator/index.ts';
import { mediaTypes } from '../../src/dev/emulator/manifests.ts';
import { digestOf } from './packed.ts';

/* Random registries whose images share layers, and what is in them as a naive count has it. */

/** A layer or a configuration: the same number is the same blob everywhere. */
function blob(number: number): { readonly digest: string; readonly size: number } {
  return { digest: digestOf(`blob ${number}`), size: 1000 + number * 7 };
}

/** A manifest of these blobs: the first is its configuration. */
export function manifestOf(name: string, blobs: readonly number[]): string {
  const [config = 0, ...layers] = blobs;
  const descriptor = (mediaType: string, number: number) => ({ mediaType, ...blob(number) });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((number) => descriptor('application/vnd.oci.image.layer.v1.tar+gzip', number)),
    annotations: { name },
  });
}

const DAY = 86_400;

const imagesIn = fc.array(
  fc.record({
    blobs: fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }),
    days: fc.integer({ min: 1, max: 60 }),
    tag: fc.constantFrom('old', 'new', undefined),
    indexed: fc.boolean(),
  }),
  { maxLength: 6 },
);

/** Repositories of images, some of them in an index, some under a tag, some of them the same in several repositories. */
export const sharedLayers: fc.Arbitrary<RegistryState> = fc
  .dictionary(fc.constantFrom('app', 'web', 'base', 'team/tool'), imagesIn, { minKeys: 1, maxKeys: 4 })
  .map((registry) =>
    Object.fromEntries(
      Object.entries(registry).map(([name, images]): [string, RepositoryState] => {
        const built = images.map(({ blobs, ...about }, n) => ({ ...about, n, body: manifestOf(`image ${n}`, blobs) }));
        const own = new Map(built.map((one) => [digestOf(one.body), one]));
        const children = [...own].filter(([, { indexed }]) => indexed).map(([digest]) => digest);
        const index = JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociIndex,
          manifests: children.map((digest) => ({ mediaType: mediaTypes.ociImage, digest, size: 100 })),
        });
        return [
          name,
          {
            manifests: [
              ...Array.from(own.values(), ({ body, days }) => ({ body, age: days * DAY })),
              ...(children.length > 0 ? [{ body: index, age: 50 * DAY }] : []),
            ],
            tags: [...own].flatMap(([digest, { tag, n, days }]) =>
              tag === undefined ? [] : [{ name: `${tag}-${n}`, digest, age: days * DAY }],
            ),
          },
        ];
      }),
    ),
  );

/** What is in some repositories, a blob and a manifest each once: bytes by digest. */
export function contentOf(registry: RegistryState): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { manifests } of Object.values(registry))
    for (const { body } of manifests) {
      found.set(digestOf(body), Buffer.byteLength(body));
      const { config, layers = [] } = JSON.parse(body) as Document;
      for (const { digest, size } of [...(config ? [config] : []), ...layers]) found.set(digest, size);
    }
  return found;
}

interface Document {
  readonly config?: { readonly digest: string; readonly size: number };
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
}

export function bytesOf(content: ReadonlyMap<string, number>): number {
  return [...content.values()].reduce((sum, size) => sum + size, 0);
}
