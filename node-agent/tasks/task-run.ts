import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inferenceTaskResource, type InferenceTask, type StorageAccess } from '@isochrone/api';
import { ApiError, formatTime, refOf, type ApiClient, type Clock, type Logger } from '@isochrone/kube';
import { admitModel } from '../admission/model-admission.ts';
import { runBatch, type BatchParts } from '../batch/batch-run.ts';
import type { AttemptKey } from '../batch/journal.ts';
import { TaskFailure } from '../errors.ts';
import { runtimeClassOf, type Device, type Inventory } from '../hardware/inventory.ts';
import { sleepUnlessAborted } from '../node/node-lease.ts';
import type { StorageContext } from '../storage-request.ts';
import { readStorageAccess } from './storage-access.ts';
import type { TaskResult } from './task-result.ts';

export interface TaskRunParts extends BatchParts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly inventory: Inventory;
  readonly cpuThreads: number;
  /** Holds a folder for each attempt. */
  readonly directory: string;
  /** Told what a record of the model took, nanoseconds. */
  readonly onMeasured: (modelSha256: string, nanosecondsPerRecord: number) => void;
}

const progressMilliseconds = 2_000;
/** The edge operator may copy the task before its Secret. */
const secretPatienceMilliseconds = 10_000;
const secretRetryMilliseconds = 500;

/** Runs an attempt from its first status to its result. @throws TaskFailure; or the signal's reason when it is stopped */
export async function runTask(task: InferenceTask, parts: TaskRunParts, stop: AbortSignal): Promise<TaskResult> {
  const { spec } = task;
  const { clock, journal, inventory } = parts;
  const state = journal.begin(attemptKey(task), clock.now());
  // What is left of the attempt's time, also when another process of this agent began it.
  const remaining = spec.timeoutSeconds * 1000 - Math.max(0, clock.now() - state.startedAt);
  const timeout = new AbortController();
  const timer = clock.setTimeout(
    () =>
      timeout.abort(
        new TaskFailure('TaskTimeout', `the attempt took longer than timeoutSeconds (${spec.timeoutSeconds})`),
      ),
    remaining,
  );
  const signal = AbortSignal.any([stop, timeout.signal]);
  const progress = progressReporter(parts, task, signal);
  try {
    const device = deviceOf(task, inventory);
    await reportRunning(parts, task, state.startedAt, signal);
    const access = await awaitAccess(parts, task, signal);
    const context: StorageContext = {
      clock,
      random: parts.random,
      signal,
      deadline: clock.monotonic() + remaining,
      expires: Date.parse(access.expirationTime),
    };
    const runtime = {
      deviceUUID: device.uuid,
      gpuUUID: device.type === 'gpu' ? device.uuid : undefined,
      executionProvider: spec.executionProvider,
      modelSha256: spec.model.sha256,
      numericProfile: spec.model.numericProfile,
      cpuThreads: parts.cpuThreads,
    };
    if (spec.type === 'ModelAdmission') {
      const model = await admitModel({ spec, access, runtime, context }, parts);
      if (model.nanosecondsPerRecord !== undefined) parts.onMeasured(spec.model.sha256, model.nanosecondsPerRecord);
      return { type: 'admission', model };
    }
    const batch = await runBatch(
      {
        spec,
        access,
        state,
        runtime,
        runtimeClass: runtimeClassOf(inventory, device, spec.executionProvider),
        directory: attemptDirectory(parts.directory, attemptKey(task)),
        context,
        onProgress: progress.report,
        onMeasured: (nanoseconds) => parts.onMeasured(spec.model.sha256, nanoseconds),
      },
      parts,
    );
    return { type: 'batch', batch };
  } finally {
    timer.cancel();
    // Else it could come after the result and count back.
    await progress.written();
  }
}

/** The first status. That it cannot be written now is no reason not to work. */
async function reportRunning(
  parts: TaskRunParts,
  task: InferenceTask,
  startedAt: number,
  signal: AbortSignal,
): Promise<void> {
  const status = { phase: 'Running', attempt: task.spec.attempt, startTime: formatTime(startedAt) } as const;
  try {
    await patchStatus(parts, task, status, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isTransientApiError(error)) throw error;
    parts.logger.warn({ err: error }, 'the first status was not written');
  }
}

/** The server is away or busy, rather than of another mind. */
function isTransientApiError(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.isTooManyRequests;
}

export function attemptKey({ spec }: InferenceTask): AttemptKey {
  return { workUID: spec.workUID, attempt: spec.attempt };
}

export function attemptDirectory(directory: string, { workUID, attempt }: AttemptKey): string {
  return join(directory, `${workUID}-${attempt}`);
}

/** Removes what was kept for an attempt that is over. */
export async function forgetAttempt(
  { journal, directory }: Pick<TaskRunParts, 'journal' | 'directory'>,
  key: AttemptKey,
): Promise<void> {
  await rm(attemptDirectory(directory, key), { recursive: true, force: true });
  journal.forget(key);
}

/** Removes what was kept for attempts whose task is over or gone, also while no agent ran. */
export async function forgetOthers(
  parts: Pick<TaskRunParts, 'journal' | 'directory'>,
  live: Iterable<AttemptKey>,
): Promise<void> {
  const kept = new Set(Array.from(live, (key) => attemptDirectory(parts.directory, key)));
  for (const key of parts.journal.attempts()) {
    if (!kept.has(attemptDirectory(parts.directory, key))) await forgetAttempt(parts, key);
  }
}

function deviceOf({ spec }: InferenceTask, inventory: Inventory): Device {
  const device = inventory.devices.find(({ uuid }) => uuid === spec.deviceUUID);
  if (device === undefined) throw new TaskFailure('OutOfCapacity', `device ${spec.deviceUUID} is not on this node`);
  if (device.executionProviders.includes(spec.executionProvider)) return device;
  throw new TaskFailure(
    'ExecutionProviderUnavailable',
    `${spec.executionProvider} does not load on device ${device.uuid}; it offers ${device.executionProviders.join(', ')}`,
  );
}

/** The uid makes the write fail when the task was replaced by a namesake. */
export async function patchStatus(
  { client }: Pick<TaskRunParts, 'client'>,
  task: InferenceTask,
  status: NonNullable<InferenceTask['status']>,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { uid: task.metadata.uid! }, status };
  await client.mergePatch(inferenceTaskResource, refOf(task), patch, { subresource: 'status', signal });
}

async function awaitAccess(
  { client, clock }: TaskRunParts,
  task: InferenceTask,
  signal: AbortSignal,
): Promise<StorageAccess> {
  const ref = { namespace: task.metadata.namespace!, name: task.spec.storageSecretName };
  const giveUp = clock.monotonic() + secretPatienceMilliseconds;
  for (;;) {
    try {
      return await readStorageAccess(client, ref, signal);
    } catch (error) {
      signal.throwIfAborted();
      const transient = error instanceof TaskFailure || isTransientApiError(error);
      if (!transient || clock.monotonic() >= giveUp) throw error;
      await sleepUnlessAborted(clock, secretRetryMilliseconds, signal);
    }
  }
}

/** Writes progress at most every two seconds, one write at a time; a lost one does not matter. */
function progressReporter(
  parts: TaskRunParts,
  task: InferenceTask,
  signal: AbortSignal,
): { report: (recordsDone: number) => void; written: () => Promise<void> } {
  const { clock, logger } = parts;
  let last = clock.monotonic();
  let write: Promise<void> | undefined;
  const report = (recordsDone: number): void => {
    if (write !== undefined || clock.monotonic() - last < progressMilliseconds) return;
    last = clock.monotonic();
    write = patchStatus(parts, task, { recordsDone }, signal)
      .catch((error: unknown) => logger.debug({ err: error }, 'progress was not written'))
      .finally(() => {
        write = undefined;
      });
  };
  return { report, written: async () => write };
}
