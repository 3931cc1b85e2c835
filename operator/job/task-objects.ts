import {
  annotations,
  STORAGE_ACCESS_KEY,
  edgeNamespace,
  inferenceTaskResource,
  labels,
  type InferenceJob,
  type InferenceTask,
  type StorageAccess,
} from '@isochrone/api';
import { apiVersionOf, type Secret } from '@isochrone/kube';
import { describeLayout } from '@isochrone/tensor';
import type { TaskIdentity } from '../attempt/identity.ts';
import type { Attempt } from './attempts.ts';
import { inputLayout, type JobModel } from './model-check.ts';
import type { AdmittedInput, PendingTask } from './observed.ts';
import type { JobOptions } from './options.ts';

type TaskShard = NonNullable<InferenceTask['spec']['shards']>[number];

/** The task of an attempt. Nothing in it tells work from its re-execution. */
export function buildTask(
  job: InferenceJob,
  input: AdmittedInput,
  model: JobModel,
  attempt: Attempt,
  primary: Attempt | undefined,
  { workUID, name }: TaskIdentity,
  { binding, composition }: PendingTask,
  options: JobOptions,
): InferenceTask {
  const { version } = model;
  const composed = typeof composition === 'object' && 'etag' in composition ? composition : undefined;
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: {
      namespace: edgeNamespace(binding.cluster),
      name,
      labels: { [labels.workUID]: workUID },
      annotations: { [annotations.predictedMilliseconds]: String(binding.predictedMilliseconds) },
    },
    spec: {
      type: 'Batch',
      workUID,
      attempt: attempt.attempt,
      nodeName: binding.node,
      deviceUUID: binding.deviceUuid,
      executionProvider: binding.executionProvider as InferenceTask['spec']['executionProvider'],
      timeoutSeconds: timeoutSeconds(attempt.records, model.referenceNanosecondsPerRecord, options),
      storageSecretName: name,
      model: {
        sha256: version.sha256,
        sizeBytes: model.sizeBytes,
        numericProfile: version.numericProfile,
        maxBatchSize: version.maxBatchSize,
        deviceMemory: model.deviceMemoryQuantity,
      },
      input: {
        etag: composed?.etag ?? input.etag,
        dataOffset: composed?.dataOffset ?? input.dataOffset,
        ...describeLayout(inputLayout(input, model)),
      },
      shards:
        composed === undefined
          ? shardsOf(job, primary ?? attempt)
          : composedShards(attempt.records, job.spec.recordsPerShard),
    },
  };
}

function shardsOf({ spec }: InferenceJob, { shards }: Attempt): TaskShard[] {
  return shards.map(({ index, records }) => ({ index, firstRecord: index * spec.recordsPerShard, records }));
}

function composedShards(records: number, recordsPerShard: number): TaskShard[] {
  return Array.from({ length: Math.ceil(records / recordsPerShard) }, (_, index) => {
    const firstRecord = index * recordsPerShard;
    return { index, firstRecord, records: Math.min(recordsPerShard, records - firstRecord) };
  });
}

export function timeoutSeconds(records: number, referenceNanoseconds: number, options: JobOptions): number {
  return Math.max(
    options.timeoutFloorSeconds,
    Math.ceil((records * referenceNanoseconds * options.timeoutFactor) / 1e9),
  );
}

/** The storage Secret of a task, which goes when the task goes. */
export function buildSecret(task: InferenceTask, access: StorageAccess): Secret {
  const { namespace, name, uid } = task.metadata;
  const owner = {
    apiVersion: apiVersionOf(inferenceTaskResource),
    kind: inferenceTaskResource.kind,
    name,
    uid: uid!,
    controller: true,
  };
  return {
    metadata: {
      namespace: namespace!,
      name: task.spec.storageSecretName,
      labels: task.metadata.labels ?? {},
      ownerReferences: [owner],
    },
    type: 'Opaque',
    data: { [STORAGE_ACCESS_KEY]: Buffer.from(JSON.stringify(access)).toString('base64') },
  };
}
