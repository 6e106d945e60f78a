import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { maybeNumber, maybeText, number, type Shape, text, time, word, yes } from './schema-fields.ts';
import { parse } from './parse.ts';
import { idOf, isRunId, pathsOf, registryKey, timeOf } from './paths.ts';
import { redactSentences } from './redact/redact.ts';
import { ConflictError, DamagedError, type Store, writeSurely } from './store/store.ts';

/*
 * Which messages were sent. What is to be said follows from the record of the runs; here stands what of it was said, so that
 * nothing is said twice, and nothing is forgotten where a process is killed.
 *
 *     runs/<run>/notified/<news>.<receiver>.json      what was sent of a run
 *     not-begun/<id>/event.json                        a run that could not be begun (`NotBegun`)
 *     not-begun/<id>/<receiver>.json                   and what was sent of it
 *     overdue/<registry>/<since>/<receiver>.json       what was sent of a schedule that is not kept
 *     receivers/<receiver>.<kind>.json                 since when a receiver is told of a kind
 *
 * A message is claimed before it is sent: a file is created, which only one process can do. A process that is killed after
 * that leaves the claim, and whether it has sent the message is not known. It is not sent again then: a message that is
 * missing is named in the log, one that came twice would be taken for two events.
 */

/** An event that messages are sent of. */
export type EventKey =
  | { readonly of: 'run'; readonly runId: string; readonly news: string }
  | { readonly of: 'not-begun'; readonly id: string }
  | { readonly of: 'overdue'; readonly registry: string; readonly since: Date };

/** A run that could not be begun, so that no run is recorded. */
export interface NotBegun {
  /** Like a run's. */
  readonly id: string;
  /** Absent: of no registry, because the settings are wrong. */
  readonly registry?: string;
  readonly at: string;
  readonly why: string;
}

/** What is recorded of one message to one receiver. */
interface MessageRecord {
  /**
   * - `claimed`: a process is sending it, or was killed while it did
   * - `sent`
   * - `failed`: it was certainly not taken
   * - `unknown`: no answer said whether it was taken
   * - `lost`: the process that had claimed it was killed
   */
  readonly state: 'claimed' | 'sent' | 'failed' | 'unknown' | 'lost';
  readonly at: string;
  /** How often it was claimed. */
  readonly claims: number;
  /** Of the claim. */
  readonly claim: string;
  /** It may be sent again. */
  readonly again?: true;
  readonly why?: string;
  /** HTTP status of the answer. */
  readonly status?: number;
}

/** A message that is not sent, and that no process is sending. */
interface Open {
  readonly state: 'open';
  /** It was not taken before. */
  readonly isRetry: boolean;
  /** @returns `undefined` where another process was quicker */
  readonly claim: () => Promise<Claimed | undefined>;
}

/** A message that this process is to send, and no other. */
interface Claimed {
  readonly record: (result: Pick<MessageRecord, 'state' | 'why' | 'status' | 'again'>) => Promise<void>;
}

export interface Messages {
  /**
   * Looks whether a message is to be sent.
   * @returns `lost`: the process that had claimed it is gone, which is told once; `undefined`: there is nothing to send
   */
  readonly look: (key: EventKey, receiver: string) => Promise<Open | { readonly state: 'lost' } | undefined>;
  /** Since when a receiver is told of a kind of event: since the first call. */
  readonly toldSince: (receiver: string, kind: string) => Promise<Date>;
  readonly noteNotBegun: (note: NotBegun) => Promise<void>;
  readonly notBegun: (from: Date) => AsyncIterable<NotBegun>;
  /** Removes what is about events before. That of runs is removed with them. */
  readonly prune: (before: Date) => Promise<void>;
}

/** No message takes so long to be sent, with all attempts. */
const CLAIM_MS = 900_000;

/** Where a receiver is down, every call of the watch tries once: for a day. */
const MOST_CLAIMS = 24;

/** Between two claims of one message: not each run that ends meanwhile tries again. */
const PAUSE_MS = 600_000;

const messageSchema = z.looseObject({
  state: z.enum(['claimed', 'sent', 'failed', 'unknown', 'lost']),
  at: time,
  claims: number,
  claim: text,
  again: yes,
  why: maybeText,
  status: maybeNumber,
} satisfies Shape<MessageRecord>);

const notBegunSchema = z.looseObject({ id: text, registry: maybeText, at: time, why: text } satisfies Shape<NotBegun>);
const sinceSchema = z.looseObject({ since: time, kind: word() });

/** Names a receiver without its address, the same as long as that is the same. */
export function receiverKey(address: string): string {
  return createHash('sha256').update(`receiver ${address}`).digest('hex').slice(0, 32);
}

const NOT_BEGUN = 'not-begun/';
const OVERDUE = 'overdue/';

function pathOf(key: EventKey, receiver: string): string {
  switch (key.of) {
    case 'run':
      return `${pathsOf(key.runId).folder}notified/${key.news}.${receiver}.json`;
    case 'not-begun':
      return `${NOT_BEGUN}${key.id}/${receiver}.json`;
    case 'overdue':
      return `${OVERDUE}${registryKey(key.registry)}/${idOf(key.since)}/${receiver}.json`;
  }
}

export function messagesIn(store: Store): Messages {
  const { clock } = store.system;
  const now = (): string => new Date(clock.now()).toISOString();
  const lines = (value: unknown): string => `${JSON.stringify(redactSentences(value))}\n`;
  const writeMessage = (path: string, message: MessageRecord, condition: 'absent' | { readonly etag: string }) =>
    writeSurely(store, path, lines(message), condition);

  return {
    async look(key, receiver) {
      const path = pathOf(key, receiver);
      const file = await store.read(path);
      const before = file && parse(store, path, messageSchema, file.text);
      const condition = file ? { etag: file.etag } : 'absent';
      const age = before === undefined ? Infinity : clock.now() - Date.parse(before.at);
      const isLost = before?.state === 'claimed' && age > CLAIM_MS;
      const isAgain = before?.again === true && before.claims < MOST_CLAIMS && age > PAUSE_MS;
      if (before && !isLost && !isAgain) return undefined;
      const claims = (before?.claims ?? 0) + 1;
      const claimed = async (): Promise<Claimed | undefined> => {
        // Tells this claim from one that another process makes at the same time.
        const claim = randomUUID();
        const etag = await unlessTaken(writeMessage(path, { state: 'claimed', at: now(), claims, claim }, condition));
        return etag === undefined
          ? undefined
          : {
              async record(result) {
                await writeMessage(path, { ...result, at: now(), claims, claim }, { etag });
              },
            };
      };
      if (!before || !isLost) return { state: 'open', isRetry: before !== undefined, claim: claimed };
      const lost = { ...before, state: 'lost', at: now(), claim: randomUUID() } as const;
      return (await unlessTaken(writeMessage(path, lost, condition))) === undefined ? undefined : { state: 'lost' };
    },
    async toldSince(receiver, kind) {
      const path = `receivers/${receiver}.${kind}.json`;
      const file = await store.read(path);
      if (file) return new Date(parse(store, path, sinceSchema, file.text).since);
      const since = now();
      try {
        await store.write(path, lines({ since, kind }), 'absent');
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
      }
      return new Date(since);
    },
    async noteNotBegun(note) {
      try {
        await store.write(`${NOT_BEGUN}${note.id}/event.json`, lines(note), 'absent');
      } catch (error) {
        // A step that is repeated notes it once more.
        if (!(error instanceof ConflictError)) throw error;
      }
    },
    async *notBegun(from) {
      for await (const id of store.folders(NOT_BEGUN)) {
        if (!isRunId(id) || id < idOf(from)) continue;
        const path = `${NOT_BEGUN}${id}/event.json`;
        const file = await store.read(path);
        try {
          if (file) yield parse(store, path, notBegunSchema, file.text);
        } catch (error) {
          // A damaged one does not hide the others.
          if (!(error instanceof DamagedError)) throw error;
        }
      }
    },
    async prune(before) {
      const isOld = (id: string): boolean => timeOf(id) < before;
      for await (const id of store.folders(NOT_BEGUN))
        if (isRunId(id) && isOld(id))
          for await (const path of store.list(`${NOT_BEGUN}${id}/`)) await store.remove(path);
      for await (const path of store.list(OVERDUE)) {
        const [, , since = ''] = path.split('/');
        if (isOld(since)) await store.remove(path);
      }
    },
  };
}

/** `undefined` where another process was quicker. */
async function unlessTaken<T>(writing: Promise<T>): Promise<T | undefined> {
  try {
    return await writing;
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}
