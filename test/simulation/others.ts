import type { RegistryState } from '../../src/dev/emulator/index.ts';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import { imageOf, indexOf, REPOSITORIES, signatureOf, TAGS } from './contents.ts';
import { type RegistryService, short } from './registry.ts';
import type { World } from './world.ts';

/** What other clients do to the registry. */
export type Deed = 'push' | 'lock' | 'hide' | 'deleted-by-others' | 'repository';

/** Does one deed to something that is there now. @param key of the draws that decide what */
export function others(world: World, { contents }: RegistryService, deed: Deed, key: string): void {
  const { draws } = world;
  const state = contents.repositories();
  const names = Object.keys(state).sort();
  const [first, ...rest] = names;
  if (first === undefined) return;
  const name = draws.pick(`repository ${key}`, [first, ...rest]);
  const repository = state[name] ?? { manifests: [], tags: [] };
  const bodies = repository.manifests.map(({ body }) => body).sort();
  const body = bodies[draws.index(`manifest ${key}`, bodies.length)] ?? '';
  const digest = digestOf(body);
  const tag = repository.tags.map((one) => one.name).sort()[draws.index(`tag ${key}`, repository.tags.length)];
  const what = draws.number(`what ${key}`);
  const tell = (text: string): void => {
    world.tell(`another client ${text} in ${name}`);
  };
  switch (deed) {
    case 'push': {
      const tagName = draws.pick(`new tag ${key}`, TAGS);
      if (what < 0.3) {
        tell(`tags ${short(digest)} ${tagName}`);
        contents.tag(name, tagName, digest);
      } else if (what < 0.55) {
        const image = imageOf(`pushed ${key}`);
        tell(`pushes ${short(digestOf(image))} as ${tagName}`);
        contents.push(name, image, { tag: tagName });
      } else if (what < 0.75) {
        const index = indexOf(`pushed ${key}`, [body]);
        const named = draws.number(`named ${key}`) < 0.6;
        tell(`pushes the index ${short(digestOf(index))} of ${short(digest)}${named ? ` as ${tagName}` : ''}`);
        contents.push(name, index, named ? { tag: tagName } : {});
      } else if (what < 0.9) {
        const referrer = imageOf(`pushed ${key}`, body);
        tell(`attaches ${short(digestOf(referrer))} to ${short(digest)}`);
        contents.push(name, referrer);
      } else {
        const signature = imageOf(`pushed ${key}`);
        tell(`signs ${short(digest)} with ${short(digestOf(signature))}`);
        contents.push(name, signature, { tag: signatureOf(digest) });
      }
      return;
    }
    case 'lock': {
      const lock =
        draws.number(`off ${key}`) < 0.25 ? { deleteEnabled: true, writeEnabled: true } : { deleteEnabled: false };
      const reference = what < 0.45 ? tag : what < 0.9 ? digest : undefined;
      tell(`${lock.deleteEnabled ? 'unlocks' : 'locks'} ${reference === undefined ? 'all' : short(reference)}`);
      contents.lock(name, reference, lock);
      return;
    }
    case 'hide': {
      const reference = what < 0.3 ? tag : digest;
      if (reference === undefined) return;
      const listEnabled = draws.number(`off ${key}`) < 0.25;
      tell(`${listEnabled ? 'shows' : 'hides'} ${short(reference)}`);
      contents.lock(name, reference, { listEnabled });
      return;
    }
    case 'deleted-by-others':
      if (what < 0.5 && tag !== undefined) {
        tell(`deletes the tag ${tag}`);
        contents.untag(name, tag);
      } else {
        tell(`deletes ${short(digest)}`);
        contents.remove(name, digest);
      }
      return;
    case 'repository':
      if (what < 0.4) {
        tell('deletes everything');
        deleteAll(contents, name, state);
      } else {
        const missing = [...REPOSITORIES, 'shop/new'].find((one) => state[one] === undefined);
        if (missing === undefined) return;
        world.tell(`another client pushes the first image of ${missing}`);
        contents.push(missing, imageOf(`first ${key}`), { tag: 'v1', age: 30 * 86_400 });
      }
      return;
  }
}

function deleteAll(contents: RegistryService['contents'], name: string, state: RegistryState): void {
  for (const { body } of state[name]?.manifests ?? []) {
    const isThere = contents.repositories()[name]?.manifests.some((one) => one.body === body) ?? false;
    if (isThere) contents.remove(name, digestOf(body));
  }
}
