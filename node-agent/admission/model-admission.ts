import { MAX_RECORD_BYTES, type InferenceTaskSpec, type InferenceTaskStatus, type StorageAccess } from '@isochrone/api';
import { createTensor, dataTypeInfo, elementCount, rows as rowsOf, type Tensor } from '@isochrone/tensor';
import { modelTolerance } from '@isochrone/verification';
import { batchSizeOf } from '../batch/plan.ts';
import { runRows, type RanRows } from '../batch/run-rows.ts';
import { fitsRecord } from '../batch/task-input.ts';
import { TaskFailure } from '../errors.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { ModelFormat, RecordAxisTensor } from '../runtime/model-format.ts';
import type { RuntimeKey, RuntimeLease, RuntimePool } from '../runtime/runtime-pool.ts';
import type { StorageContext } from '../storage-request.ts';
import { pseudoRandomRows } from './pseudo-random.ts';
import { assertRecordsIndependent } from './record-independence.ts';

export interface AdmissionAttempt {
  readonly spec: InferenceTaskSpec;
  readonly access: StorageAccess;
  readonly runtime: RuntimeKey;
  readonly context: StorageContext;
}

export type ModelReport = NonNullable<InferenceTaskStatus['model']>;

const measuredRuns = 5;

/**
 * Fetches and loads the model, says what its tensors are, measures it, and checks that its outputs can be verified.
 * @throws TaskFailure ModelUnavailable, ModelDigestMismatch, ModelInvalid, UnsupportedTensor, NeedsRecordShape, NotDeterministic,
 * OutputDependsOnBatch, RunFailed, OutOfMemory, …
 */
export async function admitModel(
  { spec, access, runtime, context }: AdmissionAttempt,
  { models, pool }: { models: Pick<ModelStore, 'acquire'>; pool: RuntimePool },
): Promise<ModelReport> {
  const { sha256, sizeBytes, maxBatchSize } = spec.model;
  const model = await models.acquire({ sha256, sizeBytes, url: access.modelURL }, context);
  try {
    await using lease = await pool.acquire(runtime, model.path, context.deadline, context.signal);
    const { input, output } = lease.format;
    const shape = measuredShape(lease.format, spec.model.recordShape);
    const batch = batchSizeOf(lease.format, maxBatchSize, recordBytesOf(lease.format, shape));
    const { nanosecondsPerRecord, recordShape } = await measure(lease, shape, batch);
    await checkIndependence(lease, shape, batch, spec.model);
    const measured = { ...output, shape: measuredAxes(output.shape, recordShape) };
    return { inputs: [tensorReport(input)], outputs: [tensorReport(measured)], nanosecondsPerRecord };
  } finally {
    model.release();
  }
}

/** Shape of one record to measure with. @throws TaskFailure NeedsRecordShape; UnsupportedTensor when the model wants larger ones than are run */
export function measuredShape(format: ModelFormat, recordShape: readonly number[] | undefined): readonly number[] {
  const { input } = format;
  const axes = input.shape.slice(1);
  if (recordShape === undefined) {
    const dynamic = axes.indexOf(-1);
    if (dynamic < 0) {
      if (isRunnable(format, axes)) return axes;
      throw new TaskFailure(
        'UnsupportedTensor',
        `a record of input ${JSON.stringify(input.name)} [${input.shape.join(', ')}] has more than ${MAX_RECORD_BYTES} bytes; export the model for smaller records`,
      );
    }
    throw new TaskFailure(
      'NeedsRecordShape',
      `axis ${dynamic + 1} of input ${JSON.stringify(input.name)} [${input.shape.join(', ')}] is dynamic; add a version whose recordShape is the shape of one record`,
    );
  }
  if (!isRunnable(format, recordShape)) {
    throw new TaskFailure(
      'NeedsRecordShape',
      `a record of recordShape [${recordShape.join(', ')}] has more than ${MAX_RECORD_BYTES} bytes; add a version with a smaller one`,
    );
  }
  if (fitsRecord(input, recordShape)) return recordShape;
  throw new TaskFailure(
    'NeedsRecordShape',
    `recordShape [${recordShape.join(', ')}] does not fit input ${JSON.stringify(input.name)} [${input.shape.join(', ')}] without its first axis`,
  );
}

function recordBytesOf({ input }: ModelFormat, shape: readonly number[]): number {
  return elementCount(shape) * dataTypeInfo(input.dataType).bytesPerElement!;
}

function isRunnable(format: ModelFormat, shape: readonly number[]): boolean {
  // In floating point: a shape may have more elements than there are safe integers.
  return shape.reduce((product, size) => product * size, recordBytesOf(format, [])) <= MAX_RECORD_BYTES;
}

/**
 * The declared shape of an output, open where the model does not keep it: onnxruntime only warns of a size that a file states
 * wrongly, and every node that delivers what the model gives would seem to cheat.
 */
function measuredAxes(declared: readonly number[], recordShape: readonly number[]): readonly number[] {
  const [first, ...axes] = declared;
  const isRank = axes.length === recordShape.length;
  return [first!, ...recordShape.map((size, axis) => (isRank && axes[axis] === size ? size : -1))];
}

/** Median time of a record, after one run that is not counted: the first allocates. And the shape of what comes out. */
async function measure(
  lease: RuntimeLease,
  shape: readonly number[],
  batch: number,
): Promise<{ nanosecondsPerRecord: number; recordShape: readonly number[] }> {
  const { dataType } = lease.format.input;
  const times: number[] = [];
  let recordShape: readonly number[] = [];
  for (let run = 0; run <= measuredRuns; run += 1) {
    const { nanoseconds, format } = await runMeasured(
      lease,
      shape,
      batch,
      pseudoRandomRows(dataType, [batch, ...shape], run),
    );
    recordShape = format.shape;
    if (run > 0) times.push(nanoseconds / batch);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
  return { nanosecondsPerRecord: Math.max(1, Math.round(median)), recordShape };
}

async function checkIndependence(
  lease: RuntimeLease,
  shape: readonly number[],
  batch: number,
  model: InferenceTaskSpec['model'],
): Promise<void> {
  const { input, output, fixedBatch } = lease.format;
  const run = async (indices: readonly number[]): Promise<Tensor[]> => {
    // The first, which is also run alone, is small beside the others: a model that scales by the largest value of the batch shows.
    const records = indices.map((index) => pseudoRandomRows(input.dataType, shape, index, index === 0 ? 6 : 0));
    const { rows, format } = await runMeasured(lease, shape, indices.length, Buffer.concat(records));
    return rowsOf(createTensor(format.dataType, [indices.length, ...format.shape], rows));
  };
  const remedy =
    fixedBatch === undefined
      ? 'add a version of the model with maxBatchSize 1'
      : 'export the model with a dynamic first axis and add a version with maxBatchSize 1';
  await assertRecordsIndependent(run, batch, modelTolerance(model, output.dataType, 'SameClass'), remedy);
}

async function runMeasured(
  lease: RuntimeLease,
  shape: readonly number[],
  count: number,
  rows: Uint8Array,
): Promise<RanRows> {
  return runRows(lease, { dataType: lease.format.input.dataType, shape, count, rows }).catch((error: unknown) => {
    if (!(error instanceof TaskFailure) || error.reason !== 'OutputNotPerRecord') throw error;
    // While a model is admitted it is the model that is wrong, not a job's output.
    throw new TaskFailure('UnsupportedTensor', error.message, { cause: error });
  });
}

function tensorReport({ name, dataType, shape }: RecordAxisTensor): {
  name: string;
  dataType: string;
  shape: number[];
} {
  return { name, dataType, shape: [...shape] };
}
