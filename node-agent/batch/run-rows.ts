import { MAX_RECORD_BYTES } from '@isochrone/api';
import {
  TensorError,
  decodeBytesElements,
  readRecords,
  sliceRows,
  type RecordLayout,
  type Tensor,
} from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import type { RecordFormat } from './output-file.ts';

export interface RanRows {
  /** In the order of the model's outputs; the first axis is the records. */
  readonly outputs: readonly Tensor[];
  readonly nanoseconds: number;
}

/**
 * Runs records as one batch and returns a row of each output for each. A batch that the model fixes larger is filled up with
 * the last record.
 * @param layout its fields are in the order of the model's inputs
 * @throws TaskFailure InputRejected, OutputNotPerRecord, UnsupportedTensor, and what a run can fail with
 */
export async function runRows(
  lease: RuntimeLease,
  layout: RecordLayout,
  count: number,
  rows: Uint8Array,
): Promise<RanRows> {
  const { inputs, outputs, fixedBatch } = lease.format;
  const batch = fixedBatch ?? count;
  const data = batch === count ? rows : padded(rows, count, batch);
  const { outputs: results, nanoseconds } = await lease.run(inputTensors(layout, data, batch));
  let recordBytes = 0;
  for (const [index, { shape, data: bytes }] of results.entries()) {
    if (shape[0] !== batch) {
      throw new TaskFailure(
        'OutputNotPerRecord',
        `output ${outputs[index]!.name} has the shape [${shape.join(', ')}] for ${batch} records of ${inputs[0]!.name}; its first axis must be the records`,
      );
    }
    recordBytes += bytes.byteLength / batch;
  }
  if (recordBytes > MAX_RECORD_BYTES) {
    const names = outputs.map(({ name }) => name).join(', ');
    throw new TaskFailure(
      'UnsupportedTensor',
      `${outputs.length === 1 ? `output ${names} has` : `outputs ${names} have`} ${recordBytes} bytes for a record; export the model with an output of at most ${MAX_RECORD_BYTES}`,
    );
  }
  return { outputs: results.map((output) => sliceRows(output, 0, count)), nanoseconds };
}

/** @throws TaskFailure InputRejected for bytes that the data type does not have */
function inputTensors(layout: RecordLayout, data: Uint8Array, batch: number): Tensor[] {
  try {
    const tensors = readRecords(layout, data, batch);
    for (const tensor of tensors) if (tensor.dtype === 'BYTES') assertStrings(tensor);
    return tensors;
  } catch (cause) {
    if (!(cause instanceof TensorError)) throw cause;
    throw new TaskFailure('InputRejected', `the input holds what its data type has not: ${cause.message}`, { cause });
  }
}

/** What onnxruntime can carry. @throws TaskFailure InputRejected */
function assertStrings(tensor: Tensor): void {
  for (const [index, element] of decodeBytesElements(tensor).entries()) {
    if (element.includes(0))
      throw new TaskFailure('InputRejected', `string element ${index} holds a zero, which onnxruntime cannot carry`);
    if (!isUTF8(element))
      throw new TaskFailure('InputRejected', `string element ${index} is not UTF-8, which onnxruntime needs`);
  }
}

function isUTF8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
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

/** What the outputs of one record are. */
export function formatsOf(names: readonly string[], outputs: readonly Tensor[]): RecordFormat[] {
  return outputs.map(({ dtype, shape }, index) => ({ name: names[index]!, dataType: dtype, shape: shape.slice(1) }));
}

/** @throws TaskFailure OutputNotPerRecord when records of one task give rows of different kinds */
export function assertSameFormat(expected: readonly RecordFormat[], actual: readonly RecordFormat[]): void {
  const other = actual.findIndex((format, index) => text(format) !== text(expected[index]!));
  if (other < 0) return;
  throw new TaskFailure(
    'OutputNotPerRecord',
    `the output of a record is ${text(actual[other]!)} in one batch and ${text(expected[other]!)} in another; a job needs one shape`,
  );
}

function text({ dataType, shape }: RecordFormat): string {
  return `${dataType}[${shape.join(', ')}]`;
}
