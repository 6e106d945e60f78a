import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { type Cluster, type KubernetesOptions, startKubernetes, type User } from '../../src/dev/kubernetes/index.ts';
import { kubernetesSource } from '../../src/evidence/kubernetes.ts';
import type { Source } from '../../src/evidence/types.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';

export const TOKEN = 'a-token-that-no-output-may-hold';

/** A cluster that is closed when the test is over. */
export async function clusterOf(state: KubernetesOptions['state'], options: Partial<KubernetesOptions> = {}) {
  const cluster = await startKubernetes({ tokens: [TOKEN], ...options, state });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** A folder that is deleted when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-kube-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The path of a kubeconfig for a cluster. */
export function kubeconfigFile(cluster: Cluster, users: Readonly<Record<string, User>> = { prod: { token: TOKEN } }) {
  const file = join(temporaryFolder(), 'config');
  writeFileSync(file, cluster.kubeconfig(users));
  return file;
}

/** Does not wait before it asks again. */
export const IMPATIENT: Clock = { ...systemClock, sleep: () => Promise.resolve() };

export function sourceOf(
  cluster: Cluster,
  { clock = IMPATIENT, user = { token: TOKEN } }: { readonly clock?: Clock; readonly user?: User } = {},
): Source {
  return kubernetesSource({
    name: 'kube',
    cluster: 'the cluster',
    clock,
    connect() {
      const config = new KubeConfig();
      config.loadFromString(cluster.kubeconfig({ prod: user }));
      return Promise.resolve(config);
    },
  });
}
