import type { ApiClient } from './client.ts';
import type { MergePatch } from './requests.ts';
import { ApiError } from './errors.ts';
import { keyOf, refOf, type KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}
/**
 * Adds the finalizer if it is missing. Conditional on the object's resourceVersion, because a patch of the list replaces
 * what another controller may have added.
 *
 * @returns the object as stored. @throws ApiError `isConflict` when it changed meanwhile.
 */
export async function addFinalizer<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
  finalizer: string,
): Promise<T> {
  if (hasFinalizer(object, finalizer)) return object;
  return patchFinalizers(client, resource, object, [...(object.metadata.finalizers ?? []), finalizer]);
}

/** Removes the finalizer. @returns the object as stored, or undefined when it is gone. @throws ApiError `isConflict` when it changed meanwhile. */
export async function removeFinalizer<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  if (!hasFinalizer(object, finalizer)) return object;
  const kept = object.metadata.finalizers!.filter((name) => name !== finalizer);
  return unlessGone(patchFinalizers(client, resource, object, kept));
}

/** Removes every finalizer, whoever set it. @returns and @throws as {@link removeFinalizer} */
export async function removeAllFinalizers<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
): Promise<T | undefined> {
  if ((object.metadata.finalizers ?? []).length === 0) return object;
  return unlessGone(patchFinalizers(client, resource, object, []));
}

async function unlessGone<T>(patching: Promise<T>): Promise<T | undefined> {
  return patching.catch((error: unknown) => {
    if (error instanceof ApiError && error.isNotFound) return undefined;
    throw error;
  });
}

async function patchFinalizers<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
  finalizers: readonly string[],
): Promise<T> {
  const { uid, resourceVersion } = object.metadata;
  if (resourceVersion === undefined) {
    throw new TypeError(
      `${resource.kind} ${keyOf(object)} has no metadata.resourceVersion; read it from the API first`,
    );
  }
  // The uid guards against a namesake that was created after ours was removed.
  const metadata = { finalizers, resourceVersion, ...(uid === undefined ? {} : { uid }) };
  // A patch of metadata fits every T; the compiler cannot see that through the generic.
  return client.mergePatch(resource, refOf(object), { metadata } as unknown as MergePatch<T>);
}
