import { type Condition, LedgerError, type Store } from './store.ts';

/**
 * Writes a small file. Where that fails it is read again: the store may have written it, and its answer was lost. Then
 * it is written, and its etag is known.
 *
 * @returns its new etag
 * @throws {LedgerError} where it is not what was written, or cannot be read
 */
export async function writeSurely(store: Store, path: string, text: string, condition: Condition): Promise<string> {
  try {
    return await store.write(path, text, condition);
  } catch (error) {
    const now = error instanceof LedgerError ? await store.read(path).catch(() => undefined) : undefined;
    if (now?.text !== text) throw error;
    return now.etag;
  }
}

/** The same for what is added to a file of `length` bytes. @returns its new length */
export async function appendSurely(store: Store, path: string, text: string, length: number): Promise<number> {
  const bytes = Buffer.from(text);
  try {
    return await store.append(path, bytes, length);
  } catch (error) {
    const now = error instanceof LedgerError ? await store.read(path).catch(() => undefined) : undefined;
    const whole = now && Buffer.from(now.text);
    if (whole?.length !== length + bytes.length || !whole.subarray(length).equals(bytes)) throw error;
    return whole.length;
  }
}
