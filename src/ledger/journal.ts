import { type Decision, errorOf, keyOf, type LostLock } from '../planner/decision.ts';
import { timeOf } from '../registry/clock.ts';
import { redactSentences } from './redact/redact.ts';
import { lines } from './ndjson.ts';
import { parseText, unreadable } from './parse.ts';
import { pathsOf } from './paths.ts';
import { journalSchema } from './decision-schema.ts';
import type { Store } from './store/store.ts';
import { appendSurely } from './store/store.ts';

/*
 * The journal of one repository while its plan is carried out, in lines of JSON: intents, each durable before the registry
 * is asked to delete what it names, and the outcomes, a decision a line. The outcome of an artifact with an intent and no
 * decision after it is not known. An intent also says which locks may be taken off, and how they were: what is not deleted
 * in the end gets its lock back.
 */

/** A lock as it was. */
export type Lock = Pick<LostLock, 'deleteEnabled' | 'writeEnabled'>;

/** By the key of the artifact. */
export type Locks = Readonly<Record<string, Lock>>;

export interface Intent {
  readonly repository: string;
  /** Keys of artifacts, see `keyOf`. */
  readonly intent: readonly string[];
  /** Of those that are locked; absent: none is. */
  readonly locks?: Locks;
  /** ISO 8601. */
  readonly time: string;
}

/** Writes the journal of a repository: decisions are written together with the next intent. */
export interface Journal {
  /** Decisions that are to be durable before an intent is. */
  readonly add: (decisions: readonly Decision[]) => void;
  /** @throws {LedgerError} where it could not be written: then nothing may be deleted */
  readonly intend: (keys: readonly string[], locks?: Locks) => Promise<void>;
  /** Whether something was written. */
  readonly begun: () => boolean;
}

export function writeJournal(store: Store, path: string, repository: string): Journal {
  let waiting: string[] = [];
  let length = 0;
  return {
    add(decisions) {
      for (const decision of decisions)
        waiting.push(JSON.stringify(errorOf(decision) ? redactSentences(decision) : decision));
    },
    async intend(keys, locks = {}) {
      const isLocked = Object.keys(locks).length > 0;
      const intent: Intent = {
        repository,
        intent: keys,
        ...(isLocked && { locks }),
        time: timeOf(store.system.clock),
      };
      const text = [...waiting, JSON.stringify(intent), ''].join('\n');
      length = await appendSurely(store, path, text, length);
      waiting = [];
    },
    begun: () => length > 0,
  };
}

/** What a journal says. */
export interface Replayed {
  readonly repository: string | undefined;
  /** The last of each artifact, by key. */
  readonly decisions: Map<string, Decision>;
  /** Keys of artifacts with an intent and no outcome. */
  readonly open: Set<string>;
  /** Locks of these that may have been taken off. */
  readonly locks: Map<string, Lock>;
}

/**
 * Reads a journal back. A last line that was cut off is skipped: what it would have announced was not begun.
 * @throws {SyntaxError} for any other line that is none of the journal's
 */
export async function replay(bytes: AsyncIterable<Uint8Array>): Promise<Replayed> {
  const decisions = new Map<string, Decision>();
  const open = new Set<string>();
  const locks = new Map<string, Lock>();
  let repository: string | undefined;
  let number = 0;
  for await (const line of lines(bytes)) {
    const entry = parseText(journalSchema, line, (number += 1));
    ({ repository } = entry);
    if ('intent' in entry) {
      for (const key of entry.intent) {
        open.add(key);
        decisions.delete(key);
        const lock = entry.locks?.[key];
        if (lock) locks.set(key, lock);
      }
    } else {
      decisions.set(keyOf(entry), entry);
      open.delete(keyOf(entry));
      locks.delete(keyOf(entry));
    }
  }
  return { repository, decisions, open, locks };
}

/** A repository that was being carried out when its process ended. */
export interface OpenRepository extends Replayed {
  readonly repository: string;
}

/** Reads the journal at this path, and removes it where nothing was begun. @throws {DamagedError} for what is none */
export async function readJournal(store: Store, path: string): Promise<OpenRepository | undefined> {
  const replayed = await replayFile(store, path);
  if (!replayed) return undefined;
  if (replayed.repository !== undefined) return { ...replayed, repository: replayed.repository };
  // Cut off in its first line: nothing was begun.
  await store.remove(path);
  return undefined;
}

/** Reads the journal at this path, if there is one. @throws {DamagedError} for what is none */
export async function replayFile(store: Store, path: string): Promise<Replayed | undefined> {
  const bytes = await store.stream(path);
  try {
    return bytes && (await replay(bytes));
  } catch (cause) {
    throw cause instanceof SyntaxError ? unreadable(store, path, cause) : cause;
  }
}

export async function hasJournals(store: Store, id: string): Promise<boolean> {
  for await (const _ of store.list(pathsOf(id).allJournals)) return true;
  return false;
}
