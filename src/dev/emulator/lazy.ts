import type { Repository } from './repository.ts';
import type { RepositoryState } from './types.ts';

export type Builders = Readonly<Record<string, () => RepositoryState>>;

/** Repositories that are filled at once. A client reads as many as it has calls in flight, at most. */
const filledAtOnce = 64;

/** Fills repositories when they are asked for, and empties those again that nobody has asked for in a while. */
export class Lazy {
  readonly #builders: Map<string, () => RepositoryState>;
  /** The least recently used first: a map keeps the order in which its keys were set. */
  readonly #filled = new Map<string, Repository>();

  constructor(builders: Builders) {
    this.#builders = new Map(Object.entries(builders));
  }

  fill(repository: Repository): void {
    const { key } = repository;
    const build = this.#builders.get(key);
    if (build === undefined) return;
    if (this.#filled.delete(key)) {
      this.#filled.set(key, repository);
      return;
    }
    repository.fill(build());
    this.#filled.set(key, repository);
    if (this.#filled.size <= filledAtOnce) return;
    for (const [oldest, emptied] of this.#filled) {
      emptied.empty();
      this.#filled.delete(oldest);
      return;
    }
  }

  /** A repository that is about to be changed is not built again. */
  keep(name: string): void {
    this.#builders.delete(name);
    this.#filled.delete(name);
  }
}
