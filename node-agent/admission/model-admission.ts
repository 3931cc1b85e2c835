import type { InferenceTaskSpec, InferenceTaskStatus, StorageAccess } from '@isochrone/api';
import { batchSizeOf } from '../batch/plan.ts';
import { runRows } from '../batch/run-rows.ts';
import { fitsRecord } from '../batch/task-input.ts';
import { TaskFailure } from '../errors.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { ModelFormat, RecordAxisTensor } from '../runtime/model-format.ts';
import type { RuntimeKey, RuntimeLease, RuntimePool } from '../runtime/runtime-pool.ts';
import type { StorageContext } from '../storage-request.ts';
import { pseudoRandomRows } from './pseudo-random.ts';

export interface AdmissionAttempt {
  readonly spec: InferenceTaskSpec;
  readonly access: StorageAccess;
  readonly runtime: RuntimeKey;
  readonly context: StorageContext;
}

export type ModelReport = NonNullable<InferenceTaskStatus['model']>;

const measuredRuns = 5;

/**
 * Fetches and loads the model, says what its tensors are, and measures it.
 * @throws TaskFailure ModelUnavailable, ModelDigestMismatch, ModelInvalid, UnsupportedTensor, NeedsRecordShape, RunFailed, OutOfMemory, …
 */
export async function admitModel(
  { spec, access, runtime, context }: AdmissionAttempt,
  { models, pool }: { models: ModelStore; pool: RuntimePool },
): Promise<ModelReport> {
  const { sha256, sizeBytes, maxBatchSize } = spec.model;
  const model = await models.acquire({ sha256, sizeBytes, url: access.modelURL }, context);
  try {
    await using lease = await pool.acquire(runtime, model.path, context.deadline, context.signal);
    const { input, output, fixedBatch } = lease.format;
    const nanosecondsPerRecord = await measure(
      lease,
      measuredShape(lease.format, spec.model.recordShape),
      batchSizeOf(fixedBatch, maxBatchSize),
    );
    return { inputs: [tensorReport(input)], outputs: [tensorReport(output)], nanosecondsPerRecord };
  } finally {
    model.release();
  }
}

/** Shape of one record to measure with. @throws TaskFailure NeedsRecordShape */
export function measuredShape({ input }: ModelFormat, recordShape: readonly number[] | undefined): readonly number[] {
  const axes = input.shape.slice(1);
  if (recordShape === undefined) {
    const dynamic = axes.indexOf(-1);
    if (dynamic < 0) return axes;
    throw new TaskFailure(
      'NeedsRecordShape',
      `axis ${dynamic + 1} of input ${JSON.stringify(input.name)} [${input.shape.join(', ')}] is dynamic; set recordShape of the model version to the shape of one record`,
    );
  }
  if (fitsRecord(input, recordShape)) return recordShape;
  throw new TaskFailure(
    'NeedsRecordShape',
    `recordShape [${recordShape.join(', ')}] does not fit input ${JSON.stringify(input.name)} [${input.shape.join(', ')}] without its first axis`,
  );
}

/** Median time of a record, after one run that is not counted: the first allocates. */
async function measure(lease: RuntimeLease, shape: readonly number[], batch: number): Promise<number> {
  const { dataType } = lease.format.input;
  const times: number[] = [];
  for (let run = 0; run <= measuredRuns; run += 1) {
    const rows = pseudoRandomRows(dataType, [batch, ...shape], run);
    const { nanoseconds } = await runRows(lease, { dataType, shape, count: batch, rows }).catch((error: unknown) => {
      if (!(error instanceof TaskFailure) || error.reason !== 'OutputNotPerRecord') throw error;
      // While a model is admitted it is the model that is wrong, not a job's output.
      throw new TaskFailure('UnsupportedTensor', error.message, { cause: error });
    });
    if (run > 0) times.push(nanoseconds / batch);
  }
  return Math.max(1, Math.round(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!));
}

function tensorReport({ name, dataType, shape }: RecordAxisTensor): {
  name: string;
  dataType: string;
  shape: number[];
} {
  return { name, dataType, shape: [...shape] };
}
