import type { OpenSources } from '../../../src/engine/sources.ts';
import type { Evidence, Use } from '../../../src/evidence/types.ts';
import type { History } from '../invariants/history.ts';
import type { Kind } from '../world/draws.ts';
import type { Process, World } from '../world/world.ts';

/** Something that runs, by a tag or by a digest. True times. */
interface Workload {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly from: number;
}

/** What a source answered to a process. */
interface Answered {
  readonly process: Process;
  /** When it looked. */
  readonly at: number;
  readonly complete: boolean;
}

const RATES = { use: 0.5, silent: 0.12, slow: 0.15 } as const;
const QUICK_MS = 200;
const SLOW_MS = 100_000;

/** What runs somewhere, and the one source that says so. */
export class Cluster {
  readonly workloads: Workload[] = [];
  readonly answers: Answered[] = [];
  readonly #world: World;
  readonly #history: History;
  #reads = 0;

  constructor(world: World, history: History) {
    this.#world = world;
    this.#history = history;
  }

  /** Something of a registry is run from now on. */
  begin(key: string, from = this.#world.now): void {
    const { draws } = this.#world;
    const places = [...this.#history.repositories.keys()];
    const [first, ...others] = places;
    const repository = first === undefined ? '' : draws.pick(`where ${key}`, [first, ...others]);
    const held = this.#history.at(this.#world.now, repository);
    if (!held) return;
    const names = [...held.tags.map(({ tag }) => ({ tag })), ...held.manifests.map(({ digest }) => ({ digest }))];
    const what = names[draws.index(`what ${key}`, names.length)];
    if (!what) return;
    this.workloads.push({ repository, ...what, from });
    this.#world.tell(`a workload runs ${repository}${'tag' in what ? `:${what.tag}` : `@${what.digest.slice(0, 13)}`}`);
  }

  /** In some stories something runs from the beginning. */
  beginsWith(): void {
    for (let nth = 0; nth < 3; nth += 1)
      if (this.#world.draws.happens('use', `use ${nth} at first`, RATES.use)) this.begin(`use ${nth}`, -Infinity);
  }

  sourcesOf(process: Process): OpenSources {
    return () => [{ name: 'kube', read: () => this.#read(process) }];
  }

  #read(process: Process): Promise<Evidence> {
    this.#reads += 1;
    const { draws } = this.#world;
    const key = `${process.name} ${this.#reads}`;
    const happens = (kind: Kind, what: string, rate: number): boolean => draws.happens(kind, `${what} ${key}`, rate);
    const isSilent = happens('no-evidence', 'silent', RATES.silent);
    const back = happens('no-evidence', 'slow evidence', RATES.slow)
      ? draws.number(`how slow ${key}`) * SLOW_MS
      : QUICK_MS;
    return process.call(
      draws.number(`evidence there ${key}`) * QUICK_MS,
      (): Evidence => {
        const { now } = this.#world;
        this.answers.push({ process, at: now, complete: !isSilent });
        if (isSilent) this.#world.tell(`${process.name}: the cluster says nothing`);
        const facts = this.workloads.map(({ repository, tag, digest }): Use => ({
          repository,
          ...(tag !== undefined && { tag }),
          ...(digest !== undefined && { digest }),
          where: 'namespace shop, deployment api',
        }));
        const about = {
          source: 'kube',
          scope: 'all namespaces',
          observedAt: new Date(process.system.clock.now()).toISOString(),
        };
        if (isSilent) return { ...about, complete: false, problems: ['403'], facts: [] };
        return { ...about, complete: true, problems: [], facts };
      },
      back,
    );
  }
}
