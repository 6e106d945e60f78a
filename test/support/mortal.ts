import type { Registry } from '../../src/registry/types.ts';
import type { Mortal } from './shelf.ts';

/**
 * A registry as a worker has it that may be killed when it has just asked for a deletion: that is carried out, and the
 * worker does not hear of it.
 */
export function mortal(registry: Registry, { signal, moment }: Mortal): Registry {
  const asking =
    <A extends readonly unknown[], T>(ask: (...about: A) => Promise<T>, onMoment: () => void = () => undefined) =>
    async (...about: A): Promise<T> => {
      signal.throwIfAborted();
      const asked = ask(...about);
      onMoment();
      const answer = await asked;
      signal.throwIfAborted();
      return answer;
    };
  return {
    loginServer: registry.loginServer,
    manifestCount: asking(registry.manifestCount),
    attributes: asking(registry.attributes),
    manifestAttributes: asking(registry.manifestAttributes),
    repositories: asking(registry.repositories),
    tags: asking(registry.tags),
    manifests: asking(registry.manifests),
    manifest: asking(registry.manifest),
    referrers: asking(registry.referrers),
    look: asking(registry.look),
    lookAtTags: asking(registry.lookAtTags),
    deleteTag: asking(registry.deleteTag, moment),
    deleteManifest: asking(registry.deleteManifest, moment),
    unlock: asking(registry.unlock, moment),
    relock: asking(registry.relock, moment),
    hide: asking(registry.hide, moment),
    show: asking(registry.show, moment),
    reserve: asking(registry.reserve),
    content: registry.content,
  };
}
