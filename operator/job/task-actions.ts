import { inferenceTaskResource, type InferenceTask, type StorageAccess } from '@isochrone/api';
import { ApiError, core } from '@isochrone/kube';
import { sampleIndices, nodeKeyDigest, type Receipt } from '@isochrone/verification';
import type { KeyObject } from 'node:crypto';
import { deleteTaskAndAccess } from '../delete-task.ts';
import { OperatorError } from '../errors.ts';
import { composedInputLocation, openModelStorage, outputLocation } from './job-storage.ts';
import type { JobShell } from './job-shell.ts';
import { buildSecret, buildTask } from './task-objects.ts';

/** Makes the task of an attempt that is held. A task of that name with its work UID is the one that a run before made. */
export async function createTask(shell: JobShell, attempt: number): Promise<void> {
  const { deps, memory, job } = shell;
  const pending = memory.pending.get(attempt)!;
  const held = shell.attempt(attempt);
  const primary = held.verifies === undefined ? undefined : shell.attempt(held.verifies);
  const identity = shell.identity(attempt);
  const task = buildTask(job, job.status!.input!, shell.model(), held, primary, identity, pending, deps.options);
  try {
    shell.remember(attempt, await deps.client.create(inferenceTaskResource, task));
  } catch (error) {
    if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
    shell.remember(
      attempt,
      ownTask(shell, attempt, await deps.client.get(inferenceTaskResource, shell.taskRef(attempt))),
    );
  }
  memory.pending.delete(attempt);
}

/** Asks the API server itself: an informer may trail, and only its word lets an attempt be given up. */
export async function lookUpTask(shell: JobShell, attempt: number): Promise<void> {
  const task = await shell.deps.client.find(inferenceTaskResource, shell.taskRef(attempt));
  if (task === undefined) shell.memory.absent.add(attempt);
  else shell.remember(attempt, ownTask(shell, attempt, task));
}

/** @throws OperatorError NAME_TAKEN */
function ownTask(shell: JobShell, attempt: number, task: InferenceTask): InferenceTask {
  if (task.spec.workUID === shell.identity(attempt).workUID && task.spec.attempt === attempt) return task;
  const { namespace, name } = task.metadata;
  throw new OperatorError(
    'NAME_TAKEN',
    `InferenceTask ${namespace ?? ''}/${name} is not of attempt ${attempt} of job ${shell.key}; delete it`,
  );
}

/** Presigned access may be a little longer in use than the task may run. */
const expiryMarginSeconds = 120;

/** Gives the edge access to exactly the objects of the attempt. */
export async function writeSecret(shell: JobShell, attempt: number): Promise<void> {
  const { deps, memory, job } = shell;
  const task = shell.task(attempt)!;
  const secret = buildSecret(task, await presign(shell, attempt, task));
  try {
    await deps.client.create(core.secrets, secret);
  } catch (error) {
    if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
    const found = await deps.client.find(core.secrets, {
      namespace: secret.metadata.namespace!,
      name: secret.metadata.name!,
    });
    if (found !== undefined && found.metadata.ownerReferences?.[0]?.uid !== task.metadata.uid) {
      throw new OperatorError(
        'NAME_TAKEN',
        `Secret ${secret.metadata.namespace!}/${secret.metadata.name!} is not of job ${job.metadata.name}; delete it`,
      );
    }
  }
  memory.secretsWritten.add(attempt);
}

async function presign(shell: JobShell, attempt: number, task: InferenceTask): Promise<StorageAccess> {
  const { deps, job } = shell;
  const { startTimeoutSeconds } = deps.options;
  const expiresSeconds = startTimeoutSeconds + task.spec.timeoutSeconds + expiryMarginSeconds;
  const { input, output } = await shell.storage();
  const model = await openModelStorage(deps.client, deps.namespace, shell.model().version);
  const isComposed = task.spec.input!.etag !== job.status!.input!.etag;
  const from = isComposed
    ? { client: output.client, location: composedInputLocation(output, shell.identity(attempt).name) }
    : input;
  const expirationTime = new Date(deps.clock.now() + expiresSeconds * 1000).toISOString();
  const [modelURL, inputURL, outputs] = await Promise.all([
    model.client.presignGet(model.location, { expiresSeconds }),
    from.client.presignGet(from.location, { expiresSeconds, ifMatch: task.spec.input!.etag }),
    Promise.all(
      task.spec.shards!.map(async ({ index }) => ({
        shardIndex: index,
        ...(await output.client.presignPut(outputLocation(output, task.metadata.name, index), { expiresSeconds })),
      })),
    ),
  ]);
  return { modelURL: modelURL.url, inputURL: inputURL.url, outputs, expirationTime };
}

/**
 * Acknowledges the result and draws the rows to open, in one patch: the root is in the hub's store by now, and nobody
 * outside knows the key. A challenge that stands is never drawn again.
 */
export async function challenge(
  shell: JobShell,
  attempt: number,
  sample: number | 'All',
  receipt: Receipt,
  nodeKey: KeyObject,
): Promise<void> {
  const { deps, memory, context } = shell;
  const task = shell.task(attempt)!;
  const draw = (size: number): { indices: number[] } => {
    const { root, sequence, leafCount } = receipt;
    const key = context.sampling.key(deps.clock.now());
    return { indices: sampleIndices({ key, root, nodeKey: nodeKeyDigest(nodeKey), sequence, leafCount }, size) };
  };
  const drawn = sample === 'All' || task.spec.challenge !== undefined ? {} : { challenge: draw(sample) };
  const { uid, resourceVersion } = task.metadata;
  const patch = {
    metadata: { uid: uid!, resourceVersion: resourceVersion! },
    spec: { acknowledgedAttempt: attempt, ...drawn },
  };
  try {
    shell.remember(attempt, await deps.client.mergePatch(inferenceTaskResource, shell.taskRef(attempt), patch));
    memory.challengedAt.set(attempt, deps.clock.now());
  } catch (error) {
    if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) throw error;
    // The edge wrote its status meanwhile, or the task is gone: decide again from what is there now.
    memory.written.delete(attempt);
    await lookUpTask(shell, attempt);
    if (memory.absent.has(attempt)) memory.deleted.add(uid!);
  }
}

export async function deleteTask(shell: JobShell, attempt: number): Promise<void> {
  const { deps, memory } = shell;
  const task = shell.task(attempt)!;
  await deleteTaskAndAccess(deps.client, task);
  memory.deleted.add(task.metadata.uid!);
  memory.written.delete(attempt);
}
