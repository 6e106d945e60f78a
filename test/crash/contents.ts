import type { RegistryState, RepositoryState } from '../../src/dev/emulator/index.ts';
import {
  attestation,
  type Built,
  cosignSignature,
  cosignTag,
  image,
  index,
  referrer,
} from '../../src/dev/emulator/manifests.ts';
import { images, repositoryOf, type Stored } from '../support/contents.ts';

const OLD = 40;
const YOUNG = 2;
const LOCKED = { deleteEnabled: false, writeEnabled: false };

/** What a purge of the registry is asked for; once it is done, a second one finds nothing more to delete. */
export const FLAGS = ['--filter', '.*:^(dev-|sha256-)', '--ago', '30d', '--untagged'];

/** A registry in which everything that is deleted in a way of its own is there several times over. */
export function crowded(): RegistryState {
  return Object.fromEntries(['base', 'shop/api', 'shop/web'].map((name) => [name, service(name)]));
}

function service(name: string): RepositoryState {
  const many = (count: number, make: (id: string, n: number) => readonly Stored[]): readonly Stored[] =>
    Array.from({ length: count }, (_, n) => make(`${name}/${n}`, n)).flat();
  return repositoryOf(
    ...images(name, 16, 'dev-plain'),
    ...images(`${name}/untagged`, 4),
    ...many(4, (id, n) => multiArch(id, [`dev-multi-${n}`])),
    ...many(1, (id, n) => multiArch(`${id}/release`, [`v${n}`])),
    ...many(4, (id, n) => signed(id, [`dev-signed-${n}`])),
    ...many(1, (id, n) => signed(`${id}/release`, [`v-signed-${n}`])),
    ...many(2, (id, n) => cosigned(id, [`dev-cosigned-${n}`])),
    // Tags that go alone, because their image has another one that stays.
    ...many(6, (id, n) => [old(image(`${id}/both`), [`dev-both-${n}`, `dev-other-${n}`, `v-both-${n}`])]),
    ...many(2, (id, n) => [{ ...old(image(`${id}/locked`), [`dev-locked-${n}`]), locked: LOCKED }]),
    ...many(2, (id, n) => [{ ...old(image(`${id}/kept`), [`dev-locked-tag-${n}`]), lockedTags: LOCKED }]),
    ...many(1, (id) => [{ ...old(image(`${id}/locked/untagged`)), locked: LOCKED }]),
    ...many(2, (id, n) => [{ ...old(image(`${id}/young`), [`dev-young-${n}`]), days: YOUNG }]),
  );
}

function old(built: Built, tags: readonly string[] = []): Stored {
  return { built, days: OLD, tags };
}

function multiArch(id: string, tags: readonly string[]): readonly Stored[] {
  const children = ['amd64', 'arm64'].map((architecture) => ({
    ...image(`${id}/${architecture}`),
    architecture,
    os: 'linux',
  }));
  const attestations = children.map((child) => attestation(child, `${id}/${child.architecture}/attestation`));
  const all = [...children, ...attestations];
  return [...all.map((child) => old(child)), old(index(all), tags)];
}

/** With a signature, and a signature of its bill of materials. */
function signed(id: string, tags: readonly string[]): readonly Stored[] {
  const subject = image(`${id}/signed`);
  const sbom = referrer(subject, 'application/spdx+json', `${id}/sbom`);
  const signatures = [subject, sbom].map((one) =>
    referrer(one, 'application/vnd.cncf.notary.signature', `${id}/${one.digest}`),
  );
  return [old(subject, tags), old(sbom), ...signatures.map((one) => old(one))];
}

function cosigned(id: string, tags: readonly string[]): readonly Stored[] {
  const subject = image(`${id}/cosigned`);
  return [old(subject, tags), old(cosignSignature(subject), [cosignTag(subject)])];
}
