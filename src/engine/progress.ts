import type { RunWriter } from '../ledger/writer.ts';
import { ConflictError } from '../ledger/store/store.ts';
import type { Activity, RunProgress } from '../ledger/records.ts';
import type { Clock } from '../registry/clock.ts';
import type { ContentReader } from '../registry/content.ts';
import type { DeletionResult, Registry, RegistryReader, Sending } from '../registry/types.ts';

/** How often the record of a running run says how far it is. */
const PROGRESS_MS = 5_000;

/** Repositories under way that a record names: a run may have 32 at once, and its record stays small. */
const MAX_WORKING = 8;

/** What a run is at. `planning and deleting`: one repository after the other, since no guard has to see all plans first. */
export type Stage =
  | 'listing repositories'
  | 'planning'
  | 'checking guards'
  | 'deleting'
  | 'planning and deleting'
  | 'restoring'
  | 'finishing';

/** How far a run is, for the person who waits for it. Counts are of this process. */
export interface RunView {
  readonly stage: Stage;
  readonly done: number;
  readonly of: number;
  /** Repositories that are planned, and are carried out later. */
  readonly planned: number;
  /** Tags and manifests that were listed, and manifests that were read. */
  readonly looked: number;
  readonly deleted: number;
  /** Artifacts that the plans of this process delete; it grows while it plans. */
  readonly toDelete: number;
  /** Repositories under way. */
  readonly working: readonly string[];
}

export interface ProgressOptions {
  readonly clock: Clock;
  readonly written: Pick<RunWriter, 'update'>;
  /** Adds what a record should say besides. */
  readonly besides: () => Parameters<RunWriter['update']>[0];
  readonly onProgress: ((done: number, of: number) => void) | undefined;
  /** Called when another process took this one for ended, and has closed its record. */
  readonly onTaken: () => void;
  readonly everyMilliseconds?: number | undefined;
}

/** Tells the caller how far a run is, and now and then the ledger. */
export interface Progress {
  /** @param before repositories of a run that resumes, in which there is nothing left to do */
  readonly begin: (of: number, before: Iterable<string>) => void;
  /** A repository is planned, and is carried out later. */
  readonly planned: (repository: string, deletions: number) => void;
  /** A repository is not worked on any more: it is done, or is left. */
  readonly step: (repository: string, isDone: boolean) => void;
  /** The same registry, whose work is seen. */
  readonly watching: <R extends RegistryReader | Registry>(registry: R) => R;
  readonly now: () => RunProgress;
  readonly view: () => RunView;
  readonly at: (stage: Stage) => void;
  /** To be called before the record is closed. */
  readonly stop: () => void;
}

export function newProgress(options: ProgressOptions): Progress {
  const working = new Map<string, { listed: number; read: number; deleted: number }>();
  const planned = new Set<string>();
  const finished = new Set<string>();
  let of = 0;
  let isTold = true;
  let stage: Stage = 'listing repositories';
  const total = { looked: 0, deleted: 0, toDelete: 0 };
  const timer = options.clock.every(options.everyMilliseconds ?? PROGRESS_MS, () => {
    if (!isTold) tell();
  });

  const now = (): RunProgress => ({ done: finished.size, of, ...(planned.size > 0 && { planned: planned.size }) });
  const see = (repository: string, what: Partial<Omit<Activity, 'repository'>>): void => {
    isTold = false;
    const seen = working.get(repository) ?? { listed: 0, read: 0, deleted: 0 };
    seen.listed += what.listed ?? 0;
    seen.read += what.read ?? 0;
    seen.deleted += what.deleted ?? 0;
    total.looked += (what.listed ?? 0) + (what.read ?? 0);
    total.deleted += what.deleted ?? 0;
    working.set(repository, seen);
  };
  const over = (repository: string): void => {
    working.delete(repository);
    isTold = false;
  };

  return {
    now,
    stop: timer.cancel,
    view: () => ({
      stage,
      done: finished.size,
      of,
      planned: planned.size,
      ...total,
      working: [...working.keys()].slice(0, MAX_WORKING),
    }),
    at(now) {
      stage = now;
    },
    begin(count, before) {
      of = count;
      for (const repository of before) finished.add(repository);
      options.onProgress?.(finished.size, of);
      tell();
    },
    planned(repository, deletions) {
      over(repository);
      if (!planned.has(repository)) total.toDelete += deletions;
      planned.add(repository);
    },
    step(repository, isDone) {
      over(repository);
      planned.delete(repository);
      if (isDone) finished.add(repository);
      options.onProgress?.(finished.size, of);
    },
    watching: (registry) => watched(registry, see),
  };

  function tell(): void {
    isTold = true;
    const activities = Array.from(working, ([repository, seen]): Activity => ({ repository, ...seen }));
    const progress = { ...now(), ...(activities.length > 0 && { working: activities.slice(0, MAX_WORKING) }) };
    options.written.update({ ...options.besides(), progress }).catch((error: unknown) => {
      if (error instanceof ConflictError) options.onTaken();
    });
  }
}

type See = (repository: string, what: Partial<Omit<Activity, 'repository'>>) => void;

function watched<R extends RegistryReader | Registry>(registry: R, see: See): R {
  const reader: RegistryReader = {
    ...registry,
    async tags(repository, signal) {
      see(repository, {});
      const tags = await registry.tags(repository, signal);
      see(repository, { listed: tags?.length ?? 0 });
      return tags;
    },
    async manifests(repository, signal) {
      see(repository, {});
      const listing = await registry.manifests(repository, signal);
      see(repository, { listed: listing?.byDigest.size ?? 0 });
      return listing;
    },
    async manifest(repository, digest, signal) {
      const facts = await registry.manifest(repository, digest, signal);
      see(repository, { read: 1 });
      return facts;
    },
  };
  const { content } = registry;
  if (!('deleteTag' in registry))
    return { ...registry, ...reader, ...(content && { content: watchedContent(content, see) }) };
  const seen = (repository: string, result: DeletionResult): DeletionResult => {
    if (result.state === 'deleted') see(repository, { deleted: 1 });
    return result;
  };
  const { deleteTag, deleteManifest }: Registry = registry;
  return {
    ...registry,
    ...reader,
    deleteTag: async (repository: string, tag: string, sending: Sending) =>
      seen(repository, await deleteTag(repository, tag, sending)),
    deleteManifest: async (repository: string, digest: string, sending: Sending) =>
      seen(repository, await deleteManifest(repository, digest, sending)),
  };
}

/** What is read of the content of artifacts is work, too. */
function watchedContent(content: ContentReader, see: See): ContentReader {
  return {
    ...content,
    async manifest(repository, reference, signal) {
      const manifest = await content.manifest(repository, reference, signal);
      see(repository, { read: 1 });
      return manifest;
    },
    async blob(repository, digest, signal) {
      const blob = await content.blob(repository, digest, signal);
      see(repository, { read: 1 });
      return blob;
    },
  };
}
