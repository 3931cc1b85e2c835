import { MAX_RECORD_BYTES } from '@isochrone/api';
import { TaskFailure } from '../errors.ts';
import type { ModelFormat } from '../runtime/model-format.ts';

export interface ShardRange {
  readonly index: number;
  /** Global index in the input. */
  readonly firstRecord: number;
  readonly records: number;
}

/** Records [firstRecord, firstRecord + records) of one shard. */
export interface RecordRange {
  readonly firstRecord: number;
  readonly records: number;
}

/** Parts of a range with at most `size` records, in order. */
export function* partsOf({ firstRecord, records }: RecordRange, size: number): Generator<RecordRange> {
  for (let done = 0; done < records; done += size) {
    yield { firstRecord: firstRecord + done, records: Math.min(size, records - done) };
  }
}

/**
 * Records of one read: whole batches, near the target size, and at least one batch.
 * @param recordBytes bytes of one record
 */
export function recordsPerRead(recordBytes: number, batchSize: number, targetBytes: number): number {
  const batchBytes = recordBytes * batchSize;
  return batchSize * Math.max(1, batchBytes === 0 ? 1 : Math.floor(targetBytes / batchBytes));
}

/** The agent's own process holds a batch several times on its way from storage to the runtime process. */
const batchTargetBytes = 16 * 1024 * 1024;

/**
 * How many records a run takes: what the model fixes, or as many as the task allows and the agent can hold. An output does not
 * depend on it: that is checked when a model is admitted.
 * @param recordBytes bytes of one record
 * @throws TaskFailure UnsupportedTensor when the model fixes more than can be held
 */
export function batchSizeOf({ inputs, fixedBatch }: ModelFormat, maxBatchSize: number, recordBytes: number): number {
  if (fixedBatch === undefined)
    return Math.max(1, Math.min(maxBatchSize, Math.floor(batchTargetBytes / Math.max(1, recordBytes))));
  if (fixedBatch * recordBytes <= MAX_RECORD_BYTES) return fixedBatch;
  throw new TaskFailure(
    'UnsupportedTensor',
    `input ${JSON.stringify(inputs[0]!.name)} has a first axis of size ${fixedBatch}, records of ${recordBytes} bytes, and may have ${MAX_RECORD_BYTES} bytes in all; export the model with a dynamic first axis`,
  );
}
