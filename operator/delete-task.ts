import { inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import { ApiError, core, refOf, type ApiClient } from '@isochrone/kube';

/**
 * Deletes a task and the Secret that gives it access to storage. The Secret would be collected too, but presigned access
 * should end at once. A task of the same name that was made since is left alone. It is acknowledged first: what its member
 * reports of it, or is about to, nobody asks for any more, and would stay in the outbox there.
 */
export async function deleteTaskAndAccess(client: ApiClient, task: InferenceTask): Promise<void> {
  const { metadata, spec } = task;
  const ref = refOf(task);
  try {
    if (spec.acknowledgedAttempt === undefined) {
      const acknowledgement = { metadata: { uid: metadata.uid! }, spec: { acknowledgedAttempt: spec.attempt } };
      await client.mergePatch(inferenceTaskResource, ref, acknowledgement);
    }
    await client.delete(inferenceTaskResource, ref, { uid: metadata.uid!, propagationPolicy: 'Background' });
  } catch (error) {
    if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) throw error;
  }
  await client.delete(core.secrets, { ...ref, name: spec.storageSecretName });
}
