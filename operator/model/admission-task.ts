import {
  annotations,
  labels,
  STORAGE_ACCESS_KEY,
  type InferenceModel,
  type InferenceTask,
  type StorageAccess,
} from '@isochrone/api';
import type { Secret } from '@isochrone/kube';
import { ADMISSION_TIMEOUT_SECONDS, type ModelVersion } from './reconcile.ts';
import type { TrustedDevice } from './trusted-device.ts';

/** URLs outlive the task, so that a late start does not meet an expired one. */
export const ADMISSION_ACCESS_SECONDS = ADMISSION_TIMEOUT_SECONDS + 300;

export interface AdmissionTaskOptions {
  readonly model: InferenceModel;
  readonly version: ModelVersion;
  readonly device: TrustedDevice;
  readonly workUID: string;
  /** Grows with every try. */
  readonly attempt: number;
  readonly sizeBytes: number;
}

/** The task that loads a version on a trusted node, tells its tensors and measures it. */
export function admissionTask(options: AdmissionTaskOptions): InferenceTask {
  const { model, version, device, workUID, attempt, sizeBytes } = options;
  const name = `admission-${workUID.slice(0, 8)}-${attempt}`;
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: {
      name,
      namespace: device.namespace,
      labels: { [labels.workUID]: workUID },
      annotations: { [annotations.model]: model.metadata.name },
    },
    spec: {
      type: 'ModelAdmission',
      workUID,
      attempt,
      nodeName: device.node,
      deviceUUID: device.deviceUUID,
      executionProvider: device.executionProvider,
      timeoutSeconds: ADMISSION_TIMEOUT_SECONDS,
      storageSecretName: name,
      model: {
        sha256: version.sha256,
        sizeBytes,
        numericProfile: version.numericProfile,
        maxBatchSize: version.maxBatchSize,
        deviceMemory: version.deviceMemory,
        ...(version.recordShape === undefined ? {} : { recordShape: version.recordShape }),
        ...(version.recordShapes === undefined ? {} : { recordShapes: version.recordShapes }),
        ...(version.tolerance === undefined ? {} : { tolerance: version.tolerance }),
      },
    },
  };
}

/** The Secret that a task reads its URLs from, owned by it. @param expiresAt milliseconds since 1970 */
export function admissionSecret(task: InferenceTask, modelURL: string, expiresAt: number): Secret {
  const { name, namespace = '', uid = '' } = task.metadata;
  const access: StorageAccess = { modelURL, outputs: [], expirationTime: new Date(expiresAt).toISOString() };
  const { apiVersion, kind } = task;
  return {
    metadata: { name: task.spec.storageSecretName, namespace, ownerReferences: [{ apiVersion, kind, name, uid }] },
    stringData: { [STORAGE_ACCESS_KEY]: JSON.stringify(access) },
  };
}
