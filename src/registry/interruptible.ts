import { StoppedError } from './error.ts';
import type { RegistryReader } from './types.ts';

/**
 * A reader that nobody waits for any more once the signal is aborted: what it was asked then ends with `StoppedError`.
 * A call under way is left to itself, for reading changes nothing.
 */
export function interruptible(reader: RegistryReader, signal: AbortSignal): RegistryReader {
  // One listener for all: a signal looks through all that it has for each one that is added.
  const waiting = new Set<() => void>();
  signal.addEventListener('abort', () => {
    for (const stop of waiting) stop();
  });
  const stopping =
    <A extends readonly unknown[], T>(asked: string, ask: (...about: A) => Promise<T>) =>
    (...about: A): Promise<T> =>
      new Promise((resolve, reject) => {
        const stop = (): void => reject(new StoppedError(asked));
        if (signal.aborted) {
          stop();
          return;
        }
        waiting.add(stop);
        const done = (): unknown => waiting.delete(stop);
        ask(...about)
          .finally(done)
          .then(resolve, reject);
      });
  return {
    loginServer: reader.loginServer,
    check: stopping('look at the registry', reader.check),
    manifestCount: stopping('look at a repository', reader.manifestCount),
    attributes: stopping('look at a repository', reader.attributes),
    manifestAttributes: stopping('look at a manifest', reader.manifestAttributes),
    repositories: stopping('list the repositories', reader.repositories),
    tags: stopping('list the tags', reader.tags),
    manifests: stopping('list the manifests', reader.manifests),
    manifest: stopping('read a manifest', reader.manifest),
    referrers: stopping('ask for referrers', reader.referrers),
  };
}
