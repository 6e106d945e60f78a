import { z } from 'zod';
import type { TokenCredential } from '@azure/core-auth';
import type { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { kubernetesSource } from '../kubernetes.ts';
import type { Source } from '../types.ts';
import type { Arm } from './arm.ts';
import { type AzureOptions, azureSource, checkScope, type Reading } from './source.ts';

const VERSION = '2024-10-01';

/** The AKS server application, the same in all tenants and clouds. */
const AKS = '6dae42f8-4368-4678-94ff-3960e28e3630/.default';

export const AKS_ACTIONS = ['Microsoft.ContainerService/managedClusters/read', 'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action'] as const; // prettier-ignore

const cluster = z.object({
  id: z.string(),
  name: z.string(),
  properties: z.object({
    powerState: z.object({ code: z.string() }).nullish(),
    // Of a cluster with Entra integration.
    aadProfile: z.object({}).nullish(),
    apiServerAccessProfile: z.object({ enablePrivateCluster: z.boolean().nullish() }).nullish(),
  }),
});
type Cluster = z.infer<typeof cluster>;

/** One cluster. */
export function aksCluster(options: AzureOptions, id: string): Source {
  return azureSource(options, `all namespaces of the cluster ${id.split('/').at(-1) ?? ''}`, async (reading) => {
    await readCluster(reading, options, await reading.arm.get(id, VERSION, cluster));
  });
}

/** All clusters of a subscription. */
export function aksClusters(options: AzureOptions, subscription: string): Source {
  return azureSource(options, `all clusters in the subscription ${subscription}`, async (reading) => {
    const { all, each } = reading;
    await checkScope(reading, subscription, AKS_ACTIONS);
    await each(all(subscription, 'Microsoft.ContainerService/managedClusters', VERSION, cluster), (one) =>
      readCluster(reading, options, one),
    );
  });
}

async function readCluster(
  { arm, registry, signal, add, problem }: Reading,
  { credential, clock }: AzureOptions,
  cluster: Cluster,
): Promise<void> {
  const { id, name, properties } = cluster;
  const title = `cluster ${name}`;
  const refusal = refusalOf(cluster);
  if (refusal !== undefined) {
    problem(`${title} ${refusal}`);
    return;
  }
  const connect = async (): Promise<KubeConfig> => configOf(name, await serverOf(arm, id), await tokenOf(credential));
  const source = kubernetesSource({ name: title, cluster: `the ${title}`, connect, clock });
  const { facts, problems } = await source.read(registry, signal);
  const hint = properties.apiServerAccessProfile?.enablePrivateCluster === true ? PRIVATE : '';
  add({
    facts: facts.map((use) => ({ ...use, where: `${title}, ${use.where}` })),
    problems: problems.map((text) => `${title}: ${text}${hint}`),
  });
}

const PRIVATE =
  ' (it is private: the app must send from a network that reaches it, or the cluster report its images, list:)';

/** Why a cluster is not asked. */
function refusalOf({ properties: { powerState, aadProfile } }: Cluster): string | undefined {
  const state = powerState?.code.toLowerCase() ?? 'running';
  if (state !== 'running') return `is ${state}: start it, or name the clusters that count, one by one`;
  // Its only account is an administrator, and that is more than a reader may be handed.
  if (!aadProfile)
    return 'has no Entra integration, and would hand out an administrator: turn it on, or let the cluster report its images, list:';
  return undefined;
}

async function tokenOf(credential: TokenCredential): Promise<string> {
  const token = await credential.getToken(AKS).catch((error: unknown) => {
    throw new Error('there is no token for AKS; check the identity of the app', { cause: error });
  });
  if (!token) throw new Error('there is no token for AKS; check the identity of the app');
  return token.token;
}

interface Server {
  readonly server: string;
  readonly caData: string;
}

const credentials = z.object({ kubeconfigs: z.array(z.object({ value: z.string() })).min(1) });
const kubeconfig = z.object({
  clusters: z
    .array(
      z.object({
        cluster: z.object({ server: z.url({ protocol: /^https$/ }), 'certificate-authority-data': z.string() }),
      }),
    )
    .min(1),
});

/** Where a cluster answers, and its certificate authority. What else the kubeconfig holds is left in it. */
async function serverOf(arm: Arm, id: string): Promise<Server> {
  const { kubeconfigs } = await arm.post(`${id}/listClusterUserCredential`, VERSION, credentials);
  const text = Buffer.from(kubeconfigs[0]?.value ?? '', 'base64').toString('utf8');
  const read = kubeconfig.safeParse(parseYaml(text));
  const found = read.data?.clusters[0]?.cluster;
  if (!found) throw new Error('its kubeconfig names no server and certificate authority');
  return { server: found.server, caData: found['certificate-authority-data'] };
}

/** Without the error: it quotes the text. */
function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

async function configOf(name: string, { server, caData }: Server, token: string): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  config.loadFromClusterAndUser({ name, server, caData, skipTLSVerify: false }, { name, token });
  return config;
}
