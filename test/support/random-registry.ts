import fc from 'fast-check';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { Attributes, ManifestState, RepositoryState, TagState } from '../../src/dev/emulator/index.ts';

const DAY = 86_400;

const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

/** What one manifest is made of; numbers point at manifests made before it. */
interface Draft {
  readonly type: 'image' | 'docker' | 'index' | 'list' | 'artifact' | 'strange';
  readonly children: readonly number[];
  readonly subject: number | undefined;
  readonly age: number;
  readonly lock: Attributes | undefined;
  readonly tags: readonly { readonly name: string; readonly age: number; readonly lock: Attributes | undefined }[];
  /** Names a manifest made before it, as cosign does. */
  readonly signs: number | undefined;
  readonly time: string | null | undefined;
}

const age = fc.integer({ min: 0, max: 12 }).map((days) => days * DAY);
/** One time in `times`, else nothing. */
const onceIn = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const lock = onceIn(9, fc.constantFrom<Attributes>({ deleteEnabled: false }, { writeEnabled: false }));
const pointer = fc.nat(50);

const draft: fc.Arbitrary<Draft> = fc.record({
  type: fc.oneof(
    { weight: 5, arbitrary: fc.constant('image' as const) },
    { weight: 2, arbitrary: fc.constant('docker' as const) },
    { weight: 4, arbitrary: fc.constant('index' as const) },
    { weight: 2, arbitrary: fc.constant('list' as const) },
    { weight: 1, arbitrary: fc.constant('artifact' as const) },
    { weight: 1, arbitrary: fc.constant('strange' as const) },
  ),
  children: fc.array(pointer, { maxLength: 3 }),
  subject: onceIn(3, pointer),
  age,
  lock,
  tags: onceIn(
    2,
    fc.array(fc.record({ name: fc.stringMatching(/^(dev|v|pr-)[0-9]$/), age, lock }), { maxLength: 2 }),
  ).map((tags) => tags ?? []),
  signs: onceIn(6, pointer),
  time: onceIn(40, fc.constantFrom('yesterday', null)),
});

/** A repository with everything that has ever broken a purge in it. */
export const repository: fc.Arbitrary<RepositoryState> = fc.array(draft, { minLength: 1, maxLength: 16 }).map(build);

/** Flags of `acr purge` that such a repository can answer. */
export const flags: fc.Arbitrary<readonly string[]> = fc
  .record({
    filter: fc.constantFrom('.*:.*', 'app:^dev', 'app:^(?!v)', '.*:^$', 'app:sha256|dev|pr'),
    ago: fc.constantFrom('0d', '3d', '8d'),
    keep: fc.constantFrom('0', '0', '1', '3'),
    untagged: fc.constantFrom([], ['--untagged'], ['--untagged'], ['--untagged-only']),
    locked: fc.constantFrom([], [], [], ['--include-locked']),
  })
  .map(({ filter, ago, keep, untagged, locked }) => [
    '--filter',
    filter,
    '--ago',
    ago,
    '--keep',
    keep,
    ...untagged,
    ...locked,
  ]);

function build(drafts: readonly Draft[]): RepositoryState {
  const manifests: ManifestState[] = [];
  const digests: string[] = [];
  const tags = new Map<string, TagState>();
  drafts.forEach((one, index) => {
    const at = (to: number): string | undefined => (digests.length === 0 ? undefined : digests[to % digests.length]);
    const body = JSON.stringify(documentOf(one, index, at, digests, manifests));
    const digest = digestOf(body);
    digests.push(digest);
    manifests.push({
      body,
      age: one.age,
      ...(one.lock && { locked: one.lock }),
      ...(one.time !== undefined && { lastUpdateTime: one.time }),
    });
    for (const tag of one.tags) {
      tags.set(tag.name, { name: tag.name, digest, age: tag.age, ...(tag.lock && { locked: tag.lock }) });
    }
    const signed = one.signs === undefined ? undefined : at(one.signs);
    if (signed !== undefined) {
      const name = `${signed.replace(':', '-')}.${['sig', 'att', 'sbom'][index % 3] ?? ''}`;
      tags.set(name, { name, digest, age: one.age });
    }
  });
  return { manifests, tags: [...tags.values()] };
}

function documentOf(
  { type, children, subject }: Draft,
  index: number,
  at: (to: number) => string | undefined,
  digests: readonly string[],
  manifests: readonly ManifestState[],
): object {
  const describe = (digest: string): object => {
    const body = manifests[digests.indexOf(digest)]?.body ?? '{}';
    return { mediaType: (JSON.parse(body) as { mediaType?: string }).mediaType, digest, size: body.length };
  };
  const referred = subject === undefined ? undefined : at(subject);
  const referring = referred === undefined ? {} : { subject: describe(referred) };
  const annotations = { 'org.example.id': String(index) };
  if (type === 'index' || type === 'list') {
    const found = children.map(at).filter((digest) => digest !== undefined);
    // Now and then one that was never pushed, as after a copy of some platforms only.
    const named =
      index % 7 === 0
        ? [...found.map(describe), { mediaType: OCI_IMAGE, digest: digestOf(`missing ${index}`), size: 1 }]
        : found.map(describe);
    return {
      schemaVersion: 2,
      mediaType: type === 'index' ? OCI_INDEX : DOCKER_LIST,
      manifests: named,
      annotations,
      ...(type === 'index' && referring),
    };
  }
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf(`config ${index}`),
    size: 2,
  };
  if (type === 'artifact')
    return { mediaType: ARTIFACT, artifactType: 'application/example', blobs: [], annotations, ...referring };
  if (type === 'docker') return { schemaVersion: 2, mediaType: DOCKER_IMAGE, config, layers: [], annotations };
  if (type === 'strange') {
    return {
      schemaVersion: 2,
      mediaType: 'application/vnd.example.bundle',
      parts: children.map(at),
      annotations,
      ...referring,
    };
  }
  return { schemaVersion: 2, mediaType: OCI_IMAGE, config, layers: [], annotations, ...referring };
}
