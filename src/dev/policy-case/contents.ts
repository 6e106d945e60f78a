import { digestOf, image, index, referrer, type Built, type Platformed } from '../emulator/manifests.ts';
import type { ManifestState, RegistryState, RepositoryState, TagState } from '../emulator/types.ts';
import type { Found } from './found.ts';
import type { Entry, RegistryFile } from './registry-file.ts';

/*
 * The registry of a case as the embedded registry holds it, and how a person calls what is in it.
 */

/** What a decision is about, as a person calls it. */
export interface Item {
  readonly repository: string;
  /** `v1`, `@old`, `v1/amd64`, `@v1` for the image that has the tag v1. */
  readonly name: string;
  /** `:tag` or `@digest`, as decisions are told apart. */
  readonly key: string;
  /** It must be named. Absent: it follows others. */
  readonly isNamed: boolean;
  /** It is kept where one of these is kept, and deleted where all are. */
  readonly follows: readonly string[];
}

/** When something was pulled last, as the log of the registry has it. */
interface PulledOnce {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: string;
  /** ISO 8601, UTC. */
  readonly last: string;
}

/** That something runs from an image: by its tag, or by its digest. */
interface UsedOnce {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export interface Contents {
  readonly state: RegistryState;
  readonly used: readonly UsedOnce[];
  /** What is known of the vulnerabilities of images, by digest. */
  readonly found: ReadonlyMap<string, Found>;
  readonly pulls: readonly PulledOnce[];
  readonly items: readonly Item[];
}

export function contentsOf({ now, entries }: RegistryFile): Contents {
  const drafts = new Map<string, Draft>();
  for (const entry of entries) {
    const draft = drafts.get(entry.repository) ?? new Draft(entry.repository);
    drafts.set(entry.repository, draft);
    if (entry.sameAs === undefined) draft.add(entry);
  }
  for (const entry of entries)
    if (entry.sameAs !== undefined) drafts.get(entry.repository)?.tagAgain(entry, entry.sameAs);
  return {
    state: Object.fromEntries(
      [...drafts].map(([repository, draft]): [string, RepositoryState] => [repository, draft.state()]),
    ),
    pulls: [...drafts.values()].flatMap((draft) => draft.pulls(now)),
    used: [...drafts.values()].flatMap((draft) => draft.used),
    found: new Map([...drafts.values()].flatMap((draft) => draft.found)),
    items: [...drafts.values()].flatMap((draft) => draft.items()),
  };
}

const LOCKED = { deleteEnabled: false, writeEnabled: false };

const TYPES: Readonly<Record<string, string>> = {
  signature: 'application/vnd.cncf.notary.signature',
  sbom: 'application/spdx+json',
};

type About = Pick<Entry, 'age' | 'locked'>;

class Draft {
  readonly #repository: string;
  readonly #manifests: ManifestState[] = [];
  readonly #tags: TagState[] = [];
  readonly #items: Item[] = [];
  readonly #pulls: { readonly tag?: string; readonly digest: string; readonly age: number }[] = [];
  readonly used: UsedOnce[] = [];
  readonly found: (readonly [digest: string, found: Found])[] = [];
  /** The digest of each image, by the name of its entry, and the tags on it. */
  readonly #images = new Map<string, { readonly digest: string; readonly tags: string[] }>();

  constructor(repository: string) {
    this.#repository = repository;
  }

  /** Adds an image with what belongs to it. */
  add(entry: Entry): void {
    const { name, platforms, referrers, cosign, orphan } = entry;
    const isTag = !name.startsWith('@');
    const built = this.#build(entry);
    this.#push(built, entry);
    this.#images.set(name, { digest: built.digest, tags: isTag ? [name] : [] });
    if (isTag) this.#tag(name, built.digest, entry);
    this.#pull(entry, built.digest);
    this.#use(entry, built.digest);
    this.#find(entry, built.digest);
    const self = isTag ? `@${name}` : name;
    if (orphan === 'cosign') {
      const tag = cosignTag(digestOf(`${this.#idOf(name)}, gone`), 'sig');
      this.#tag(tag, built.digest, entry);
      this.#item(name, `:${tag}`, { isNamed: true });
      this.#item(`${name}/manifest`, `@${built.digest}`, { follows: [name] });
    } else if (!isTag) this.#item(name, `@${built.digest}`, { isNamed: true });
    const unlocked = { ...entry, locked: false };
    for (const platform of platforms) {
      const part = this.#platform(name, platform);
      this.#push(part, unlocked);
      this.#item(`${name}/${platform}`, `@${part.digest}`, { follows: [self] });
    }
    for (const kind of referrers) {
      const part = referrer(built, TYPES[kind] ?? `application/vnd.example.${kind}`, `${this.#idOf(name)}/${kind}`);
      this.#push(part, unlocked);
      this.#item(`${name}/${kind}`, `@${part.digest}`, { follows: [self] });
    }
    for (const kind of cosign) {
      const part = image(`${this.#idOf(name)}/cosign.${kind}`, { layers: 1 });
      const tag = cosignTag(built.digest, kind);
      this.#push(part, unlocked);
      this.#tag(tag, part.digest, unlocked);
      this.#item(`${name}/cosign.${kind}`, `:${tag}`, { follows: [self] });
      this.#item(`${name}/cosign.${kind}/manifest`, `@${part.digest}`, { follows: [self] });
    }
  }

  /** Puts a tag on an image that has one. */
  tagAgain(entry: Entry, other: string): void {
    const { name } = entry;
    const found = this.#images.get(other);
    if (!found) return;
    found.tags.push(name);
    this.#tag(name, found.digest, entry);
    this.#pull(entry, found.digest);
    this.#use(entry, found.digest);
  }

  state(): RepositoryState {
    return { manifests: this.#manifests, tags: this.#tags };
  }

  pulls(now: Date): readonly PulledOnce[] {
    return this.#pulls.map(({ age, ...about }) => ({
      ...about,
      repository: this.#repository,
      last: new Date(now.getTime() - age).toISOString(),
    }));
  }

  items(): readonly Item[] {
    const images = [...this.#images.values()].flatMap(({ digest, tags }): readonly Item[] => {
      const [first] = tags;
      if (first === undefined) return [];
      const about = { repository: this.#repository, isNamed: false, key: `@${digest}` };
      return [
        ...tags.map((name) => ({ ...about, name, key: `:${name}`, isNamed: true, follows: [] })),
        { ...about, name: `@${first}`, follows: tags },
      ];
    });
    return [...images, ...this.#items];
  }

  #idOf(name: string): string {
    return `${this.#repository}:${name}`;
  }

  #build({ name, platforms, orphan }: Entry): Built {
    const id = this.#idOf(name);
    if (orphan === 'referrer') return referrer(image(`${id}, gone`), 'application/spdx+json', id);
    if (platforms.length === 0) return image(id);
    return index(platforms.map((platform) => this.#platform(name, platform)));
  }

  #platform(name: string, platform: string): Platformed {
    const words = platform.split('/');
    const [os = '', architecture = '', variant] = words.length === 1 ? ['linux', ...words] : words;
    return { ...image(`${this.#idOf(name)}/${platform}`), os, architecture, ...(variant !== undefined && { variant }) };
  }

  #push({ body }: Built, { age, locked }: About): void {
    this.#manifests.push({ body, ...timed(age), ...(locked && { locked: LOCKED }) });
  }

  #tag(name: string, digest: string, { age, locked }: About): void {
    this.#tags.push({ name, digest, ...timed(age), ...(locked && { locked: LOCKED }) });
  }

  #pull({ name, pulled }: Entry, digest: string): void {
    if (pulled === undefined) return;
    this.#pulls.push({ digest, age: pulled, ...(!name.startsWith('@') && { tag: name }) });
  }

  #use({ repository, name, inUse }: Entry, digest: string): void {
    if (inUse) this.used.push(name.startsWith('@') ? { repository, digest } : { repository, tag: name });
  }

  #find({ scan, endOfLife }: Entry, digest: string): void {
    if (scan ?? endOfLife)
      this.found.push([digest, { ...(scan && { scan }), ...(endOfLife !== undefined && { endOfLife }) }]);
  }

  #item(
    name: string,
    key: string,
    { isNamed = false, follows = [] }: Partial<Pick<Item, 'isNamed' | 'follows'>>,
  ): void {
    this.#items.push({ repository: this.#repository, name, key, isNamed, follows });
  }
}

function timed(age: number | undefined): Pick<TagState, 'age' | 'lastUpdateTime'> {
  return age === undefined ? { age: 0, lastUpdateTime: null } : { age: age / 1000 };
}

function cosignTag(digest: string, kind: string): string {
  return `${digest.replace(':', '-')}.${kind}`;
}
