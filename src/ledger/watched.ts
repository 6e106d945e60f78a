import { parse } from './parse.ts';
import { watchedPath } from './paths.ts';
import { ConflictError, type Store } from './store/store.ts';

/** Since when a registry's schedule is watched: since somebody first asked. That is written down, once. */
export async function watchedSince(store: Store, registry: string, now: Date): Promise<Date> {
  const path = watchedPath(registry);
  const file = await store.read(path);
  if (file) return new Date(parse<{ readonly since: string }>(store, path, file.text).since);
  try {
    await store.write(path, `${JSON.stringify({ since: now.toISOString() })}\n`, 'absent');
  } catch (error) {
    // Somebody else has just asked for the first time.
    if (!(error instanceof ConflictError)) throw error;
  }
  return now;
}
