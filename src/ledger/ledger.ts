import type { RepositorySummary } from './summary.ts';
import type { Decision, Decisions } from '../planner/decision.ts';
import { cancellationIn, withCancellation, writeCancellation } from './cancellation.ts';
import type { Locks, Replayed } from './journal.ts';
import { toGzippedLines } from './ndjson.ts';
import { redactTold } from './redact/redact.ts';
import { factsOf, factsPath, isRunId, lockOf, lockOfRepository, openRuns, pathsOf, RUNS, timeOf } from './paths.ts';
import { asItStands, linesOf, readLedger } from './read.ts';
import type { LedgerReader } from './reader.ts';
import { writeChild, writeParent } from './batch.ts';
import { parse, replayOf } from './parse.ts';
import { repositoryWriter, withoutSecrets } from './repository-writer.ts';
import { shareLocks } from './store/shared-lock.ts';
import { ConflictError, DamagedError, type Holder, LedgerError, type Lock, type Store } from './store/store.ts';
import { writeSurely } from './store/surely.ts';
import type { Cancellation, Child, ParentRecord, RepositoryRecord, RunRecord, SelectedRepository } from './records.ts';
import { watchedSince } from './watched.ts';

/** The record of all runs: written ahead of what is deleted, read back by people. Every method throws `LedgerError`. */
export interface Ledger extends LedgerReader {
  /**
   * Lets one run at a time change a registry.
   * @throws {HeldError} where another one does
   */
  readonly lock: (registry: string, holder: Holder) => Promise<Lock>;
  /**
   * The same for a run that many workers do together: all that give the same name hold it. It outlives the last of them
   * by up to `LOCK_SECONDS`, so that the next finds it still held; `giveUp` ends it.
   * @throws {HeldError} where another run holds it
   */
  readonly lockShared: (registry: string, holder: Holder, sharedBy: string) => Promise<Lock>;
  readonly giveUp: (registry: string, sharedBy: string) => Promise<void>;
  /**
   * Lets one worker at a time do something in a repository.
   * @throws {HeldError} where another one does
   */
  readonly lockRepository: (registry: string, repository: string, holder: Holder) => Promise<Lock>;
  /** Begins the record of a run. */
  readonly begin: (record: RunRecord) => Promise<RunWriter>;
  /** Goes on with the record of a run whose process has ended, or that several workers do. */
  readonly reopen: (record: Pick<RunRecord, 'id'>) => Promise<RunWriter>;
  /** Writes repositories of a run whose record another one writes. */
  readonly writing: (id: string) => Pick<RunWriter, 'id' | 'select' | 'repository'>;
  /**
   * Takes up a run again that has ended, as its next slice.
   * @param change what its record is from now on; throws where it must not go on
   * @throws {ConflictError} where another process has just done so
   */
  readonly goOn: (
    id: string,
    change: (record: RunRecord, repositories: readonly RepositoryRecord[]) => RunRecord,
  ) => Promise<GoneOn>;
  /** Records what begins the runs of several registries together, once. */
  readonly beginParent: (record: ParentRecord) => Promise<void>;
  /** Records what became of one registry under its parent, instead of what was recorded of it before. */
  readonly child: (parentId: string, child: Child) => Promise<void>;
  /** Asks a run, or a parent, to end, whoever works on it. The first to ask is the one that is remembered. */
  readonly cancel: (id: string, cancellation: Cancellation) => Promise<void>;
  /** Who asked a run to end, if somebody has. */
  readonly cancellation: (id: string) => Promise<Cancellation | undefined>;
  /** The repositories that a run selected; `undefined` where it was stopped before that. */
  readonly selected: (id: string) => Promise<readonly SelectedRepository[] | undefined>;
  /** Ids of the runs that may have deleted something in a registry, and have not ended. */
  readonly unfinished: (registry: string) => Promise<readonly string[]>;
  /** Does not look for this run any more: it cannot be completed. */
  readonly setAside: (id: string, registry: string) => Promise<void>;
  /** What is known of a run that broke off: its repositories that were being carried out. */
  readonly journals: (id: string) => AsyncIterable<OpenRepository>;
  /** The same of one repository; nothing where none of it is open. */
  readonly journal: (id: string, repository: string) => Promise<OpenRepository | undefined>;
  /**
   * Changes the record of a run that others may write, too: as a plan, or while several workers do it.
   * @throws {ConflictError} where somebody else has just done so
   */
  readonly changeRun: (id: string, change: (record: RunRecord) => RunRecord) => Promise<RunRecord>;
  /** Keeps what manifests of a repository hold, between runs. */
  readonly facts: (registry: string, repository: string) => LinesFile;
  /** Forgets what is known of any other repositories. */
  readonly forgetFacts: (registry: string, but: readonly string[]) => Promise<void>;
  /** Since when a registry's schedule is watched: since somebody first asked. */
  readonly watchedSince: (registry: string, now: Date) => Promise<Date>;
  /** Removes runs that began before, and says how many. */
  readonly prune: (before: Date) => Promise<number>;
}

/** A file of values, a line of JSON each. */
interface LinesFile {
  /** Its lines, several at a time; none where there is no such file. */
  readonly read: () => AsyncIterable<readonly string[]>;
  /** Writes it as a whole. */
  readonly write: (values: Iterable<unknown>) => Promise<void>;
}

/** A repository that was being carried out when its process ended. */
export interface OpenRepository extends Replayed {
  readonly repository: string;
}

/** A run that goes on. */
export interface GoneOn {
  readonly record: RunRecord;
  readonly written: RunWriter;
  /** What it recorded before of its repositories. */
  readonly repositories: readonly RepositoryRecord[];
}

/** Writes one run. */
export interface RunWriter {
  readonly id: string;
  /** Records which repositories the run is about, once (else it throws `ConflictError`): whoever goes on with it need not list them again. */
  readonly select: (repositories: readonly SelectedRepository[]) => Promise<void>;
  readonly repository: (name: string) => RepositoryWriter;
  /** @throws {ConflictError} where somebody else has written the record: the run is no longer this process's */
  readonly update: (change: Partial<RunRecord>) => Promise<void>;
  /**
   * Closes the record, unless deletions are open of which nobody knows what became: then a later run does.
   * @param repositories all that the run had to do with; absent: those that were recorded
   */
  readonly end: (change: Partial<RunRecord>, repositories?: readonly RepositoryRecord[]) => Promise<void>;
}

/** Writes one repository in a run. */
export interface RepositoryWriter {
  /** Records what was decided, for good or until it is carried out. */
  readonly write: (summary: RepositorySummary, decisions: Decisions) => Promise<RepositoryRecord>;
  /** To be durable before the next intent is. */
  readonly settled: (decisions: readonly Decision[]) => void;
  /** Durable when it resolves: only then may these artifacts be deleted, and these locks be taken off. */
  readonly intend: (keys: readonly string[], locks?: Locks) => Promise<void>;
  /** The same as `write`, and what was written meanwhile is not needed any more. */
  readonly close: (summary: RepositorySummary, decisions: Decisions) => Promise<RepositoryRecord>;
  /** The same, for what another process had begun. */
  readonly recovered: (summary: RepositorySummary, decisions: Decisions) => Promise<void>;
}

export function openLedger(store: Store): Ledger {
  const reader = readLedger(store);

  const runUnlessDamaged = (id: string): Promise<RunRecord | undefined> =>
    reader.run(id).catch((error: unknown) => {
      if (error instanceof DamagedError) return undefined;
      throw error;
    });

  const writeRun = (record: RunRecord, etag: string | undefined): Promise<string> =>
    writeSurely(store, pathsOf(record.id).run, textOf(record), etag === undefined ? 'absent' : { etag });

  const writing = (id: string): Pick<RunWriter, 'id' | 'select' | 'repository'> => ({
    id,
    async select(repositories) {
      await store.write(pathsOf(id).selected, toGzippedLines(repositories), 'absent');
    },
    repository: (name) => repositoryWriter(store, id, name),
  });

  function writerOf(first: RunRecord, firstEtag: string): RunWriter {
    const paths = pathsOf(first.id);
    let record = first;
    let etag = firstEtag;
    /** What may have been written: the store answered neither to that nor when it was read again. */
    let maybe: string | undefined;
    // One after the other: each needs the etag of the one before.
    let last: Promise<void> = Promise.resolve();
    const update = (change: Partial<RunRecord>): Promise<void> => {
      const next = last.then(async () => {
        record = { ...record, ...change };
        if (maybe !== undefined) {
          const now = await store.read(paths.run);
          if (now?.text === maybe) ({ etag } = now);
          maybe = undefined;
        }
        try {
          etag = await writeRun(record, etag);
        } catch (error) {
          if (!(error instanceof ConflictError)) maybe = textOf(record);
          throw error;
        }
      });
      last = next.catch(() => undefined);
      return next;
    };
    return {
      ...writing(record.id),
      update,
      async end(change, repositories) {
        // First, because it is written only by whoever the run still belongs to.
        await update(change);
        if (repositories) await store.write(paths.repositories, toGzippedLines(repositories.map(withoutSecrets)));
        if (!(await hasJournals(store, record.id))) await store.remove(openRuns(record.registry) + record.id);
      },
    };
  }

  return {
    ...reader,
    lock: (registry, holder) => store.lock(lockOf(registry), holder),
    lockShared: shareLocks((registry, holder, sharedBy) => store.lock(lockOf(registry), holder, { sharedBy })),
    giveUp: (registry, sharedBy) => store.giveUp(lockOf(registry), sharedBy),
    lockRepository: (registry, repository, holder) =>
      store.lock(lockOfRepository(registry, repository), holder, 'passing'),
    async begin(record) {
      // First: what may delete must be found again, however early its process ends.
      if (!record.dryRun) await store.write(openRuns(record.registry) + record.id, '');
      return writerOf(record, await writeRun(record, undefined));
    },
    async reopen({ id }) {
      const { record, etag } = await current(store, id);
      return writerOf(record, etag);
    },
    writing,
    async goOn(id, change) {
      const { record, etag } = await current(store, id);
      const cancellation = await cancellationIn(store, id);
      const repositories = await Array.fromAsync(reader.repositories(id));
      const next = change(withCancellation(asItStands(record), cancellation), repositories);
      if (!next.dryRun) await store.write(openRuns(next.registry) + id, '');
      // Only the one that `change` was shown: what is asked from here on is about the run that goes on.
      if (cancellation) await store.remove(pathsOf(id).cancellation);
      const written = writerOf(next, await writeRun(next, etag));
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
      const found: SelectedRepository[] = [];
      for await (const some of linesOf(store, path, bytes))
        for (const line of some) found.push(parse<SelectedRepository>(store, path, line));
      return found;
    },
    async unfinished(registry) {
      const ids: string[] = [];
      for await (const path of store.list(openRuns(registry))) {
        const id = path.slice(openRuns(registry).length);
        const file = await store.read(pathsOf(id).run);
        if (mayBeUnfinished(file?.text) || (await hasJournals(store, id))) ids.push(id);
        // It ended between two steps: nothing was deleted before its record was there, or after that was closed.
        else await store.remove(path);
      }
      return ids;
    },
    setAside: (id, registry) => store.remove(openRuns(registry) + id),
    async *journals(id) {
      const { allJournals } = pathsOf(id);
      for await (const path of store.list(allJournals)) {
        const found = await journalAt(store, path);
        if (found) yield found;
      }
    },
    journal: (id, repository) => journalAt(store, pathsOf(id).journal(repository)),
    async changeRun(id, change) {
      const { record, etag } = await current(store, id);
      const changed = change(record);
      await writeRun(changed, etag);
      return changed;
    },
    facts(registry, repository) {
      const path = factsPath(registry, repository);
      return {
        async *read() {
          yield* linesOf(store, path, await store.stream(path));
        },
        async write(values) {
          await store.write(path, toGzippedLines(values));
        },
      };
    },
    async forgetFacts(registry, but) {
      const still = new Set(but.map((repository) => factsPath(registry, repository)));
      for await (const path of store.list(factsOf(registry))) if (!still.has(path)) await store.remove(path);
    },
    watchedSince: (registry, now) => watchedSince(store, registry, now),
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
      return removed;
    },
  };
}

async function journalAt(store: Store, path: string): Promise<OpenRepository | undefined> {
  const bytes = await store.stream(path);
  if (!bytes) return undefined;
  const replayed = await replayOf(store, path, bytes);
  if (replayed.repository !== undefined) return { ...replayed, repository: replayed.repository };
  // Cut off in its first line: nothing was begun.
  await store.remove(path);
  return undefined;
}

async function hasJournals(store: Store, id: string): Promise<boolean> {
  for await (const _ of store.list(pathsOf(id).allJournals)) return true;
  return false;
}

/** Of a run that is marked as open; where its record is damaged, too. */
function mayBeUnfinished(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    return (JSON.parse(text) as RunRecord).state === 'running';
  } catch {
    return true;
  }
}

async function current(store: Store, id: string): Promise<{ readonly record: RunRecord; readonly etag: string }> {
  const path = pathsOf(id).run;
  const file = await store.read(path);
  if (!file) throw new LedgerError(`the ledger in ${store.place} has no run ${id}`);
  return { record: parse<RunRecord>(store, path, file.text), etag: file.etag };
}

function textOf(record: RunRecord): string {
  return `${JSON.stringify(redactTold(record))}\n`;
}
