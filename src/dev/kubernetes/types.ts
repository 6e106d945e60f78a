import type { ResourceName } from './resources.ts';

/** An object of the cluster, as its API gives it, without `kind` and `apiVersion` as in a list. */
export type KubernetesObject = Readonly<Record<string, unknown>> & {
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly namespace: string;
    readonly ownerReferences?: readonly OwnerReference[];
  };
};

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** What is in the cluster; what is not named is empty. */
export type ClusterState = Readonly<Partial<Record<ResourceName, readonly KubernetesObject[]>>>;

/** What a client has asked for, in the words of the rules of a ClusterRole. */
export interface Asked {
  readonly verb: 'get' | 'list';
  readonly group: string;
  readonly resource: ResourceName;
  readonly namespace: string | undefined;
  /** Of a list: 1 for the first page. */
  readonly page: number;
}

/** A rule of a ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/**
 * What goes wrong with a request: a status, no answer at all, a connection that breaks, or what something between the
 * client and the cluster answers, with the status 200 unless another is named.
 */
export type Fault =
  | { readonly status: number; readonly retryAfter?: number }
  | 'hang'
  | 'drop'
  | { readonly body: string; readonly status?: number };

export interface KubernetesOptions {
  readonly state: ClusterState;
  /** Bearer tokens that are accepted; absent: everybody is let in. */
  readonly tokens?: readonly string[];
  /** What an identity may do; absent: everything. */
  readonly rules?: readonly Rule[];
}

/** How a kubeconfig signs in. */
export type User =
  { readonly token: string } | { readonly exec: { readonly command: string; readonly args: readonly string[] } };

/** A cluster that is running. */
export interface Cluster {
  readonly url: string;
  /** PEM. */
  readonly certificate: string;
  /** Of objects, as they are asked for; discovery is not among them. */
  readonly asked: readonly Asked[];
  /** Changes what is in it. */
  readonly change: (state: ClusterState) => void;
  /** From now on requests go wrong as this says. */
  readonly fail: (fault: (asked: Asked) => Fault | undefined) => void;
  /** The next pages that were promised so far are forgotten, as etcd does after some minutes. */
  readonly expire: () => void;
  /** The text of a kubeconfig with these contexts; the first one is the current one. */
  readonly kubeconfig: (users: Readonly<Record<string, User>>) => string;
  readonly close: () => Promise<void>;
}
