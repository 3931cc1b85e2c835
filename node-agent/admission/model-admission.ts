import type { InferenceTaskSpec, InferenceTaskStatus, StorageAccess } from '@isochrone/api';
import { rows as rowsOf, type RecordLayout, type Tensor } from '@isochrone/tensor';
import { modelTolerance } from '@isochrone/verification';
import { batchSizeOf } from '../batch/plan.ts';
import { runRows, type RanRows } from '../batch/run-rows.ts';
import { TaskFailure } from '../errors.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { RecordAxisTensor } from '../runtime/model-format.ts';
import type { RuntimeKey, RuntimeLease, RuntimePool } from '../runtime/runtime-pool.ts';
import type { StorageContext } from '../storage-request.ts';
import { measuredLayout } from './measured-layout.ts';
import { pseudoRandomRecords } from './pseudo-random.ts';
import { assertRecordsIndependent, type RunRecords } from './record-independence.ts';

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
    const layout = measuredLayout(lease.format, recordShapesOf(spec.model));
    const batch = batchSizeOf(lease.format, maxBatchSize, layout.recordBytes);
    const { nanosecondsPerRecord, outputs } = await measure(lease, layout, batch);
    await checkIndependence(lease, layout, batch, spec.model);
    return {
      inputs: lease.format.inputs.map(tensorReport),
      outputs: lease.format.outputs.map((output, index) =>
        tensorReport({ ...output, shape: measuredAxes(output.shape, outputs[index]!.shape.slice(1)) }),
      ),
      nanosecondsPerRecord,
    };
  } finally {
    model.release();
  }
}

/** One shape is of the only input. */
function recordShapesOf({
  recordShape,
  recordShapes,
}: InferenceTaskSpec['model']): InferenceTaskSpec['model']['recordShapes'] {
  return recordShapes ?? (recordShape === undefined ? undefined : [{ shape: recordShape }]);
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

/** Median time of a record, after one run that is not counted: the first allocates. And what comes out. */
async function measure(
  lease: RuntimeLease,
  layout: RecordLayout,
  batch: number,
): Promise<{ nanosecondsPerRecord: number; outputs: readonly Tensor[] }> {
  const times: number[] = [];
  let outputs: readonly Tensor[] = [];
  for (let run = 0; run <= measuredRuns; run += 1) {
    const ran = await runMeasured(lease, layout, batch, pseudoRandomRecords(layout, batch, run));
    outputs = ran.outputs;
    if (run > 0) times.push(ran.nanoseconds / batch);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
  return { nanosecondsPerRecord: Math.max(1, Math.round(median)), outputs };
}

async function checkIndependence(
  lease: RuntimeLease,
  layout: RecordLayout,
  batch: number,
  model: InferenceTaskSpec['model'],
): Promise<void> {
  const { outputs, fixedBatch } = lease.format;
  const run: RunRecords = async (indices) => {
    // The first, which is also run alone, is small beside the others: a model that scales by the largest value of the batch shows.
    const records = indices.map((index) => pseudoRandomRecords(layout, 1, index, index === 0 ? 6 : 0));
    const ran = await runMeasured(lease, layout, indices.length, Buffer.concat(records));
    const columns = ran.outputs.map(rowsOf);
    return indices.map((_, position) =>
      columns.map((rows, index) => ({ name: outputs[index]!.name, tensor: rows[position]! })),
    );
  };
  const remedy =
    fixedBatch === undefined
      ? 'add a version of the model with maxBatchSize 1'
      : 'export the model with a dynamic first axis and add a version with maxBatchSize 1';
  await assertRecordsIndependent(run, batch, (dataType) => modelTolerance(model, dataType, 'SameClass'), remedy);
}

async function runMeasured(
  lease: RuntimeLease,
  layout: RecordLayout,
  count: number,
  rows: Uint8Array,
): Promise<RanRows> {
  return runRows(lease, layout, count, rows).catch((error: unknown) => {
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
