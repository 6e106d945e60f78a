import { type Decision, type Decisions, errorOf } from '../planner/decision.ts';
import { hasJournals, type Locks, writeJournal } from './journal.ts';
import { toGzippedLines } from './ndjson.ts';
import { openRuns, pathsOf } from './paths.ts';
import { plannedOf } from './plan-hash.ts';
import type { RepositoryRecord, RunRecord, SelectedRepository } from './records.ts';
import { redactSentences } from './redact/redact.ts';
import { ConflictError, type Lock, type Store } from './store/store.ts';
import { writeSurely } from './store/store.ts';
import type { RepositorySummary } from './summary.ts';

/** Writes the repositories of a run, also from a process that does not write the record of the run. */
export interface RepositoriesWriter {
  /** Of the run. */
  readonly id: string;
  /**
   * Records which repositories the run is about, so that a process that resumes it need not list them again.
   * @throws {ConflictError} where that is recorded already
   */
  readonly select: (repositories: readonly SelectedRepository[]) => Promise<void>;
  readonly repository: (name: string) => RepositoryWriter;
}

/** Writes one run. */
export interface RunWriter extends RepositoriesWriter {
  /** @throws {ConflictError} where another process has written the record: then it works on the run instead of this one */
  readonly update: (change: Partial<RunRecord>) => Promise<void>;
  /**
   * Closes the record, unless deletions are open whose outcome is not recorded: a later run closes it then.
   * @param repositories all that the run had to do with; absent: those that were recorded
   */
  readonly end: (
    change: Partial<RunRecord>,
    repositories?: readonly RepositoryRecord[],
    options?: EndOptions,
  ) => Promise<void>;
}

interface EndOptions {
  /** Repositories whose journals are not needed any more once the record is closed. */
  readonly settled?: readonly string[];
  /** Of the locks: where one is lost by now, what comes after the record itself is left as it is. */
  readonly check?: () => void;
}

/** Writes one repository in a run. */
export interface RepositoryWriter {
  /**
   * Records what was decided, for good or until it is carried out.
   * @param check called right before it is recorded: what it throws is thrown, and nothing is recorded
   */
  readonly write: (summary: RepositorySummary, decisions: Decisions, check?: () => void) => Promise<RepositoryRecord>;
  /** To be durable before the next intent is. */
  readonly settled: (decisions: readonly Decision[]) => void;
  /** Durable when it resolves: only then may these artifacts be deleted, and these locks be taken off. */
  readonly intend: (keys: readonly string[], locks?: Locks) => Promise<void>;
  /** The same as `write`, and removes the journal that was written here. */
  readonly close: RepositoryWriter['write'];
  /** The same as `write`, and removes the journal of another process. */
  readonly recovered: (summary: RepositorySummary, decisions: Decisions, check?: () => void) => Promise<void>;
}

/** What of a run is written under locks. */
type UnderLock = Pick<RunWriter, 'select' | 'repository'>;

/** @returns what throws {ConflictError} once one of these locks is not held any more */
export function checkHeld(locks: readonly Pick<Lock, 'isHeld'>[]): () => void {
  return () => {
    if (locks.some((lock) => !lock.isHeld()))
      throw new ConflictError('a lock was lost, and another process may write instead');
  };
}

/**
 * The same, as long as locks are held: a process that stood still must not write over what another one has written since.
 * @returns what throws {ConflictError} once one of them is not held any more
 */
export function whileHeld(written: UnderLock, locks: readonly Pick<Lock, 'isHeld'>[]): UnderLock {
  const check = checkHeld(locks);
  const held =
    <A, B, T>(write: (first: A, second: B, check: () => void) => Promise<T>) =>
    async (first: A, second: B): Promise<T> => {
      check();
      // Once more at its end: the process may stand still in the middle.
      return write(first, second, check);
    };
  return {
    select(repositories) {
      check();
      return written.select(repositories);
    },
    repository(name) {
      const { write, settled, intend, close, recovered } = written.repository(name);
      return { settled, write: held(write), intend: held(intend), close: held(close), recovered: held(recovered) };
    },
  };
}

export function repositoriesWriter(store: Store, id: string): RepositoriesWriter {
  return {
    id,
    async select(repositories) {
      await store.write(pathsOf(id).selected, toGzippedLines(repositories), 'absent');
    },
    repository: (name) => repositoryWriter(store, id, name),
  };
}

/** @param firstEtag of the record as it is in the store */
export function runWriter(store: Store, first: RunRecord, firstEtag: string): RunWriter {
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
        etag = await writeRun(store, record, etag);
      } catch (error) {
        if (!(error instanceof ConflictError)) maybe = textOf(record);
        throw error;
      }
    });
    last = next.catch(() => undefined);
    return next;
  };
  return {
    ...repositoriesWriter(store, record.id),
    update,
    async end(change, repositories, { settled = [], check = () => undefined } = {}) {
      // First: it fails where another process has the run now, and nothing else is written then.
      await update(change);
      try {
        if (repositories) {
          await store.write(paths.repositories, toGzippedLines(repositories.map(withoutSecrets)), { check });
          // No lock says of a dry run that it was resumed while this process stood still, and that this list is old.
          if ((await store.read(paths.run))?.etag !== etag) await store.remove(paths.repositories);
        }
        check();
      } catch (error) {
        // Another process may have resumed the run since. Without the list, repositories are read from their own files.
        if (error instanceof ConflictError) return;
        throw error;
      }
      for (const name of settled) await store.remove(paths.journal(name));
      if (!(await hasJournals(store, record.id))) await store.remove(openRuns(record.registry) + record.id);
    },
  };
}

/** @param etag that the record must have; absent: there must be none */
export function writeRun(store: Store, record: RunRecord, etag?: string): Promise<string> {
  return writeSurely(store, pathsOf(record.id).run, textOf(record), etag === undefined ? 'absent' : { etag });
}

function textOf(record: RunRecord): string {
  return `${JSON.stringify(redactSentences(record))}\n`;
}

function repositoryWriter(store: Store, id: string, repository: string): RepositoryWriter {
  const paths = pathsOf(id);
  const journal = writeJournal(store, paths.journal(repository), repository);
  const write: RepositoryWriter['write'] = async (summary, decisions, check) => {
    const record: RepositoryRecord = { summary, planned: await plannedOf(decisions) };
    await store.write(
      paths.decisions(repository),
      toGzippedLines(
        (function* () {
          yield withoutSecrets(record);
          for (const decision of decisions) yield withoutSecrets(decision);
        })(),
      ),
      check && { check },
    );
    return record;
  };
  return {
    write,
    settled: journal.add,
    intend: journal.intend,
    async close(summary, decisions, check) {
      const record = await write(summary, decisions, check);
      if (journal.begun()) await store.remove(paths.journal(repository));
      return record;
    },
    async recovered(summary, decisions, check) {
      await write(summary, decisions, check);
      await store.remove(paths.journal(repository));
    },
  };
}

/** What a registry answers may repeat what it was sent. Most entries hold no answer of it. */
function withoutSecrets<T extends RepositoryRecord | Decision>(entry: T): T {
  const error = 'summary' in entry ? entry.summary.error : errorOf(entry);
  return error ? redactSentences(entry) : entry;
}
