import type { V1PodSpec } from '@kubernetes/client-node';
import { imageAnywhere } from './image.ts';
import type { UseAnywhere } from './types.ts';

/** What of an object of a cluster is looked at, of every kind. */
export interface Workload {
  /** As the API names it: `ReplicaSet`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** What controls it. */
  readonly owner: Owner | undefined;
  readonly spec: V1PodSpec | undefined;
  /** Of a pod: of its containers, its init containers and its ephemeral containers. */
  readonly statuses?: readonly (readonly Status[] | undefined)[];
}

interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** Of a container: what its image was called, and what it turned out to be. */
interface Status {
  readonly name: string;
  readonly image: string;
  readonly imageID: string;
}

/** Which objects are controlled by which: a pod knows its replica set, and only that its deployment. */
export class Controllers {
  readonly #owners = new Map<string, Owner>();

  add({ kind, namespace, name, owner }: Workload): void {
    if (owner) this.#owners.set(keyOf(namespace, kind, name), owner);
  }

  of(namespace: string, { kind, name }: Owner): Owner | undefined {
    return this.#owners.get(keyOf(namespace, kind, name));
  }
}

const keyOf = (namespace: string, kind: string, name: string): string => `${namespace}/${kind}/${name}`;

/** Old kubelets put one of these before what Docker said. */
const SCHEME = /^docker(?:-pullable)?:\/\//;
const BARE = /^(?:sha256:)?([0-9a-f]{64})$/i;

/**
 * The images that an object names. A name that no registry has is left out: a kubelet refuses it (`InvalidImageName`). A pod
 * that has ended counts like one that runs: a job is started again, and the pod may be started again on its node.
 */
export function* usesOf(workload: Workload, controllers: Controllers): Generator<UseAnywhere> {
  const where = whereOf(workload, controllers);
  const { spec, statuses = [] } = workload;
  const groups = [spec?.containers, spec?.initContainers, spec?.ephemeralContainers];
  const volumes = (spec?.volumes ?? []).flatMap(({ image }) => image?.reference ?? []);
  for (const text of [...groups.flatMap((group = []) => group.flatMap(({ image }) => image ?? [])), ...volumes]) {
    const image = imageAnywhere(text);
    if (typeof image === 'object') yield { ...image, where };
  }
  for (const [n, group = []] of statuses.entries())
    for (const status of group) {
      const wanted = groups[n]?.find(({ name }) => name === status.name)?.image ?? status.image;
      for (const use of usesOfStatus(wanted, status)) yield { ...use, where };
    }
}

/** What a runtime says that a container runs. */
function* usesOfStatus(wanted: string, { image, imageID }: Status): Generator<Omit<UseAnywhere, 'where'>> {
  const asked = imageAnywhere(wanted);
  for (const text of [image, imageID].map((one) => one.replace(SCHEME, ''))) {
    const bare = BARE.exec(text)?.[1];
    if (bare !== undefined) {
      // Without a repository: it is that of the container. The digest is that of the configuration, or, where Docker keeps
      // its images as containerd does, that of the index or manifest.
      const digest = `sha256:${bare.toLowerCase()}`;
      if (typeof asked === 'object')
        yield { registry: asked.registry, repository: asked.repository, digest, config: digest };
      continue;
    }
    const named = imageAnywhere(text);
    if (typeof named === 'object') yield named;
    // A node that has the same image by several names may give another one than that which the container asks for.
    const digest = /@(sha256:[0-9a-f]{64})$/i.exec(text)?.[1]?.toLowerCase();
    if (digest !== undefined && typeof asked === 'object')
      yield { registry: asked.registry, repository: asked.repository, digest };
  }
}

/** `namespace shop, deployment api`: what a person knows it by, rather than the name of a pod. */
function whereOf({ kind, namespace, name, owner }: Workload, controllers: Controllers): string {
  const above = owner && (controllers.of(namespace, owner) ?? owner);
  // A static pod is controlled by its node.
  const parts = above && above.kind !== 'Node' ? [above] : [];
  // What a deployment or cron job has made before is not what it says now.
  if (kind !== 'Pod' || parts.length === 0) parts.push({ kind, name });
  return [`namespace ${plain(namespace)}`, ...parts.map((one) => `${wordsOf(one.kind)} ${plain(one.name)}`)].join(', ');
}

/** `replica set` for `ReplicaSet`. */
const wordsOf = (kind: string): string => plain(kind).replaceAll(/\B(?=[A-Z][a-z])/g, ' ').toLowerCase(); // prettier-ignore

/** Longer than any name that Kubernetes allows. */
const LONGEST_NAME = 253;

/** One word, whatever the cluster says. */
const plain = (name: string): string => name.slice(0, LONGEST_NAME).replaceAll(/[\s\p{C}]+/gu, '-');
