import { createHash } from 'node:crypto';
import type { TokenCredential } from '@azure/core-auth';
import type { InUse, InUseSource } from '../policy/in-use.ts';
import type { Clock } from '../registry/clock.ts';
import type { AzureCloud } from './azure/clouds.ts';
import type { AzureOptions } from './azure/source.ts';
import { listSource } from './list.ts';
import { fetchList } from './list-file.ts';
import type { PullSource, PullSourceOptions, TriedSource } from './pulls.ts';
import type { Source, SourceOfAll } from './types.ts';

/** What sources are asked with. */
export interface Surroundings {
  /** Of the app. Asked for a token only where a source needs one. */
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** That the identity signs in to. */
  readonly cloud: AzureCloud;
}

/** The configured sources. Nothing is loaded or contacted before one is read: without a source nothing of it is needed. */
export function openSources({ sources, ...options }: InUse, surroundings: Surroundings): readonly Source[] {
  const about = [options, surroundings.cloud];
  return sources.map((source) => ({ ...openSource(source, options, surroundings), key: keyOf([source, ...about]) }));
}

/** Without what it is made of: an address may hold a key. */
const keyOf = (settings: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(settings)).digest('hex'); // prettier-ignore

function openSource(
  source: InUseSource,
  { listMaxAgeMilliseconds: maxAgeMilliseconds, root = process.cwd() }: Omit<InUse, 'sources'>,
  { credential, clock, cloud }: Surroundings,
): Source {
  const { text: name } = source;
  const azure: AzureOptions = { name, credential, clock, cloud };
  switch (source.kind) {
    case 'list': {
      const fetch = (signal?: AbortSignal) => fetchList(source.from, { credential, clock, root }, signal);
      return listSource({ name, fetch, maxAgeMilliseconds, now: clock.now });
    }
    case 'kube':
      return laterAll(name, async () =>
        (await import('./kubernetes.ts')).configuredCluster(name, source.context, clock),
      );
    case 'aks':
      return later(name, async () => {
        const { aksCluster, aksClusters } = await import('./azure/aks.ts');
        return 'cluster' in source ? aksCluster(azure, source.cluster) : aksClusters(azure, source.subscription);
      });
    case 'containerapps':
      return later(name, async () =>
        (await import('./azure/container-apps.ts')).containerApps(azure, source.subscription),
      );
    case 'appservice':
      return later(name, async () => (await import('./azure/app-service.ts')).appService(azure, source.subscription));
    case 'aci':
      return later(name, async () =>
        (await import('./azure/container-instances.ts')).containerInstances(azure, source.subscription),
      );
  }
}

/** A source whose libraries are loaded once it is read. */
function later(name: string, open: () => Promise<Source>): Source {
  return { name, read: async (registry, signal) => (await open()).read(registry, signal) };
}

/** One that can also say what is in use of all registries. */
function laterAll(name: string, open: () => Promise<SourceOfAll>): Source {
  return { ...later(name, open), readAll: async (signal) => (await open()).readAll(signal) };
}

/** What evidence calls the log of pulls. */
export const PULL_LOG = 'ContainerRegistryRepositoryEvents';

/** The log of pulls that registries write to Log Analytics. */
export function openPulls(options: Omit<PullSourceOptions, 'name'>): PullSource & TriedSource {
  const name = PULL_LOG;
  const open = async (): Promise<PullSource & TriedSource> =>
    (await import('./pulls.ts')).pullSource({ name, ...options });
  return {
    name,
    read: async (registry, from, signal) => (await open()).read(registry, from, signal),
    tried: async (registry, from, signal) => (await open()).tried(registry, from, signal),
  };
}
