import { inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import { ApiError, core, refOf, type ApiClient } from '@isochrone/kube';

/**
 * Deletes a task and the Secret that gives it access to storage. The Secret would be collected too, but presigned access
 * should end at once. A task of the same name that was made since is left alone.
 */
export async function deleteTaskAndAccess(client: ApiClient, task: InferenceTask): Promise<void> {
  const { metadata, spec } = task;
  const ref = refOf(task);
  try {
    await client.delete(inferenceTaskResource, ref, { uid: metadata.uid!, propagationPolicy: 'Background' });
  } catch (error) {
    if (!(error instanceof ApiError && error.isConflict)) throw error;
  }
  await client.delete(core.secrets, { ...ref, name: spec.storageSecretName });
}
