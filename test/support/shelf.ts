import { realSystem } from '../../src/ledger/store/system.ts';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { checkLockName, checkPath, checkPrefix } from '../../src/ledger/store/store.ts';
import {
  ConflictError,
  type Content,
  HeldError,
  type Holder,
  LedgerError,
  type Lock,
  LOCK_SECONDS,
  type LockUse,
  type Store,
} from '../../src/ledger/store/store.ts';
import type { Execution } from './durable.ts';

/** What may be killed: an execution of an activity. */
export type Mortal = Pick<Execution, 'signal' | 'moment'>;

/**
 * A store in memory that many workers share, as they share Blob Storage: what a worker holds that is killed runs out by
 * itself, by the clock of the test, and nobody can tell before that it has died.
 */
export interface Shelf {
  /** As somebody has it who is not killed. */
  readonly store: Store;
  /** The same for a worker: once it is killed, nothing of it is done any more, and it hears of nothing. */
  readonly worker: (mortal: Mortal) => Store;
  /** Names of what is held by somebody who lives and has not released it. */
  readonly held: () => readonly string[];
  /** Names of the locks that have left something behind. */
  readonly locks: () => readonly string[];
  /** Takes a lock away from whoever holds it. */
  readonly steal: (name: string) => void;
  /** Told of every change, right after it. */
  readonly onChange: (hook: (() => void) | undefined) => void;
}

interface Held {
  readonly holder: Holder;
  readonly sharedBy: string | undefined;
  readonly grips: Set<AbortController>;
  /** Until when it is held where nobody has a grip on it. */
  until: number;
}

export function newShelf(now: () => number): Shelf {
  const files = new Map<string, Buffer>();
  const locks = new Map<string, Held>();
  let onChange: (() => void) | undefined;
  const place = 'memory';
  const etagOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const conflict = (path: string): ConflictError =>
    new ConflictError(`the ledger is written by somebody else: ${path}`);
  const isHeld = ({ grips, until }: Held): boolean => grips.size > 0 || now() < until;

  function take(name: string, holder: Holder, use: LockUse | undefined, mortal: Mortal | undefined): Lock {
    checkLockName(name);
    const sharedBy = typeof use === 'object' ? use.sharedBy : undefined;
    const found = locks.get(name);
    const isShared = found !== undefined && sharedBy !== undefined && found.sharedBy === sharedBy;
    if (found && isHeld(found) && !isShared) throw new HeldError(name, found.holder);
    const held = found && isShared ? found : { holder, sharedBy, grips: new Set<AbortController>(), until: 0 };
    locks.set(name, held);
    const grip = new AbortController();
    held.grips.add(grip);
    const runOut = (): void => {
      if (held.grips.delete(grip)) held.until = now() + LOCK_SECONDS * 1000;
    };
    mortal?.signal.addEventListener('abort', runOut, { once: true });
    return {
      lost: grip.signal,
      isHeld: () => !grip.signal.aborted,
      release() {
        mortal?.signal.removeEventListener('abort', runOut);
        if (sharedBy !== undefined) runOut();
        else if (held.grips.delete(grip) && use === 'ephemeral' && locks.get(name) === held) locks.delete(name);
        return Promise.resolve();
      },
    };
  }

  const storeOf = (mortal: Mortal | undefined): Store => {
    const alive = (): void => {
      if (mortal?.signal.aborted) throw new LedgerError('the worker was killed');
    };
    const looking = async <T>(look: () => T): Promise<T> => {
      alive();
      await Promise.resolve();
      alive();
      return look();
    };
    // A worker may be killed right after a change: as good as right before the next one.
    const changing = async <T>(change: () => T): Promise<T> => {
      alive();
      await Promise.resolve();
      alive();
      const made = change();
      onChange?.();
      mortal?.moment();
      alive();
      return made;
    };
    async function* below(prefix: string): AsyncGenerator<string> {
      checkPrefix(prefix);
      for (const path of await looking(() => [...files.keys()].filter((path) => path.startsWith(prefix)).sort()))
        yield path;
    }
    return {
      place,
      system: realSystem,
      read: (path) =>
        looking(() => {
          const bytes = files.get(path);
          return bytes && { text: bytes.toString(), etag: etagOf(bytes) };
        }),
      size: (path) => looking(() => files.get(path)?.length),
      stream: (path) =>
        looking(() => {
          const bytes = files.get(path);
          return bytes && Readable.from([bytes], { objectMode: false });
        }),
      async write(path, content, condition) {
        checkPath(path);
        const bytes = await bytesOf(content);
        return changing(() => {
          const known = files.get(path);
          if (condition === 'absent' && known) throw conflict(path);
          if (typeof condition === 'object' && 'etag' in condition && (!known || etagOf(known) !== condition.etag))
            throw conflict(path);
          if (typeof condition === 'object' && 'check' in condition) condition.check();
          files.set(path, bytes);
          return etagOf(bytes);
        });
      },
      append: (path, bytes, length) =>
        changing(() => {
          checkPath(path);
          if (bytes.length === 0) return length;
          const known = files.get(path);
          if (length === 0 ? known : known?.length !== length) throw conflict(path);
          files.set(path, Buffer.concat([known ?? Buffer.alloc(0), bytes]));
          return length + bytes.length;
        }),
      remove: (path) => changing(() => void files.delete(path)),
      list: below,
      async *folders(prefix) {
        const names = new Set<string>();
        for await (const path of below(prefix)) {
          const [name = '', ...rest] = path.slice(prefix.length).split('/');
          if (rest.length > 0) names.add(name);
        }
        yield* names;
      },
      lock: (name, holder, use) => changing(() => take(name, holder, use, mortal)),
      releaseShared: (name, sharedBy) =>
        changing(() => {
          const held = locks.get(name);
          if (held?.sharedBy === sharedBy) locks.set(name, { ...held, grips: new Set(), until: 0 });
        }),
    };
  };

  return {
    store: storeOf(undefined),
    worker: storeOf,
    held: () => [...locks].filter(([, { grips }]) => grips.size > 0).map(([name]) => name),
    locks: () => [...locks.keys()],
    steal(name) {
      const held = locks.get(name);
      locks.delete(name);
      for (const grip of held?.grips ?? []) grip.abort(new LedgerError(`the lock on ${name} was lost`));
    },
    onChange(hook) {
      onChange = hook;
    },
  };
}

async function bytesOf(content: Content): Promise<Buffer> {
  if (typeof content === 'string') return Buffer.from(content);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}
