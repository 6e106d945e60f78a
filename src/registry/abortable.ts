import type { ContentReader } from './content.ts';
import { StoppedError } from './errors.ts';
import type { RegistryReader } from './types.ts';

/**
 * A reader whose calls end with `StoppedError` as soon as the signal is aborted, whatever they wait for. Their requests end,
 * too.
 */
export function interruptible(reader: RegistryReader, signal: AbortSignal): RegistryReader {
  // One listener for all calls: adding one to a signal takes longer the more it has.
  const waiting = new Set<() => void>();
  signal.addEventListener('abort', () => {
    for (const stop of waiting) stop();
  });
  function stopping<T>(asked: string, ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new StoppedError(asked));
      if (signal.aborted) {
        stop();
        return;
      }
      waiting.add(stop);
      const done = (): unknown => waiting.delete(stop);
      ask().finally(done).then(resolve, reject);
    });
  }
  return {
    loginServer: reader.loginServer,
    manifestCount: (repository) => stopping('look at a repository', () => reader.manifestCount(repository, signal)),
    attributes: (repository) => stopping('look at a repository', () => reader.attributes(repository, signal)),
    manifestAttributes: (repository, digest) =>
      stopping('look at a manifest', () => reader.manifestAttributes(repository, digest, signal)),
    repositories: (size) => stopping('list the repositories', () => reader.repositories(size, signal)),
    tags: (repository) => stopping('list the tags', () => reader.tags(repository, signal)),
    lookAtTags: (repository, names, total) =>
      stopping('look at tags', () => reader.lookAtTags(repository, names, total, signal)),
    manifests: (repository) => stopping('list the manifests', () => reader.manifests(repository, signal)),
    manifest: (repository, digest) => stopping('read a manifest', () => reader.manifest(repository, digest, signal)),
    referrers: (repository, digest) =>
      stopping('ask for referrers', () => reader.referrers(repository, digest, signal)),
    ...(reader.content && { content: contentOf(reader.content) }),
  };

  function contentOf(content: ContentReader): ContentReader {
    return {
      manifest: (repository, reference) =>
        stopping('read a manifest', () => content.manifest(repository, reference, signal)),
      // Its stream ends by itself: the signal is that of the call.
      blob: (repository, digest) => stopping('read a blob', () => content.blob(repository, digest, signal)),
      hasBlob: (repository, digest) => stopping('look for a blob', () => content.hasBlob(repository, digest, signal)),
      deletedManifests: (repository) =>
        stopping('list what is deleted', () => content.deletedManifests(repository, signal)),
      deletedTags: (repository) => stopping('list what is deleted', () => content.deletedTags(repository, signal)),
    };
  }
}
