import type { Attributes, ManifestState, RegistryState, TagState } from '../../../src/dev/emulator/index.ts';
import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import type { Draws } from '../world/draws.ts';

const OCI = 'application/vnd.oci.image';
const IMAGE = `${OCI}.manifest.v1+json`;
const INDEX = `${OCI}.index.v1+json`;

const DAY = 86_400;

/** All that a story may be about. Few names, so that what happens in it meets. */
export const REPOSITORIES = ['shop/app', 'shop/web', 'base'] as const;
export const TAGS = ['v1', 'v2', 'v3', 'v4', 'pr-1', 'pr-2', 'latest'] as const;

/** In each repository; some of them are not there. */
const ARTIFACTS = 8;

const LOCKS: readonly [Attributes, ...Attributes[]] = [
  { deleteEnabled: false },
  { writeEnabled: false },
  { deleteEnabled: false, writeEnabled: false },
];

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const descriptorOf = (body: string): Descriptor => ({
  mediaType: (JSON.parse(body) as { readonly mediaType: string }).mediaType,
  digest: digestOf(body),
  size: body.length,
});

/** @param mark makes it another image than every other one */
export function imageOf(mark: string, subject?: string): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(`config ${mark}`), size: 2 },
    layers: [],
    ...(subject !== undefined && { subject: descriptorOf(subject) }),
    annotations: { 'org.example.mark': mark },
  });
}

export function indexOf(mark: string, children: readonly string[], subject?: string): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: children.map(descriptorOf),
    ...(subject !== undefined && { subject: descriptorOf(subject) }),
    annotations: { 'org.example.mark': mark },
  });
}

export const signatureOf = (digest: string): string => `${digest.replace(':', '-')}.sig`;

/** What the registry holds when the story begins. Each part is drawn by itself, so that it can be left out. */
export function contentsOf(draws: Draws): RegistryState {
  const state: Record<string, RegistryState[string]> = {};
  for (const name of REPOSITORIES) {
    if (draws.number(`is there ${name}`) < 0.25) continue;
    const manifests: ManifestState[] = [];
    const tags = new Map<string, TagState>();
    for (let nth = 0; nth < ARTIFACTS; nth += 1) {
      const key = `${name} ${nth}`;
      if (!draws.happens('content', `artifact ${key}`, 0.6)) continue;
      const hidden = hiddenChildOf(draws, key, manifests);
      if (hidden) manifests.push(hidden);
      const body = hidden ? indexOf(key, [hidden.body]) : bodyOf(draws, key, manifests);
      const digest = digestOf(body);
      const age = ageOf(draws, `age ${key}`);
      manifests.push({ body, age, ...lockOf(draws, `manifest ${key}`) });
      for (const which of ['first', 'second']) {
        const tag = `tag ${key} ${which}`;
        if (!draws.happens('content', tag, which === 'first' ? 0.5 : 0.15)) continue;
        const tagName = draws.pick(`name ${tag}`, TAGS);
        tags.set(tagName, {
          name: tagName,
          digest,
          age: Math.min(age, ageOf(draws, `age ${tag}`)),
          ...lockOf(draws, tag),
        });
      }
      const signed = manifests[draws.index(`signed ${key}`, manifests.length)];
      if (signed && signed.body !== body && draws.happens('content', `signature ${key}`, 0.1)) {
        const tagName = signatureOf(digestOf(signed.body));
        tags.set(tagName, { name: tagName, digest, age });
      }
    }
    if (manifests.length > 0)
      state[name] = {
        manifests,
        tags: [...tags.values()],
        ...(draws.happens('content', `locked ${name}`, 0.03) && { locked: draws.pick(`lock ${name}`, LOCKS) }),
      };
  }
  return state;
}

function bodyOf(draws: Draws, key: string, before: readonly ManifestState[]): string {
  const any = (nth: number): string | undefined => before[draws.index(`part ${key} ${nth}`, before.length)]?.body;
  const shape = draws.number(`shape ${key}`);
  if (shape < 0.25 && before.length > 0) {
    const children = [any(0), any(1), any(2)].slice(0, 1 + draws.index(`children ${key}`, 3));
    const subject = draws.number(`attached ${key}`) < 0.25 ? any(3) : undefined;
    return indexOf(key, [...new Set(children.filter((child) => child !== undefined))], subject);
  }
  return imageOf(key, shape < 0.4 ? any(0) : undefined);
}

/** What an index needs that no listing shows, and that goes along with what it refers to. */
function hiddenChildOf(draws: Draws, key: string, before: readonly ManifestState[]): ManifestState | undefined {
  const subject = before[draws.index(`subject ${key}`, before.length)]?.body;
  if (subject === undefined || !draws.happens('content', `hidden child ${key}`, 0.03)) return undefined;
  return { body: imageOf(`hidden child ${key}`, subject), age: 50 * DAY, locked: { listEnabled: false } };
}

/** In seconds: mostly old enough or young, and now and then right at what `--ago` says. */
function ageOf(draws: Draws, key: string): number {
  const drawn = draws.number(key);
  if (drawn < 0.1) return 7 * DAY - draws.index(`${key} exactly`, 120) + 60;
  return drawn < 0.8 ? (20 + draws.index(`${key} days`, 40)) * DAY : draws.index(`${key} days`, 7 * DAY);
}

function lockOf(draws: Draws, key: string): { readonly locked?: Attributes } {
  // Some operators lock much of what they have.
  const rate = draws.number('locks much') < 0.15 ? 0.35 : 0.06;
  if (draws.happens('content', `locked ${key}`, rate)) return { locked: draws.pick(`lock ${key}`, LOCKS) };
  return draws.happens('content', `hidden ${key}`, 0.03) ? { locked: { listEnabled: false } } : {};
}
