import type { KubeObject, ObjectRef } from './object.ts';

/** Identity of a resource in the API: what a REST path and an object's `apiVersion` and `kind` are made of. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Phantom: carries `T` for inference and is never set. */
  readonly type?: T;
}

/** `group/version`, or `version` in the core group. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * The REST path of a collection (no `name`), an object, or a subresource.
 *
 * @throws TypeError when a namespaced object is named without its namespace, or a cluster-scoped one with a namespace:
 * the API server would answer such a path with a 404 that looks like an absent object. Also for `.` and `..`.
 */
export function resourcePath(resource: Resource, target: Partial<ObjectRef> = {}, subresource?: string): string {
  const { namespace, name } = target;
  if (!resource.namespaced && namespace !== undefined) {
    throw new TypeError(`${resource.kind} is cluster-scoped; remove namespace ${JSON.stringify(namespace)}`);
  }
  if (resource.namespaced && namespace === undefined && name !== undefined) {
    throw new TypeError(`${resource.kind} ${JSON.stringify(name)} is namespaced; name its namespace`);
  }
  if (name === '' || namespace === '') {
    throw new TypeError(`${resource.kind}: ${name === '' ? 'name' : 'namespace'} is empty; leave it out or fill it in`);
  }
  // Percent-encoding leaves these two as they are, and a proxy or the server would resolve them to another path.
  if (name === '.' || name === '..' || namespace === '.' || namespace === '..') {
    throw new TypeError(`${resource.kind}: "." and ".." name no object`);
  }
  const segments = resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (namespace !== undefined) segments.push('namespaces', namespace);
  segments.push(resource.plural);
  if (name !== undefined) segments.push(name);
  if (subresource !== undefined) segments.push(...subresource.split('/'));
  return `/${segments.map(encodeURIComponent).join('/')}`;
}
