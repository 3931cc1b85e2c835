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

/** How many records a run takes: as many as the task allows where the model leaves it open, else what the model fixes. */
export function batchSizeOf(fixedBatch: number | undefined, maxBatchSize: number): number {
  return fixedBatch ?? maxBatchSize;
}
