import type { InferenceTask } from '@isochrone/api';
import type { Attempt } from '../attempts.ts';
import { JobMemory } from '../job-memory.ts';
import type { Observed, PlaceView } from '../observed.ts';
import { defaultJobOptions } from '../options.ts';
import { jobUID, makeJob, makeModel } from './objects.ts';

/** Milliseconds since 1970 at which the tests of one decision stand. */
export const now = Date.parse('2026-11-01T12:00:00Z');

export function makeAttempt(overrides: Partial<Attempt> = {}): Attempt {
  const records = overrides.records ?? 10;
  return {
    attempt: 1,
    purpose: 'Work',
    verifies: undefined,
    state: 'Held',
    reason: undefined,
    charged: false,
    cluster: 'alpha',
    node: 'n1',
    provider: 'acme',
    heldAt: now,
    settledAt: undefined,
    shards: [{ index: 0, records, amount: 100n, output: undefined }],
    records,
    amount: 100n,
    ...overrides,
  };
}

export function makeTask(
  attempt: number,
  status?: InferenceTask['status'],
  spec: Partial<InferenceTask['spec']> = {},
): InferenceTask {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: { name: `task-${attempt}`, namespace: 'edge-alpha', uid: `uid-${attempt}`, resourceVersion: '1' },
    spec: {
      type: 'Batch',
      workUID: jobUID,
      attempt,
      nodeName: 'n1',
      deviceUUID: 'd',
      executionProvider: 'CPU',
      timeoutSeconds: 600,
      storageSecretName: 's',
      model: {
        sha256: 'a'.repeat(64),
        sizeBytes: 1,
        numericProfile: 'FP32Strict',
        maxBatchSize: 1,
        deviceMemory: '1Gi',
      },
      shards: [{ index: 0, firstRecord: 0, records: 10 }],
      ...spec,
    },
    ...(status === undefined ? {} : { status: { attempt, ...status } }),
  };
}

export const well: PlaceView = {
  isQuarantined: false,
  clusterUnreachableSince: undefined,
  nodeNotReadySince: undefined,
  evictionHeldUntil: undefined,
};

export const admitted = {
  etag: '"e"',
  sizeBytes: 1,
  recordBytes: 16,
  fields: [{ name: 'x', dataType: 'FP32', shape: [4], offset: 0 }],
  records: 100,
  dataOffset: 128,
};

/** A running job of 100 records in ten shards, with what a test says besides; `remember` fills the memory. */
export function observe(
  overrides: Partial<Omit<Observed, 'known'>> = {},
  remember: (memory: JobMemory) => void = () => undefined,
): Observed {
  const job = overrides.job ?? makeJob({}, { input: admitted, startTime: '2026-11-01T11:59:00Z' });
  const known = new JobMemory(job);
  remember(known);
  return {
    job,
    model: makeModel(),
    attempts: [],
    tasks: new Map(),
    place: () => well,
    known,
    options: defaultJobOptions,
    ...overrides,
  };
}
