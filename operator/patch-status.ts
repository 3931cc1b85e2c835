import { isDeepStrictEqual } from 'node:util';
import type { ApiClient, KubeObject, MergePatch, Resource } from '@isochrone/kube';
import { refOf } from '@isochrone/kube';

/**
 * Writes `status` when it differs from the object's; a field that it lacks is removed. Conditional on the object's
 * resourceVersion: conditions are a list that a patch replaces as a whole, so a write from a stale copy could undo another's.
 *
 * @returns whether it was written. @throws ApiError `isConflict` when the object changed meanwhile
 */
export async function patchStatus<S extends object, T extends KubeObject & { status?: S }>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
  status: S,
): Promise<boolean> {
  const previous = object.status ?? {};
  // Through JSON, so that an undefined field equals an absent one.
  const next = JSON.parse(JSON.stringify(status)) as Record<string, unknown>;
  if (isDeepStrictEqual(next, previous)) return false;
  const removed = Object.keys(previous).filter((key) => !(key in next));
  const patch = {
    metadata: { resourceVersion: object.metadata.resourceVersion },
    status: { ...next, ...Object.fromEntries(removed.map((key) => [key, null])) },
  };
  await client.mergePatch(resource, refOf(object), patch as unknown as MergePatch<T>, { subresource: 'status' });
  return true;
}
