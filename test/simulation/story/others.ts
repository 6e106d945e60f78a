import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import { imageOf, indexOf, REPOSITORIES, signatureOf, TAGS } from './contents.ts';
import { type RegistryService, short } from '../registry/registry.ts';
import type { World } from '../world/world.ts';

/** What other clients do to the registry. */
export type Deed = 'push' | 'lock' | 'hide' | 'readable' | 'deleted-by-others' | 'repository';

/** What a deed is done to, and how it is drawn. */
interface Target {
  readonly world: World;
  readonly registry: RegistryService;
  readonly key: string;
  readonly name: string;
  /** Of a manifest that is there. */
  readonly body: string;
  readonly digest: string;
  /** A tag that is there. */
  readonly tag: string | undefined;
  /** A tag that is there, or not yet. */
  readonly newTag: string;
  /** From 0 to 1: which of the ways to do it. */
  readonly what: number;
}

/** What a deed is done to, where it is no other one's turn. */
export interface Aim {
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string | undefined;
}

/**
 * Does one deed to something that is there now.
 * @param key of the draws that decide what
 * @param given absent: it is drawn
 */
export function others(world: World, registry: RegistryService, deed: Deed, key: string, given?: Aim): void {
  const { draws } = world;
  const state = registry.contents.repositories();
  const [first, ...rest] = Object.keys(state).sort();
  if (first === undefined) return;
  // Half of the time what a process has to do with right now.
  const aim = given ?? (draws.number(`aimed ${key}`) < 0.5 ? registry.asked : undefined);
  const isThere = aim !== undefined && state[aim.repository] !== undefined;
  const name = isThere ? aim.repository : draws.pick(`repository ${key}`, [first, ...rest]);
  const { manifests = [], tags = [] } = state[name] ?? {};
  const bodies = manifests.map((one) => one.body).sort();
  const names = tags.map((one) => one.name).sort();
  const aimed = tags.find((one) => one.name === aim?.reference);
  const aimedDigest = aimed?.digest ?? aim?.reference;
  const body =
    bodies.find((one) => digestOf(one) === aimedDigest) ?? bodies[draws.index(`manifest ${key}`, bodies.length)] ?? '';
  const tag = aimed?.name ?? names[draws.index(`tag ${key}`, names.length)];
  const what = draws.number(`what ${key}`);
  const newTag = aimed?.name ?? draws.pick(`new tag ${key}`, TAGS);
  DEEDS[deed]({ world, registry, key, name, body, digest: digestOf(body), tag, newTag, what });
}

const DEEDS: Readonly<Record<Deed, (target: Target) => void>> = {
  push(target) {
    const { registry, name, body, digest, newTag: tag, what, key } = target;
    const { draws } = target.world;
    if (what < 0.3) {
      tell(target, `tags ${short(digest)} ${tag}`);
      registry.tag(name, tag, digest);
    } else if (what < 0.55) {
      const image = imageOf(`pushed ${key}`);
      tell(target, `pushes ${short(digestOf(image))} as ${tag}`);
      registry.push(name, image, tag);
    } else if (what < 0.75) {
      const index = indexOf(`pushed ${key}`, [body]);
      const isNamed = draws.number(`named ${key}`) < 0.6;
      tell(target, `pushes the index ${short(digestOf(index))} of ${short(digest)}${isNamed ? ` as ${tag}` : ''}`);
      registry.push(name, index, isNamed ? tag : undefined);
    } else if (what < 0.9) {
      const referrer = imageOf(`pushed ${key}`, body);
      tell(target, `attaches ${short(digestOf(referrer))} to ${short(digest)}`);
      registry.push(name, referrer);
    } else {
      const signature = imageOf(`pushed ${key}`);
      tell(target, `signs ${short(digest)} with ${short(digestOf(signature))}`);
      registry.push(name, signature, signatureOf(digest));
    }
  },
  lock(target) {
    const { world, registry, key, name, tag, digest, what } = target;
    const isLocked = world.draws.number(`off ${key}`) >= 0.25;
    const reference = what < 0.45 ? tag : what < 0.9 ? digest : undefined;
    tell(target, `${isLocked ? 'locks' : 'unlocks'} ${reference === undefined ? 'all' : short(reference)}`);
    registry.change(name, reference, isLocked ? { deleteEnabled: false } : { deleteEnabled: true, writeEnabled: true });
  },
  hide(target) {
    const { world, registry, key, name, tag, digest, what } = target;
    const reference = what < 0.3 ? (tag ?? digest) : digest;
    const listEnabled = world.draws.number(`off ${key}`) < 0.25;
    tell(target, `${listEnabled ? 'shows' : 'hides'} ${short(reference)}`);
    registry.change(name, reference, { listEnabled });
  },
  readable(target) {
    const { world, registry, key, name, tag, digest, what } = target;
    const reference = what < 0.35 ? (tag ?? digest) : digest;
    const readEnabled = world.draws.number(`off ${key}`) < 0.7;
    tell(target, `makes ${short(reference)} ${readEnabled ? 'readable' : 'unreadable'}`);
    registry.change(name, reference, { readEnabled });
  },
  'deleted-by-others': (target) => {
    const { registry, name, tag, digest, what } = target;
    if (what < 0.5 && tag !== undefined) {
      tell(target, `deletes the tag ${tag}`);
      registry.untag(name, tag);
    } else {
      tell(target, `deletes ${short(digest)}`);
      registry.remove(name, digest);
    }
  },
  repository(target) {
    const { world, registry, key, name, what } = target;
    if (what < 0.4) {
      tell(target, 'deletes everything');
      registry.removeAll(name);
      return;
    }
    const there = registry.contents.repositories();
    const missing = [...REPOSITORIES, 'shop/new'].find((one) => there[one] === undefined);
    if (missing === undefined) return;
    world.tell(`another client pushes the first image of ${missing}`);
    registry.push(missing, imageOf(`first ${key}`), 'v1');
  },
};

function tell({ world, name }: Target, text: string): void {
  world.tell(`another client ${text} in ${name}`);
}
