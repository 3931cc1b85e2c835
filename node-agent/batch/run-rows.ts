import { MAX_RECORD_BYTES } from '@isochrone/api';
import { TensorError, createTensor, type Tensor } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import type { RecordFormat } from './output-file.ts';

export interface RanRows {
  readonly rows: Uint8Array;
  readonly format: RecordFormat;
  readonly nanoseconds: number;
}

/**
 * Runs records as one batch and returns a row for each. A batch that the model fixes larger is filled up with the last record.
 * @throws TaskFailure InputRejected, OutputNotPerRecord, UnsupportedTensor, and what a run can fail with
 */
export async function runRows(
  lease: RuntimeLease,
  records: {
    readonly dataType: Tensor['dtype'];
    readonly shape: readonly number[];
    readonly count: number;
    readonly rows: Uint8Array;
  },
): Promise<RanRows> {
  const { input, output, fixedBatch } = lease.format;
  const { dataType, shape, count, rows } = records;
  const batch = fixedBatch ?? count;
  const data = batch === count ? rows : padded(rows, count, batch);
  const { output: result, nanoseconds } = await lease.run(inputTensor(dataType, [batch, ...shape], data));
  const [first, ...recordShape] = result.shape;
  if (first !== batch) {
    throw new TaskFailure(
      'OutputNotPerRecord',
      `output ${output.name} has the shape [${result.shape.join(', ')}] for ${batch} records of ${input.name}; its first axis must be the records`,
    );
  }
  const recordBytes = result.data.byteLength / batch;
  if (recordBytes > MAX_RECORD_BYTES) {
    throw new TaskFailure(
      'UnsupportedTensor',
      `output ${output.name} has ${recordBytes} bytes for a record; export the model with an output of at most ${MAX_RECORD_BYTES}`,
    );
  }
  return {
    rows: result.data.subarray(0, recordBytes * count),
    format: { dataType: result.dtype, shape: recordShape },
    nanoseconds,
  };
}

/** @throws TaskFailure InputRejected for bytes that the data type does not have */
function inputTensor(dataType: Tensor['dtype'], shape: readonly number[], data: Uint8Array): Tensor {
  try {
    return createTensor(dataType, shape, data);
  } catch (cause) {
    if (!(cause instanceof TensorError)) throw cause;
    throw new TaskFailure('InputRejected', `the input holds what its data type has not: ${cause.message}`, { cause });
  }
}

function padded(rows: Uint8Array, count: number, batch: number): Uint8Array {
  const recordBytes = rows.byteLength / count;
  const data = new Uint8Array(recordBytes * batch);
  data.set(rows);
  const last = rows.subarray(rows.byteLength - recordBytes);
  for (let index = count; index < batch; index += 1) data.set(last, index * recordBytes);
  return data;
}

/** @throws TaskFailure OutputNotPerRecord when records of one task give rows of different kinds */
export function assertSameFormat(expected: RecordFormat, actual: RecordFormat): void {
  const same =
    expected.dataType === actual.dataType &&
    expected.shape.length === actual.shape.length &&
    expected.shape.every((size, axis) => size === actual.shape[axis]);
  if (same) return;
  throw new TaskFailure(
    'OutputNotPerRecord',
    `the output of a record is ${text(actual)} in one batch and ${text(expected)} in another; a job needs one shape`,
  );
}

function text({ dataType, shape }: RecordFormat): string {
  return `${dataType}[${shape.join(', ')}]`;
}
