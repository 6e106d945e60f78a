import { z } from 'zod';
import type { Store } from '../../../src/ledger/store/store.ts';
import type { Patch } from '../registry/patch.ts';
import type { Conduct } from './conduct.ts';
import type { Hidden } from './run-rules.ts';
import type { Process, World } from '../world/world.ts';

/** A deletion that a process announced in a journal. */
export interface Intent {
  readonly process: string;
  readonly run: string;
  readonly repository: string;
  /** `:v1` or `@sha256:…` */
  readonly key: string;
  /** True time at which the process asked for it to be written. */
  readonly askedAt: number;
  /** True time at which the process knew that it is durable. */
  durableAt: number;
}

/** What is in the quarantine of a repository, as a process wrote it. */
export interface QuarantineWrite {
  readonly process: string;
  readonly repository: string;
  readonly entries: readonly QuarantineEntry[];
  /** True times, as of an intent. */
  readonly askedAt: number;
  durableAt: number;
}

const QuarantineFile = z.object({
  repository: z.string(),
  entries: z.array(
    z.object({
      kind: z.enum(['tag', 'manifest']),
      tag: z.string().optional(),
      digest: z.string(),
      tags: z.array(z.string()).readonly(),
      root: z.string(),
      state: z.enum(['pending', 'quarantined']),
      since: z.string(),
      until: z.string(),
      runId: z.string(),
      seen: z.string().optional(),
      wasUnreadable: z.literal(true).optional(),
    }),
  ),
});

/** What a ledger says of one artifact in quarantine. */
export type QuarantineEntry = z.output<typeof QuarantineFile>['entries'][number];

/** `:v1` or `@sha256:…` */
export const keyOfEntry = ({ kind, tag, digest }: QuarantineEntry): string =>
  kind === 'tag' ? `:${tag ?? ''}` : `@${digest}`;

const IntentLine = z.object({ repository: z.string(), intent: z.array(z.string()) });

/** A look that takes longer comes too late for what is deleted meanwhile. */
const SLOW_MS = 1_000;

/** Sees what processes write to the ledger, and changes nothing of it. */
export class Watch {
  readonly intents: Intent[] = [];
  readonly quarantines: QuarantineWrite[] = [];
  /** By run: the true time at which its record was first written. */
  readonly begun = new Map<string, number>();
  /**
   * Runs whose record took long to be written into a folder: the process, or the disk, may have stood still between
   * its look and the rename, and written over what another one had recorded. A folder has no condition for that.
   */
  readonly overdue = new Set<string>();
  /** When a process could not find out whether a run was cancelled. */
  readonly hidden: (Hidden & { readonly run: string })[] = [];
  /** By path: the true time at which a journal was there. */
  readonly #created = new Map<string, number>();
  /** By run: the true time at which its record was written last. */
  readonly #recorded = new Map<string, number>();
  /** What was written last, by path, where no answer has come. */
  readonly #doubtful = new Map<string, readonly { durableAt: number }[]>();
  readonly #world: World;
  readonly #conduct: Conduct;
  /** Runs whose guards were asked. */
  readonly #asked = new Set<string>();

  constructor(world: World, conduct: Conduct) {
    this.#world = world;
    this.#conduct = conduct;
  }

  /** The run for which a process wrote last that an artifact is in quarantine. */
  hiding(process: string, repository: string, key: string): string | undefined {
    const written = this.quarantines.filter((one) => one.process === process && one.repository === repository);
    const entries = written.flatMap((one) => one.entries.filter((entry) => keyOfEntry(entry) === key));
    return entries.at(-1)?.runId;
  }

  /** The run that a process changes something for. What makes something readable again is not announced. */
  runOf(process: string, repository: string, key: string, patch: Patch | undefined): string | undefined {
    if (patch === 'shows') return undefined;
    return patch === 'hides' ? this.hiding(process, repository, key) : this.intent(process, repository, key)?.run;
  }

  /** The last intent of a process for an artifact. @param before a true time */
  intent(process: string, repository: string, key: string, before = Infinity): Intent | undefined {
    return this.intents.findLast(
      (one) => one.process === process && one.repository === repository && one.key === key && one.askedAt <= before,
    );
  }

  /**
   * Whether a journal came to be after its run was closed: a process stood still in the middle of that, and no store but
   * one with conditions can hold it back. It is of no consequence: the process has lost its lock, and sends nothing.
   */
  isLate(path: string): boolean {
    const run = /^runs\/([^/]+)\/journal\//.exec(path)?.[1];
    return (this.#created.get(path) ?? 0) > (this.#recorded.get(run ?? '') ?? Infinity);
  }

  /** The store of a process, seen. @param counts what it is asked counts as moments and steps */
  watched(process: Process, store: Store, counts: boolean): Store {
    const asked = (what: string, path: string): void => {
      if (!counts) return;
      process.doing = `${what} ${kindOf(path)}`;
      this.#world.moment('store');
    };
    return {
      ...store,
      read: async (path) => {
        asked('read', path);
        const file = await this.#looking(process, path, store.read(path));
        // Where an answer is lost, the process finds out by this whether it was written.
        this.#known(this.#doubtful.get(path) ?? []);
        return file;
      },
      stream: (path) => {
        asked('read', path);
        return store.stream(path);
      },
      write: async (path, content, condition) => {
        asked('write', path);
        const run = /^runs\/([^/]+)\/run\.json$/.exec(path)?.[1];
        if (run !== undefined && !this.begun.has(run)) this.begun.set(run, this.#world.now);
        if (
          run !== undefined &&
          !this.#asked.has(run) &&
          typeof content === 'string' &&
          content.includes('"breakersAsked":true')
        ) {
          this.#asked.add(run);
          this.#world.moment('guards asked', process);
        }
        const quarantine = this.#quarantined(process, path, content);
        if (quarantine.length > 0) this.#doubtful.set(path, quarantine);
        const since = this.#world.now;
        const etag = await store.write(path, content, condition);
        this.#known(quarantine);
        if (run !== undefined) {
          this.#recorded.set(run, this.#world.now);
          // In Blob Storage the condition holds, however long it takes.
          if (!counts && this.#world.now - since > SLOW_MS) this.overdue.add(run);
        }
        return etag;
      },
      append: async (path, bytes, length) => {
        asked('append to', path);
        const intents = this.#announced(process, path, bytes);
        this.#doubtful.set(path, intents);
        const appended = await store.append(path, bytes, length);
        if (length === 0) this.#created.set(path, this.#world.now);
        this.#known(intents);
        return appended;
      },
      remove: (path) => {
        asked('remove', path);
        return store.remove(path);
      },
      lock: async (name, holder, use) => {
        asked('take', 'locks/');
        const askedAt = this.#world.now;
        const lock = await store.lock(name, holder, use);
        const by = typeof use === 'object' ? use.sharedBy : `${process.name} ${holder.runId}`;
        const gaveBack = this.#conduct.took(process, name, { by, askedAt, at: this.#world.now });
        // A worker shares the lock of the registry, and begins once it has that of a repository.
        if (typeof use !== 'object') this.#world.moment('lock taken', process);
        return {
          ...lock,
          release: () => {
            gaveBack();
            return lock.release();
          },
        };
      },
    };
  }

  /** A look whether a run was cancelled. */
  async #looking<T>(process: Process, path: string, look: Promise<T>): Promise<T> {
    const run = /^runs\/([^/]+)\/cancel\.json$/.exec(path)?.[1];
    if (run === undefined) return look;
    const one = { run, process: process.name, from: this.#world.now, to: Infinity };
    this.hidden.push(one);
    try {
      const found = await look;
      if (this.#world.now - one.from <= SLOW_MS) this.hidden.splice(this.hidden.indexOf(one), 1);
      return found;
    } finally {
      one.to = this.#world.now;
    }
  }

  #known(written: readonly { durableAt: number }[]): void {
    for (const one of written) one.durableAt = Math.min(one.durableAt, this.#world.now);
  }

  #quarantined(process: Process, path: string, content: unknown): readonly QuarantineWrite[] {
    if (!path.startsWith('quarantine/') || typeof content !== 'string') return [];
    const { repository, entries } = QuarantineFile.parse(JSON.parse(content));
    const write = { process: process.name, repository, entries, askedAt: this.#world.now, durableAt: Infinity };
    this.quarantines.push(write);
    return [write];
  }

  #announced(process: Process, path: string, bytes: Uint8Array): readonly Intent[] {
    const run = /^runs\/([^/]+)\/journal\//.exec(path)?.[1];
    if (run === undefined) return [];
    const announced: Intent[] = [];
    for (const line of Buffer.from(bytes).toString().split('\n')) {
      const found = line.includes('"intent"') ? IntentLine.safeParse(JSON.parse(line)).data : undefined;
      if (!found) continue;
      const { repository, intent } = found;
      const about = { process: process.name, run, repository, askedAt: this.#world.now, durableAt: Infinity };
      for (const key of intent) announced.push({ ...about, key });
    }
    this.intents.push(...announced);
    return announced;
  }
}

/** What a file is for: `run.json`, `journal`, `decisions`. */
function kindOf(path: string): string {
  const [top = '', , third = ''] = path.split('/');
  return top === 'runs' ? third : top;
}
