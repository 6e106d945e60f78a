import { writeChild, writeParent } from './batch.ts';
import { cancellationIn, withCancellation, writeCancellation } from './cancellation.ts';
import { type Checks, checksIn } from './checks.ts';
import { rememberUsed, type UsedImage, type UsedImages } from './in-use.ts';
import { hasJournals, type OpenRepository, readJournal } from './journal.ts';
import { type Messages, messagesIn } from './messages.ts';
import { linesFile, type LinesFile, linesFilesIn, type StoredLines } from './lines-file.ts';
import { parse, parseText, valuesOf } from './parse.ts';
import {
  allLayersOf,
  idOf,
  isRunId,
  layersPath,
  lockOfRepository,
  manifestCachePath,
  manifestCachesOf,
  openRuns,
  pathsOf,
  pullsPath,
  registryKey,
  reportCachePath,
  reportCachesOf,
  RUNS,
  timeOf,
  usedPath,
  watchedPath,
} from './paths.ts';
import { type KnownPulls, rememberPulls } from './pulls.ts';
import {
  changeQuarantine,
  listQuarantine,
  type QuarantineChange,
  type RepositoryQuarantine,
  readQuarantine,
} from './quarantine.ts';
import { asItStands, type LedgerReader, readLedger } from './reader.ts';
import type { Cancellation, Child, ParentRecord, RepositoryRecord, RunRecord, SelectedRepository } from './records.ts';
import { runSchema, selectedSchema, watchedSchema } from './schemas.ts';
import { shareLocks } from './store/lease.ts';
import { ConflictError, DamagedError, type Holder, LedgerError, type Lock, type Store } from './store/store.ts';
import { repositoriesWriter, type RepositoriesWriter, runWriter, type RunWriter, writeRun } from './writer.ts';

/** The record of all runs: written ahead of what is deleted, read back by people. Every method throws `LedgerError`. */
export interface Ledger extends LedgerReader, Checks {
  /**
   * Lets one run at a time change a registry.
   * @throws {HeldError} where another run does
   */
  readonly lock: (registry: string, holder: Holder) => Promise<Lock>;
  /**
   * The same for a run of many workers: all that give the same name hold the lock. It outlives the last of them by up to
   * `LOCK_SECONDS`, so that the next one finds it still held; `releaseShared` ends it.
   * @throws {HeldError} where another run holds it
   */
  readonly lockShared: (registry: string, holder: Holder, sharedBy: string) => Promise<Lock>;
  readonly releaseShared: (registry: string, sharedBy: string) => Promise<void>;
  /**
   * Lets one worker at a time change a repository.
   * @throws {HeldError} where another worker does
   */
  readonly lockRepository: (registry: string, repository: string, holder: Holder) => Promise<Lock>;
  /** Begins the record of a run. */
  readonly begin: (record: RunRecord) => Promise<RunWriter>;
  /** Opens the record of a run again: its process has ended, or several workers write it. */
  readonly reopen: (record: Pick<RunRecord, 'id'>) => Promise<RunWriter>;
  /** Writes repositories of a run whose record another process writes. */
  readonly writer: (id: string) => RepositoriesWriter;
  /**
   * Resumes a run that has ended.
   * @param change what its record is from now on; throws where it must not be resumed
   * @throws {ConflictError} where another process has just resumed it
   */
  readonly resume: (
    id: string,
    change: (record: RunRecord, repositories: readonly RepositoryRecord[]) => RunRecord,
  ) => Promise<ResumedRun>;
  /** Records what begins the runs of several registries together, once. */
  readonly beginParent: (record: ParentRecord) => Promise<void>;
  /** Records the run of one registry under its parent, or why there is none; replaces what was recorded before. */
  readonly child: (parentId: string, child: Child) => Promise<void>;
  /** Asks a run, or a parent, to end. Only the first request is recorded. */
  readonly cancel: (id: string, cancellation: Cancellation) => Promise<void>;
  /** The request that a run ends, if there is one. */
  readonly cancellation: (id: string) => Promise<Cancellation | undefined>;
  /** The repositories that a run selected; `undefined` where it was stopped before that. */
  readonly selected: (id: string) => Promise<readonly SelectedRepository[] | undefined>;
  /** Ids of the runs that may have deleted something in a registry, and have not ended. */
  readonly unfinished: (registry: string) => Promise<readonly string[]>;
  /** Takes a run off the unfinished ones: it cannot be completed. */
  readonly setAside: (id: string, registry: string) => Promise<void>;
  /** The repositories of an interrupted run that were being carried out. */
  readonly journals: (id: string) => AsyncIterable<OpenRepository>;
  /** One of them; `undefined` where the repository has no journal. */
  readonly journal: (id: string, repository: string) => Promise<OpenRepository | undefined>;
  /**
   * Changes the record of a run that other processes write, too: its plan, or its progress where it has several workers.
   * @throws {ConflictError} where another process has just written it
   */
  readonly changeRun: (id: string, change: (record: RunRecord) => RunRecord) => Promise<RunRecord>;
  /**
   * What the manifests of a repository hold, kept between runs.
   * @param check throws where it must not be written any more: another process may remember what this one has not seen
   */
  readonly manifestCache: (registry: string, repository: string, check?: () => void) => LinesFile;
  /** What the reports say that are attached to the images of a repository, kept between runs. `check`: as above. */
  readonly reportCache: (registry: string, repository: string, check?: () => void) => LinesFile;
  /** Removes what is kept of the manifests and reports of all repositories but these. */
  readonly pruneManifestCache: (registry: string, but: readonly string[]) => Promise<void>;
  /** What the manifests of a repository take up, kept between runs; `check` as above. */
  readonly layers: (registry: string, repository: string, check?: () => void) => LinesFile;
  /** The same of each repository of which it is known, in no order. */
  readonly allLayers: (registry: string) => AsyncIterable<StoredLines>;
  /**
   * Adds what is seen in use now, and forgets what was seen last before `since` (ISO 8601, UTC).
   * @returns all that is remembered then
   */
  readonly rememberUsed: (registry: string, seen: readonly UsedImage[], since: string) => Promise<UsedImages>;
  /**
   * Adds what a log says of pulls, and forgets what is older than `before` (ISO 8601, UTC).
   * @returns all that is known then
   */
  readonly rememberPulls: (registry: string, seen: KnownPulls, before: string) => Promise<KnownPulls>;
  /** What is in quarantine in a repository. */
  readonly quarantine: (registry: string, repository: string) => Promise<RepositoryQuarantine>;
  /** The same of each repository that has a record of it. */
  readonly quarantines: (registry: string) => AsyncIterable<RepositoryQuarantine>;
  /**
   * Changes what is in quarantine in a repository.
   * @returns what is there afterwards
   */
  readonly changeQuarantine: (
    registry: string,
    repository: string,
    change: (now: RepositoryQuarantine) => QuarantineChange,
  ) => Promise<RepositoryQuarantine>;
  /** Since when a registry's schedule is watched: since the first call. */
  readonly watchedSince: (registry: string, now: Date) => Promise<Date>;
  /** Which messages were sent. */
  readonly messages: Messages;
  /** Removes runs that began before, and says how many. */
  readonly prune: (before: Date) => Promise<number>;
}

/** A run that is resumed. */
export interface ResumedRun {
  readonly record: RunRecord;
  readonly written: RunWriter;
  /** What it recorded before of its repositories. */
  readonly repositories: readonly RepositoryRecord[];
}

export function openLedger(store: Store): Ledger {
  const reader = readLedger(store);
  const messages = messagesIn(store);

  const runUnlessDamaged = (id: string): Promise<RunRecord | undefined> =>
    reader.run(id).catch((error: unknown) => {
      if (error instanceof DamagedError) return undefined;
      throw error;
    });

  return {
    ...reader,
    ...checksIn(store),
    lock: (registry, holder) => store.lock(registryKey(registry), holder),
    lockShared: shareLocks((registry, holder, sharedBy) => store.lock(registryKey(registry), holder, { sharedBy })),
    releaseShared: (registry, sharedBy) => store.releaseShared(registryKey(registry), sharedBy),
    lockRepository: (registry, repository, holder) =>
      store.lock(lockOfRepository(registry, repository), holder, 'ephemeral'),
    async begin(record) {
      // First: what may delete must be found again, however early its process ends.
      if (!record.dryRun) await store.write(openRuns(record.registry) + record.id, '');
      return runWriter(store, record, await writeRun(store, record));
    },
    async reopen({ id }) {
      const { record, etag } = await current(store, id);
      return runWriter(store, record, etag);
    },
    writer: (id) => repositoriesWriter(store, id),
    async resume(id, change) {
      const { record, etag } = await current(store, id);
      const cancellation = await cancellationIn(store, id);
      const repositories = await Array.fromAsync(reader.repositories(id));
      const next = change(withCancellation(asItStands(record, store.system), cancellation), repositories);
      if (!next.dryRun) await store.write(openRuns(next.registry) + id, '');
      // Only the one that `change` was shown: a later request is about the resumed run.
      if (cancellation) await store.remove(pathsOf(id).cancellation);
      const written = runWriter(store, next, await writeRun(store, next, etag));
      // From now on they are what their own files say.
      await store.remove(pathsOf(id).repositories);
      return { record: next, written, repositories };
    },
    beginParent: (record) => writeParent(store, record),
    child: (parentId, child) => writeChild(store, parentId, child),
    cancel: (id, cancellation) => writeCancellation(store, id, cancellation),
    cancellation: (id) => cancellationIn(store, id),
    async selected(id) {
      const path = pathsOf(id).selected;
      const bytes = await store.stream(path);
      if (!bytes) return undefined;
      return Array.fromAsync(valuesOf(store, path, selectedSchema, bytes));
    },
    async unfinished(registry) {
      const ids: string[] = [];
      for await (const path of store.list(openRuns(registry))) {
        const id = path.slice(openRuns(registry).length);
        const file = await store.read(pathsOf(id).run);
        if (mayBeUnfinished(file?.text) || (await hasJournals(store, id))) ids.push(id);
        // The record of a process that was killed may be on its way to the store still.
        else if (!file && id > idOf(new Date(store.system.clock.now() - MAY_COME_MS))) continue;
        // It ended between two steps: nothing was deleted before its record was there, or after that was closed.
        else await store.remove(path);
      }
      return ids;
    },
    setAside: (id, registry) => store.remove(openRuns(registry) + id),
    async *journals(id) {
      const { allJournals } = pathsOf(id);
      for await (const path of store.list(allJournals)) {
        const found = await readJournal(store, path);
        if (found) yield found;
      }
    },
    journal: (id, repository) => readJournal(store, pathsOf(id).journal(repository)),
    async changeRun(id, change) {
      const { record, etag } = await current(store, id);
      const changed = change(record);
      await writeRun(store, changed, etag);
      return changed;
    },
    manifestCache: (registry, repository, check) => linesFile(store, manifestCachePath(registry, repository), check),
    reportCache: (registry, repository, check) => linesFile(store, reportCachePath(registry, repository), check),
    async pruneManifestCache(registry, but) {
      const still = new Set(
        but.flatMap((repository) => [manifestCachePath(registry, repository), reportCachePath(registry, repository)]),
      );
      for (const folder of [manifestCachesOf(registry), reportCachesOf(registry)])
        for await (const path of store.list(folder)) if (!still.has(path)) await store.remove(path);
    },
    layers: (registry, repository, check) => linesFile(store, layersPath(registry, repository), check),
    allLayers: (registry) => linesFilesIn(store, allLayersOf(registry)),
    rememberUsed: (registry, seen, since) => rememberUsed(store, usedPath(registry), seen, since),
    rememberPulls: (registry, seen, before) => rememberPulls(store, pullsPath(registry), seen, before),
    quarantine: (registry, repository) => readQuarantine(store, registry, repository),
    quarantines: (registry) => listQuarantine(store, registry),
    changeQuarantine: (registry, repository, change) => changeQuarantine(store, registry, repository, change),
    watchedSince: (registry, now) => watchedSince(store, registry, now),
    messages,
    async prune(before) {
      let removed = 0;
      for await (const id of store.folders(RUNS)) {
        if (!isRunId(id)) continue;
        if (timeOf(id) >= before) break;
        // However long ago it began: what it deletes must be found in its record.
        if ((await runUnlessDamaged(id))?.state === 'running') continue;
        // The record last: what is half removed is found again.
        const { folder, run } = pathsOf(id);
        for await (const path of store.list(folder)) if (path !== run) await store.remove(path);
        await store.remove(run);
        removed += 1;
      }
      await messages.prune(before);
      return removed;
    },
  };
}

/** A storage account may carry a write out so long after its process has ended. Network timeouts are far below. */
const MAY_COME_MS = 3_600_000;

/** Of a run that is marked as open; where its record is damaged, too. */
function mayBeUnfinished(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    return parseText(runSchema, text).state === 'running';
  } catch {
    return true;
  }
}

async function current(store: Store, id: string): Promise<{ readonly record: RunRecord; readonly etag: string }> {
  const path = pathsOf(id).run;
  const file = await store.read(path);
  if (!file) throw new LedgerError(`the ledger in ${store.place} has no run ${id}`);
  return { record: parse(store, path, runSchema, file.text), etag: file.etag };
}

/** Since when a registry's schedule is watched: the time of the first call is recorded, once. */
async function watchedSince(store: Store, registry: string, now: Date): Promise<Date> {
  const path = watchedPath(registry);
  const file = await store.read(path);
  if (file) return new Date(parse(store, path, watchedSchema, file.text).since);
  try {
    await store.write(path, `${JSON.stringify({ since: now.toISOString() })}\n`, 'absent');
  } catch (error) {
    // Another process has just recorded it.
    if (!(error instanceof ConflictError)) throw error;
  }
  return now;
}
