import type { EdgeCluster, EdgeJoinRequest, InferenceJob, InferenceModel, InferenceNode } from '@isochrone/api';
import type { ConfigMap, CustomResourceDefinition, Event, KubeObject, Lease, Node, Secret } from '@isochrone/kube';

/** The fields of a Pod that tell why it does not work. */
export interface ObservedPod extends KubeObject {
  spec?: { containers?: readonly { name: string; ports?: readonly { name?: string; containerPort: number }[] }[] };
  status?: {
    phase?: string;
    conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: readonly ContainerStatus[];
    initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly state?: { waiting?: { reason?: string; message?: string } };
  readonly lastState?: { terminated?: { exitCode?: number; reason?: string; message?: string } };
}

/** Of `/version`. The emulated one counts, where there is one: a server behaves as that. */
export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly emulationMajor?: string;
  readonly emulationMinor?: string;
}

export interface Claim extends KubeObject {
  spec?: { storageClassName?: string };
  status?: { phase?: string };
}

/** Everything that was seen of one cluster, at one time. Only the first 500 of a kind: a doctor must not be the illness. */
export interface Snapshot {
  /** Milliseconds since 1970, here. */
  readonly now: number;
  readonly server: string;
  /** Why the API server does not answer; all else is empty then. */
  readonly unreachable?: string;
  readonly version?: ServerVersion;
  /** Plurals that the caller may not list. */
  readonly forbidden: readonly string[];
  readonly crds: readonly CustomResourceDefinition[];
  readonly pods: readonly ObservedPod[];
  /** By UID of a Pod that is not ready: what its /readyz says. Without those that could not be asked. */
  readonly readiness: Readonly<Record<string, string>>;
  /** What the ServiceAccounts of the programs may not do and must. */
  readonly lacking: readonly { readonly account: string; readonly right: string }[];
  readonly claims: readonly Claim[];
  readonly storageClasses: readonly KubeObject[];
  readonly events: readonly Event[];
  readonly leases: readonly Lease[];
  readonly secrets: readonly Secret[];
  readonly accounts: readonly ConfigMap[];
  readonly machines: readonly Node[];
  readonly clusters: readonly EdgeCluster[];
  readonly requests: readonly EdgeJoinRequest[];
  readonly nodes: readonly InferenceNode[];
  readonly models: readonly InferenceModel[];
  readonly jobs: readonly InferenceJob[];
}

/** `Kind namespace/name`, as people name it. */
export function nameOf(kind: string, { metadata }: KubeObject): string {
  const { namespace, name = '' } = metadata;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** A member and no hub: it has the tasks, and not the kind of the members. */
export function isMember({ crds }: Snapshot): boolean {
  const has = (plural: string): boolean => crds.some(({ spec }) => spec.names.plural === plural);
  return has('inferencetasks') && !has('edgeclusters');
}

/** Which program a Pod runs. */
export function componentOf({ metadata }: ObservedPod): string | undefined {
  return metadata.labels?.['app.kubernetes.io/component'];
}
