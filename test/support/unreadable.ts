import type { Emulator } from '../../src/dev/emulator/index.ts';
import { digestOf } from '../../src/dev/emulator/manifests.ts';

/** `repo:tag` and `repo@digest` of what no client can pull, in order. */
export function unreadableIn(emulator: Emulator): readonly string[] {
  return Object.entries(emulator.repositories())
    .flatMap(([name, { tags, manifests }]) => [
      ...tags.filter(({ locked }) => locked?.readEnabled === false).map((tag) => `${name}:${tag.name}`),
      ...manifests.filter(({ locked }) => locked?.readEnabled === false).map(({ body }) => `${name}@${digestOf(body)}`),
    ])
    .toSorted();
}
