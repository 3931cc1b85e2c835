import {
  annotations,
  edgeClusterResource,
  edgeNamespace,
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
  inferenceTaskResource,
  labels,
  names,
  providerResource,
  SYSTEM_NAMESPACE,
  type EdgeCluster,
  type InferenceJob,
  type InferenceNode,
} from '@isochrone/api';
import { core, type KubeObject, type Namespace, type Resource } from '@isochrone/kube';

/**
 * What a backup holds, in the order in which it is restored: each after what it refers to, and jobs last, because the
 * operator works on them. Not tasks, reports, Leases and credentials of members: they are made anew.
 */
export const keptResources: readonly Resource[] = [
  providerResource,
  inferenceModelResource,
  edgeClusterResource,
  core.namespaces,
  inferenceNodeResource,
  inferenceJobResource,
];

/** The operator's own: without them past samples and the names of objects cannot be derived again. */
export const operatorObjects = [
  { resource: core.secrets, ref: { namespace: SYSTEM_NAMESPACE, name: names.operatorSecret } },
  { resource: core.configMaps, ref: { namespace: SYSTEM_NAMESPACE, name: names.samplingChain } },
] as const;

/**
 * Which objects of a kind are the hub's own. A hub may be a member of itself: what its agents claim and what was copied to
 * it are not.
 */
export function selectorOf({ plural }: Resource): { readonly labelSelector?: string } {
  if (plural === core.namespaces.plural || plural === inferenceNodeResource.plural)
    return { labelSelector: labels.cluster };
  return plural === inferenceTaskResource.plural ? { labelSelector: `!${labels.origin}` } : {};
}

export interface KeptObject extends KubeObject {
  apiVersion: string;
  kind: string;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

/** Without what belongs to this incarnation of the object. An owner that does not come back would take it along. */
export function keptObject(resource: Resource, object: KubeObject): KeptObject {
  const { namespace, name, uid, labels, annotations, finalizers, deletionTimestamp } = object.metadata;
  const kept = Object.entries({ namespace, name, uid, labels, annotations, finalizers, deletionTimestamp });
  const { metadata: _, ...rest } = object;
  const isNamespace = resource.plural === core.namespaces.plural;
  const { status, spec, ...others } = rest as { status?: Record<string, unknown>; spec?: Record<string, unknown> };
  return {
    ...others,
    apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
    kind: resource.kind,
    metadata: Object.fromEntries(kept.filter(([, value]) => value !== undefined)),
    ...(isNamespace || spec === undefined ? {} : { spec }),
    ...(isNamespace || status === undefined ? {} : { status }),
  };
}

/** As it is created: a new incarnation, which no job runs in before its status says which job it is. */
export function objectToCreate(object: KeptObject, newUIDs: ReadonlyMap<string, string>): KeptObject {
  const { status: _, ...rest } = object;
  const { uid: __, deletionTimestamp: ___, ...metadata } = object.metadata;
  const owner = metadata.annotations?.[annotations.originUID];
  const owned = owner === undefined ? undefined : newUIDs.get(owner);
  return {
    ...rest,
    metadata:
      owned === undefined
        ? metadata
        : { ...metadata, annotations: { ...metadata.annotations, [annotations.originUID]: owned } },
    ...(isJob(object) ? { spec: { ...object.spec, suspend: true } } : {}),
  };
}

/** What is written to the status of a restored object; undefined for a kind or an object without. */
export function statusToRestore(object: KeptObject): Record<string, unknown> | undefined {
  if (!isJob(object)) return object.status;
  return { ...object.status, uid: workUIDOf(object) };
}

/** Under which UID the ledger knows a job of a backup. */
export function workUIDOf({ metadata, status }: KubeObject & { status?: unknown }): string {
  return (status as InferenceJob['status'])?.uid ?? metadata.uid ?? '';
}

export function isJob({ kind }: KeptObject): boolean {
  return kind === inferenceJobResource.kind;
}

/** Nodes and namespaces only of members that come back themselves. */
export function restorable(objects: readonly KeptObject[]): KeptObject[] {
  const clusters = new Map(
    objects
      .filter(({ kind }) => kind === edgeClusterResource.kind)
      .map(({ metadata }) => [metadata.name!, metadata.uid] satisfies [string, EdgeCluster['metadata']['uid']]),
  );
  return objects.filter((object) => {
    const { name, namespace, annotations: notes, labels: marks } = object.metadata;
    if (object.kind === core.namespaces.kind)
      return notes?.[annotations.originUID] === clusters.get(marks?.[labels.cluster] ?? '');
    if (object.kind !== inferenceNodeResource.kind) return true;
    const { clusterName } = object.spec as InferenceNode['spec'] & Record<string, unknown>;
    return name !== undefined && clusters.has(clusterName!) && namespace === edgeNamespace(clusterName!);
  });
}

/** @returns why a namespace that the hub has already cannot become the member's; undefined when it can */
export function namespaceInTheWay(
  existing: Namespace,
  wanted: KeptObject,
  known: ReadonlySet<string>,
): string | undefined {
  const { name } = wanted.metadata;
  if (existing.status?.phase === 'Terminating')
    return `namespace ${name ?? ''} is being deleted; try again when it is gone`;
  if (known.has(existing.metadata.annotations?.[annotations.originUID] ?? '')) return undefined;
  return `namespace ${name ?? ''} was not made for the EdgeCluster of the backup; remove it first`;
}
