import { Repository } from './repository.ts';
import { Shelf } from './shelf.ts';
import type { Attributes, ManifestState, RegistryState } from './types.ts';

/** Everything the registry holds. A repository is there as long as it has a manifest. */
export class Store {
  readonly repositories = new Shelf<Repository>();
  readonly start: Date;

  constructor(state: RegistryState, start: Date) {
    this.start = start;
    for (const [name, { manifests, tags, locked }] of Object.entries(state)) {
      for (const manifest of manifests) this.put(name, manifest);
      for (const tag of tags) this.find(name).putTag(tag);
      if (locked !== undefined && manifests.length > 0) this.find(name).attributes = locked;
    }
  }

  /** Adds a manifest, and the repository where it is the first. Returns its digest. */
  put(name: string, manifest: ManifestState): string {
    let repository = this.repositories.get(name);
    if (repository === undefined) {
      repository = new Repository(name, this.start);
      this.repositories.set(repository);
    }
    return repository.putManifest(manifest);
  }

  /** Removes a manifest and what goes with it; with its last manifest a repository leaves the catalog. */
  deleteManifest(repository: Repository, digest: string): readonly string[] {
    const gone = repository.deleteManifest(digest);
    if (repository.manifests.size === 0) this.repositories.delete(repository.key);
    return gone;
  }

  /** A repository a test names: one that is not there is the test's mistake. */
  find(name: string): Repository {
    const repository = this.repositories.get(name);
    if (repository === undefined) throw new Error(`there is no repository ${name}`);
    return repository;
  }

  /** Changes attributes behind the client's back. */
  lock(name: string, reference: string | undefined, attributes: Attributes): void {
    const repository = this.find(name);
    const target =
      reference === undefined
        ? repository
        : reference.includes(':')
          ? repository.manifests.get(reference)
          : repository.tags.get(reference);
    if (target === undefined) throw new Error(`${name} has no ${String(reference)}`);
    target.attributes = { ...target.attributes, ...attributes };
  }

  state(): RegistryState {
    return Object.fromEntries([...this.repositories.after('')].map((one) => [one.key, one.state()]));
  }

  tagsLeft(): readonly string[] {
    return [...this.repositories.values()]
      .flatMap((one) => [...one.tags.values()].map((tag) => `${one.key}:${tag.key}`))
      .sort();
  }

  manifestsLeft(): readonly string[] {
    return [...this.repositories.values()]
      .flatMap((one) => [...one.manifests.values()].map((manifest) => `${one.key}@${manifest.key}`))
      .sort();
  }
}
