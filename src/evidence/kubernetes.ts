import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../registry/clock.ts';
import { hostOf } from './image.ts';
import { listsOf } from './kubernetes-client.ts';
import { Controllers, usesOf } from './kubernetes-images.ts';
import { ClusterLost, inTime, networkCodeOf, type Waiting } from './kubernetes-lists.ts';
import type { Evidence, SourceOfAll, UseAnywhere } from './types.ts';

export interface KubernetesOptions {
  /** As it is configured. */
  readonly name: string;
  /** In words: `the cluster prod`. */
  readonly cluster: string;
  /** @throws {Error} where there is no such cluster; its message is shown, so it holds no secret and no answer */
  readonly connect: (signal?: AbortSignal) => Promise<KubeConfig>;
  readonly clock: Clock;
}

/**
 * The images of a cluster: those of its pods, and those that its deployments, replica sets, replication controllers,
 * daemon sets, stateful sets, jobs and cron jobs will run, also with no replica now.
 */
export function kubernetesSource({ name, cluster, connect, clock }: KubernetesOptions): SourceOfAll {
  async function readAll(signal?: AbortSignal, registry?: string): Promise<Evidence<UseAnywhere>> {
    const about = {
      source: name,
      scope: `all namespaces of ${cluster}`,
      observedAt: new Date(clock.now()).toISOString(),
    };
    const { uses, problems } = await usesIn(connect, { clock, signal }, registry);
    return { ...about, complete: problems.length === 0, problems, facts: uses };
  }
  return {
    name,
    readAll: (signal) => readAll(signal),
    read: (registry, signal) => readAll(signal, registry),
  };
}

/** The cluster of a context of the kubeconfig, or, where there is no kubeconfig, of the pod that this process runs in. */
export function configuredCluster(name: string, context: string | undefined, clock: Clock): SourceOfAll {
  return kubernetesSource({
    name,
    cluster: context === undefined ? 'the cluster' : `the cluster of the context ${context}`,
    clock,
    connect: () => connectTo(context),
  });
}

async function connectTo(context: string | undefined): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    // Its message may hold a piece of the file, and so a token.
    const code = networkCodeOf(cause);
    throw new Error(`the kubeconfig cannot be read${code === undefined ? '' : ` (${code})`}`, { cause });
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) throw new Error(`the kubeconfig has no context ${context}`);
    config.setCurrentContext(context);
  }
  const server = config.getCurrentCluster()?.server;
  // What the client makes up where it finds nothing.
  if (server === 'http://localhost:8080')
    throw new Error('there is no kubeconfig (KUBECONFIG, ~/.kube/config), and this process does not run in a pod');
  if (server === undefined) throw new Error('the current context of the kubeconfig names no cluster');
  return config;
}

/** All that is in use, what runs before what would be run; with what could not be read. */
async function usesIn(
  connect: KubernetesOptions['connect'],
  waiting: Waiting,
  registry: string | undefined,
): Promise<{ readonly uses: readonly UseAnywhere[]; readonly problems: readonly string[] }> {
  const host = registry === undefined ? undefined : hostOf(registry);
  const problems: string[] = [];
  const running = new Map<string, UseAnywhere>();
  const planned = new Map<string, UseAnywhere>();
  const controllers = new Controllers();
  try {
    const config = await inTime(waiting, connect);
    await signIn(config, waiting);
    for (const [kind, list] of await listsOf(config)) {
      try {
        for await (const workload of list(waiting)) {
          controllers.add(workload);
          const uses = workload.kind === 'Pod' ? running : planned;
          for (const use of usesOf(workload, controllers)) {
            if (host !== undefined && use.registry !== host) continue;
            const key = keyOf(use);
            if (!uses.has(key)) uses.set(key, use);
          }
        }
      } catch (error) {
        problems.push(`${kind} cannot be listed: ${(error as Error).message}`);
        if (error instanceof ClusterLost) break;
      }
    }
  } catch (error) {
    problems.push((error as Error).message);
  }
  return { uses: [...new Map([...planned, ...running]).values()], problems };
}

const keyOf = ({ registry, repository, tag, digest, config }: UseAnywhere): string =>
  JSON.stringify([registry, repository, tag, digest, config]);

/** Signs in before anything is asked: so that it is known what failed. */
async function signIn(config: KubeConfig, waiting: Waiting): Promise<void> {
  const exec = config.getCurrentUser()?.exec as Plugin | undefined;
  if (exec) tellPlugin(exec);
  try {
    await inTime(waiting, () => config.applyToHTTPSOptions({}));
  } catch (cause) {
    if (cause instanceof ClusterLost) throw new Error(exec ? 'the command that signs in did not end in time' : cause.message, { cause }); // prettier-ignore
    const code = networkCodeOf(cause);
    // What a plug-in says may hold a token.
    const what = exec ? `the command of the kubeconfig that signs in, ${exec.command ?? ''}, failed` : 'the kubeconfig has nothing to sign in with that can be used'; // prettier-ignore
    throw new Error(code === undefined ? what : `${what} (${code})`, { cause });
  }
}

/** A command of a kubeconfig that fetches a token. */
interface Plugin {
  readonly apiVersion?: string;
  readonly command?: string;
  env?: { name: string; value: string }[] | null;
}

/** Tells a plug-in what it may expect, as kubectl does and the client does not: no person can answer it here. */
function tellPlugin(plugin: Plugin): void {
  const { apiVersion = 'client.authentication.k8s.io/v1', env } = plugin;
  const value = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  plugin.env = [...(env ?? []).filter(({ name }) => name !== EXEC_INFO), { name: EXEC_INFO, value }];
}

const EXEC_INFO = 'KUBERNETES_EXEC_INFO';
