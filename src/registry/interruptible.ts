import { StoppedError } from './error.ts';
import type { RegistryReader } from './types.ts';

/**
 * A reader that nobody waits for any more once the signal is aborted: what it was asked then ends with `StoppedError`.
 * A call under way is left to itself, for reading changes nothing.
 */
export function interruptible(reader: RegistryReader, signal: AbortSignal): RegistryReader {
  const stopping =
    <A extends readonly unknown[], T>(asked: string, ask: (...about: A) => Promise<T>) =>
    async (...about: A): Promise<T> => {
      if (signal.aborted) throw new StoppedError(asked);
      const listening = new AbortController();
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new StoppedError(asked)), { signal: listening.signal });
      });
      try {
        return await Promise.race([ask(...about), stopped]);
      } finally {
        listening.abort();
      }
    };
  return {
    loginServer: reader.loginServer,
    check: stopping('look at the registry', reader.check),
    manifestCount: stopping('look at a repository', reader.manifestCount),
    repositories: stopping('list the repositories', reader.repositories),
    tags: stopping('list the tags', reader.tags),
    manifests: stopping('list the manifests', reader.manifests),
    manifest: stopping('read a manifest', reader.manifest),
    referrers: stopping('ask for referrers', reader.referrers),
  };
}
