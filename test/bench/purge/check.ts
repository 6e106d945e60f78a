import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import { leftOf, repositoryNames, repositoryOf, type Shape } from './data.ts';
import type { Difference } from './protocol.ts';

/** Compares what is left in a registry with what has to be. */
export function compare(
  emulator: Emulator,
  shape: Shape,
  { untouched, isPurged }: { readonly untouched: readonly string[]; readonly isPurged: boolean },
): Difference {
  const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
  const sizeLeft = left.size;
  const missing: string[] = [];
  let all = 0;
  repositoryNames(shape).forEach((name, n) => {
    const given = repositoryOf(n, name, shape.images);
    all += given.tags.length + given.manifests.length;
    const { tags, manifests } = !isPurged || untouched.includes(name) ? given : leftOf(n, name, shape.images);
    for (const one of [...tags.map((tag) => `${name}:${tag.name}`), ...manifests.map(({ body }) => `${name}@${digestOf(body)}`)]) {
      if (!left.delete(one)) missing.push(one);
    }
  }); // prettier-ignore
  // What was not struck from the list is too many.
  return { tooMany: [...left], missing, gone: all - sizeLeft };
}
