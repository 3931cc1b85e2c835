import { finalizers, type InferenceJob, type InferenceModel } from '@isochrone/api';

const now = '2026-11-01T00:00:00Z';

export const jobUID = '11111111-1111-4111-8111-111111111111';

/** A job as the API server gives it: defaults set. */
export function makeJob(spec: Partial<InferenceJob['spec']> = {}, status?: InferenceJob['status']): InferenceJob {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceJob',
    metadata: {
      name: 'job',
      namespace: 'vision',
      uid: jobUID,
      generation: 1,
      creationTimestamp: now,
      finalizers: [finalizers.settlement],
    },
    spec: {
      modelRef: { name: 'model', version: '1' },
      input: { uri: 's3://data/input.npy', format: 'Npy', credentialsSecretRef: { name: 's3' } },
      output: { uri: 's3://data/out/', credentialsSecretRef: { name: 's3' } },
      recordsPerShard: 10,
      parallelism: 4,
      suspend: false,
      hardware: { executionProviders: ['CPU'] },
      placement: { strategy: 'Cost' },
      budget: { total: '100.00' },
      verification: { mode: 'Sampled', minSamplePercent: 2 },
      backoffLimitPerShard: 3,
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** A model that may be used. */
export function makeModel(): InferenceModel {
  const sha256 = 'a'.repeat(64);
  const admitted = {
    type: 'Admitted',
    status: 'True',
    reason: 'Admitted',
    message: '',
    lastTransitionTime: now,
  } as const;
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceModel',
    metadata: { name: 'model', uid: 'model', creationTimestamp: now },
    spec: {
      versions: [
        {
          version: '1',
          uri: 's3://models/m.onnx',
          sha256,
          numericProfile: 'FP32Strict',
          deviceMemory: '1Gi',
          maxBatchSize: 8,
          referenceNanosecondsPerRecord: 1_000_000,
        },
      ],
    },
    status: {
      versions: [
        {
          version: '1',
          sha256,
          sizeBytes: 10,
          inputs: [{ name: 'x', dataType: 'FP32', shape: [-1, 4] }],
          outputs: [{ name: 'y', dataType: 'FP32', shape: [-1, 2] }],
          conditions: [admitted],
        },
      ],
    },
  };
}
