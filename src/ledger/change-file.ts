import { parse, type SchemaFor } from './parse.ts';
import { ConflictError, type Store } from './store/store.ts';

/** How often a change is tried that another process comes before with its own. */
const MOST_CONFLICTS = 20;

/**
 * Changes a file that several processes change, each from what the one before has left: none loses what another has added.
 * @param change what is in the file now, `undefined` where there is none; it answers what shall be in it, and what is told
 * @throws {ConflictError} where the file can never be written as it was read
 */
export async function changeFile<T, R>(
  store: Store,
  path: string,
  schema: SchemaFor<T>,
  change: (now: T | undefined) => { readonly content: object; readonly told: R },
): Promise<R> {
  for (let conflicts = 0; ; conflicts += 1) {
    const file = await store.read(path);
    const { content, told } = change(file && parse(store, path, schema, file.text));
    try {
      await store.write(path, `${JSON.stringify({ format: 1, ...content })}\n`, file ? { etag: file.etag } : 'absent');
      return told;
    } catch (error) {
      if (!(error instanceof ConflictError) || conflicts === MOST_CONFLICTS) throw error;
    }
  }
}
