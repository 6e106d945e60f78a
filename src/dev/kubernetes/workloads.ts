import type { KubernetesObject, OwnerReference } from './types.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
  /** What controls it. */
  readonly owner?: Pick<OwnerReference, 'kind' | 'name'>;
}

/** A container, and, in a pod, what the runtime says of it. */
interface ContainerSpec {
  readonly image: string;
  readonly imageID?: string;
  /** What the runtime calls the image; absent: as it is asked for. */
  readonly shownAs?: string;
}

interface PodSpec {
  readonly containers?: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly ephemeralContainers?: readonly ContainerSpec[];
  /** Volumes of the kind `image`. */
  readonly imageVolumes?: readonly string[];
}

/** A pod, in the phase `Running` unless another is named. */
export function pod({ phase = 'Running', ...about }: Named & PodSpec & { readonly phase?: string }): KubernetesObject {
  const statuses = (prefix: string, containers: readonly ContainerSpec[] = []) =>
    containers.flatMap(
      ({ image, shownAs = image, imageID }, n) =>
      imageID === undefined ? [] : [{ name: `${prefix}${n}`, image: shownAs, imageID, ready: true, restartCount: 0, started: true }], // prettier-ignore
    );
  return {
    metadata: metadataOf(about),
    spec: specOf(about),
    status: {
      phase,
      containerStatuses: statuses('c', about.containers),
      initContainerStatuses: statuses('i', about.initContainers),
      ephemeralContainerStatuses: statuses('e', about.ephemeralContainers),
    },
  };
}

/** A deployment, replica set, daemon set, stateful set or job. */
export function workload({
  replicas = 1,
  ...about
}: Named & PodSpec & { readonly replicas?: number }): KubernetesObject {
  const labels = { app: about.name };
  const template = { metadata: { labels }, spec: specOf(about) };
  return { metadata: metadataOf(about), spec: { replicas, selector: { matchLabels: labels }, template } };
}

export function cronJob(about: Named & PodSpec): KubernetesObject {
  const jobTemplate = { spec: { template: { spec: specOf(about) } } };
  return { metadata: metadataOf(about), spec: { schedule: '0 1 * * *', jobTemplate } };
}

function metadataOf({ namespace, name, owner }: Named): KubernetesObject['metadata'] {
  const apiVersion = owner?.kind === 'Job' || owner?.kind === 'CronJob' ? 'batch/v1' : 'apps/v1';
  const ownerReferences = owner && [{ apiVersion, ...owner, uid: `${owner.kind}-${owner.name}`, controller: true }];
  return { name, namespace, uid: `${namespace}-${name}`, ...(ownerReferences && { ownerReferences }) };
}

function specOf({ containers, initContainers, ephemeralContainers, imageVolumes }: PodSpec) {
  const named = (prefix: string, list: readonly ContainerSpec[]) =>
    list.map(({ image }, n) => ({ name: `${prefix}${n}`, image }));
  return {
    containers: named('c', containers ?? []),
    ...(initContainers && { initContainers: named('i', initContainers) }),
    ...(ephemeralContainers && { ephemeralContainers: named('e', ephemeralContainers) }),
    ...(imageVolumes && {
      volumes: imageVolumes.map((reference, n) => ({
        name: `v${n}`,
        image: { reference, pullPolicy: 'IfNotPresent' },
      })),
    }),
  };
}
