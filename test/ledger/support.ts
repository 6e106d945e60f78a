import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import {
  ConflictError,
  type HeldError,
  type LedgerError,
  type Lock,
  type Store,
} from '../../src/ledger/store/store.ts';

/** Those that succeed; of the others, all must have lost against them. */
export async function winners<T>(
  doing: readonly Promise<T>[],
  error: typeof LedgerError | typeof HeldError = ConflictError,
) {
  const settled = await Promise.allSettled(doing);
  const won = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const one of settled) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(error);
  expect(won).toHaveLength(1);
  return won;
}

export async function aborted({ lost }: Lock): Promise<void> {
  // The lock's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1000);
  if (!lost.aborted) await once(lost, 'abort');
  clearInterval(alive);
}

/** Also what is thrown before there is a promise. */
export async function attempting<T>(act: () => Promise<T>): Promise<T> {
  return act();
}

export async function streamed(store: Store, path: string): Promise<string | undefined> {
  const stream = await store.stream(path);
  return stream && text(stream);
}

export function chunks(content: string): AsyncIterable<Uint8Array> {
  return Readable.from([Buffer.from(content)]);
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
export async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(3 * 1024 * 1024);
  throw new Error('broken off');
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
export async function* large(
  size: number,
  hash: { update: (bytes: Uint8Array) => unknown },
): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < size;) {
    const piece = Buffer.alloc(Math.min(size - sent, 700_001), String(sent));
    hash.update(piece);
    yield piece;
    sent += piece.length;
  }
}
