import { image, index } from '../../../src/dev/emulator/manifests.ts';
import type { ManifestState, RegistryState, RepositoryState, TagState } from '../../../src/dev/emulator/index.ts';

/**
 * The registry that is purged, with `--filter '.*:^dev' --ago 30d --untagged`. It is made so that `acr purge` has as
 * much to do in it as in the one that the published figures come from:
 *
 * - 300 images a repository and one tag each. Every fifth is for two platforms: an index and two images, 420 manifests.
 * - 137 of 300 go: 27 or 28 of the 60 indexes, 110 or 109 of the 240 single images, in turn from repository to
 *   repository. So 137 tags and 191 or 193 manifests: over 60 repositories 19,740 artifacts.
 * - Of 11 single images 5 are Docker's (as `docker build` pushes them without BuildKit); everything else is OCI. The share
 *   of Docker images sets how many manifests are read: `acr purge` reads no Docker image, but every OCI manifest that is
 *   left without a tag, for it may have a subject. With this share it reads as many as published, 202 a repository.
 *
 * A larger repository is several of these one after the other; a smaller one is the beginning of one.
 */
export interface Shape {
  readonly repositories: number;
  /** In each of them. */
  readonly images: number;
}

const day = 86_400;
const block = 300;

/** One pushed image: what its tag is, and whether it goes. */
interface Image {
  readonly tag: string;
  readonly isMultiArch: boolean;
  readonly isDocker: boolean;
  readonly goes: boolean;
  /** Seconds. */
  readonly age: number;
}

export function repositoryNames({ repositories }: Shape): readonly string[] {
  return Array.from({ length: repositories }, (_, n) => `team-${n % 10}/service-${String(n).padStart(5, '0')}`);
}

/** The n-th repository of a registry. */
export function repositoryOf(n: number, name: string, images: number): RepositoryState {
  return stateOf(name, Array.from({ length: images }, (_, k) => imageOf(n, k)), () => true); // prettier-ignore
}

/** What has to be left of it. */
export function leftOf(n: number, name: string, images: number): RepositoryState {
  return stateOf(name, Array.from({ length: images }, (_, k) => imageOf(n, k)), ({ goes }) => !goes); // prettier-ignore
}

export function registryOf(shape: Shape): RegistryState {
  return Object.fromEntries(repositoryNames(shape).map((name, n) => [name, repositoryOf(n, name, shape.images)]));
}

/** The same, each repository built when it is asked for. */
export function lazyRegistryOf(shape: Shape): Readonly<Record<string, () => RepositoryState>> {
  return Object.fromEntries(repositoryNames(shape).map((name, n) => [name, () => repositoryOf(n, name, shape.images)]));
}

/** How much there is of a registry, and how much of that goes. */
export interface Size {
  readonly manifests: number;
  readonly tagsGoing: number;
  readonly manifestsGoing: number;
}

export function sizeOf({ repositories, images }: Shape): Size {
  let [manifests, tagsGoing, manifestsGoing] = [0, 0, 0];
  for (let n = 0; n < repositories; n++) {
    for (let k = 0; k < images; k++) {
      const { isMultiArch, goes } = imageOf(n, k);
      const parts = isMultiArch ? 3 : 1;
      manifests += parts;
      tagsGoing += Number(goes);
      manifestsGoing += goes ? parts : 0;
    }
  }
  return { manifests, tagsGoing, manifestsGoing };
}

/** The k-th image of the n-th repository. Multiplying by a prime spreads what goes over all of the block. */
function imageOf(n: number, k: number): Image {
  const isOdd = (n + Math.floor(k / block)) % 2 === 1;
  const place = k % block;
  const isMultiArch = place % 5 === 0;
  const ordinal = isMultiArch ? place / 5 : place - Math.floor(place / 5) - 1;
  const goes = isMultiArch ? (ordinal * 37) % 60 < (isOdd ? 28 : 27) : (ordinal * 61) % 240 < (isOdd ? 109 : 110);
  const days = (k * 7919) % 29;
  // Of what stays half is young, and half has tags that the filter does not name.
  const isYoung = !goes && ordinal % 2 === 0;
  return {
    tag: goes || isYoung ? `dev-${k}` : `v1.${k}.0`,
    isMultiArch,
    isDocker: !isMultiArch && ordinal % 11 < 5,
    goes,
    age: (isYoung ? days : 31 + days * 12) * day + ((k * 613) % day),
  };
}

function stateOf(name: string, images: readonly Image[], isWanted: (image: Image) => boolean): RepositoryState {
  const manifests: ManifestState[] = [];
  const tags: TagState[] = [];
  for (const one of images) {
    if (!isWanted(one)) continue;
    const { tag, age, isMultiArch, isDocker } = one;
    const id = `${name}/${tag}`;
    const children = isMultiArch ? platforms.map((platform) => ({ ...image(`${id}/${platform.architecture}`), ...platform })) : []; // prettier-ignore
    const tagged = isMultiArch ? index(children) : image(id, { docker: isDocker });
    for (const { body } of [...children, tagged]) manifests.push({ body, age });
    tags.push({ name: tag, digest: tagged.digest, age });
  }
  return { manifests, tags };
}

const platforms = [
  { architecture: 'amd64', os: 'linux' },
  { architecture: 'arm64', os: 'linux' },
] as const;
