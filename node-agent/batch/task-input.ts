import { MAX_RECORD_BYTES, type InferenceTaskSpec, type StorageAccess } from '@isochrone/api';
import { dataTypeInfo, elementCount, parseDataType, type DataType } from '@isochrone/tensor';
import { TaskFailure, messageOf } from '../errors.ts';
import type { ModelFormat, RecordAxisTensor } from '../runtime/model-format.ts';
import type { InputObject } from './input-reader.ts';
import type { ShardRange } from './plan.ts';

/** What a task of type Batch says of its input, read strictly. */
export interface TaskInput {
  readonly object: InputObject;
  readonly dataType: DataType;
  readonly recordShape: readonly number[];
  /** Ascending. */
  readonly shards: readonly ShardRange[];
}

/** @throws TaskFailure InputRejected, AgentInternal when the task lacks what its type needs */
export function taskInput(spec: InferenceTaskSpec, access: StorageAccess): TaskInput {
  const { input, shards } = spec;
  if (input === undefined || shards === undefined || access.inputURL === undefined) {
    throw new TaskFailure(
      'AgentInternal',
      'a task of type Batch needs spec.input, spec.shards and inputURL in its storage Secret',
    );
  }
  let dataType: DataType;
  let recordBytes: number;
  try {
    dataType = parseDataType(input.dataType);
    recordBytes = elementCount(input.recordShape) * dataTypeInfo(dataType).bytesPerElement!;
  } catch (cause) {
    throw new TaskFailure('InputRejected', `spec.input: ${messageOf(cause)}`, { cause });
  }
  if (!(recordBytes <= MAX_RECORD_BYTES)) {
    throw new TaskFailure(
      'InputRejected',
      `spec.input: a record of ${dataType}[${input.recordShape.join(', ')}] is larger than ${MAX_RECORD_BYTES} bytes`,
    );
  }
  return {
    object: { url: access.inputURL, etag: input.etag, dataOffset: input.dataOffset, recordBytes },
    dataType,
    recordShape: input.recordShape,
    shards: shards.toSorted((a, b) => a.index - b.index),
  };
}

/** @throws TaskFailure InputRejected when records do not fit the model */
export function assertInputFits({ dataType, recordShape }: TaskInput, { input }: ModelFormat): void {
  if (dataType !== input.dataType) {
    throw new TaskFailure(
      'InputRejected',
      `the input is ${dataType}, tensor ${input.name} takes ${input.dataType}; convert the input`,
    );
  }
  if (fitsRecord(input, recordShape)) return;
  throw new TaskFailure(
    'InputRejected',
    `a record is [${recordShape.join(', ')}], tensor ${input.name} takes [${input.shape.slice(1).join(', ')}] (-1 is any size)`,
  );
}

/** Whether the tensor without its first axis can have the shape. */
export function fitsRecord(tensor: RecordAxisTensor, recordShape: readonly number[]): boolean {
  const axes = tensor.shape.slice(1);
  return axes.length === recordShape.length && axes.every((size, axis) => size === -1 || size === recordShape[axis]);
}
