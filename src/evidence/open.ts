import type { TokenCredential } from '@azure/core-auth';
import type { InUse, InUseSource } from '../policy/in-use.ts';
import type { Clock } from '../registry/clock.ts';
import { listSource } from './list.ts';
import { fetchList } from './list-file.ts';
import type { Source } from './types.ts';

/** What sources are asked with. */
export interface Surroundings {
  /** Of the app. Asked for a token only where a source needs one. */
  readonly credential: TokenCredential;
  readonly clock: Clock;
}

/** The configured sources. Nothing is loaded or contacted before one is read: without a source nothing of it is needed. */
export function openSources({ sources, ...options }: InUse, surroundings: Surroundings): readonly Source[] {
  return sources.map((source) => openSource(source, options, surroundings));
}

function openSource(
  source: InUseSource,
  { listMaxAgeMilliseconds: maxAgeMilliseconds, root = process.cwd() }: Omit<InUse, 'sources'>,
  { credential, clock }: Surroundings,
): Source {
  const { text: name } = source;
  switch (source.kind) {
    case 'list': {
      const fetch = (signal?: AbortSignal) => fetchList(source.from, { credential, clock, root }, signal);
      return listSource({ name, fetch, maxAgeMilliseconds, now: clock.now });
    }
    case 'kube':
      return later(name, async () => (await import('./kubernetes.ts')).configuredCluster(name, source.context, clock));
    case 'aks':
    case 'containerapps':
    case 'appservice':
    case 'aci':
      return later(name, () => Promise.reject(new Error('this version cannot read it')));
  }
}

/** A source whose libraries are loaded once it is read. */
function later(name: string, open: () => Promise<Source>): Source {
  return { name, read: async (registry, signal) => (await open()).read(registry, signal) };
}
