/** The parts of Kubernetes objects that the runtime itself reads. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** `metav1.ObjectMeta`. Every field is optional, because a client writes only some of them; timestamps are RFC 3339. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: readonly string[];
  ownerReferences?: readonly OwnerReference[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** A page of a collection. `metadata.continue` is present while more pages follow. */
export interface KubeList<T> {
  apiVersion?: string;
  kind?: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** Names one object of a resource. `namespace` is absent for cluster-scoped resources. */
export interface ObjectRef {
  namespace?: string;
  name: string;
}

/** The ref of an object that the API server has named. @throws TypeError when `metadata.name` is missing. */
export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  if (name === undefined || name === '') {
    throw new TypeError(`${object.kind ?? 'object'} has no metadata.name; set it, or read it back after a create`);
  }
  return namespace === undefined ? { name } : { namespace, name };
}

/** The queue and store key: `namespace/name`, or `name` for a cluster-scoped object. */
export function keyOf(target: KubeObject | ObjectRef): string {
  const { namespace, name } = 'metadata' in target ? refOf(target) : target;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The inverse of {@link keyOf}. @throws TypeError when the key has an empty part or more than one slash. */
export function parseKey(key: string): ObjectRef {
  const parts = key.split('/');
  if (parts.length > 2 || parts.includes('')) {
    throw new TypeError(`key ${JSON.stringify(key)} is neither "name" nor "namespace/name"`);
  }
  const [first, second] = parts as [string, string?];
  return second === undefined ? { name: first } : { namespace: first, name: second };
}
