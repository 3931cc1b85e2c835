import { MAX_RECORD_BYTES, type InferenceTaskSpec, type StorageAccess } from '@isochrone/api';
import { describedLayout, type Field, type RecordLayout } from '@isochrone/tensor';
import { TaskFailure, messageOf } from '../errors.ts';
import type { ModelFormat, RecordAxisTensor } from '../runtime/model-format.ts';
import type { InputObject } from './input-reader.ts';
import type { ShardRange } from './plan.ts';

/** Name of the only tensor of a task whose hub told none: it is that of the model. */
const unnamed = '';

/** What a task of type Batch says of its input, read strictly. */
export interface TaskInput {
  readonly object: InputObject;
  readonly layout: RecordLayout;
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
  const { etag, dataOffset } = input;
  const layout = layoutOfTask(input);
  const { recordBytes } = layout;
  if (!(recordBytes <= MAX_RECORD_BYTES)) {
    throw new TaskFailure(
      'InputRejected',
      `spec.input: a record of ${recordBytes} bytes is larger than ${MAX_RECORD_BYTES} bytes`,
    );
  }
  return {
    object: { url: access.inputURL, etag, dataOffset, recordBytes },
    layout,
    shards: shards.toSorted((a, b) => a.index - b.index),
  };
}

function layoutOfTask(input: NonNullable<InferenceTaskSpec['input']>): RecordLayout {
  try {
    return describedLayout(input, unnamed);
  } catch (cause) {
    throw new TaskFailure('InputRejected', `spec.input: ${messageOf(cause)}`, { cause });
  }
}

/** The input with its fields in the order of the model's tensors. @throws TaskFailure InputRejected when records do not fit the model */
export function bindInput(input: TaskInput, { inputs }: ModelFormat): TaskInput {
  const { fields, recordBytes } = nameInput(input, inputs[0]!.name).layout;
  const ordered = inputs.map((tensor) => {
    const field = fields.find(({ name }) => name === tensor.name);
    if (field === undefined) {
      const has = fields.map(({ name }) => name).join(', ');
      throw new TaskFailure('InputRejected', `the input has no tensor ${tensor.name}; it has ${has}`);
    }
    if (field.dataType !== tensor.dataType) {
      throw new TaskFailure(
        'InputRejected',
        `the input is ${field.dataType}, tensor ${tensor.name} takes ${tensor.dataType}; convert the input`,
      );
    }
    if (!fitsRecord(tensor, field.shape)) {
      throw new TaskFailure(
        'InputRejected',
        `a record is [${field.shape.join(', ')}], tensor ${tensor.name} takes [${tensor.shape.slice(1).join(', ')}] (-1 is any size)`,
      );
    }
    return field;
  });
  return { ...input, layout: { fields: ordered, recordBytes } };
}

/** The input with the name of its only tensor, where the task tells none. */
export function nameInput(input: TaskInput, name: string | undefined): TaskInput {
  if (name === undefined) return input;
  const { fields, recordBytes } = input.layout;
  const named = fields.map((field): Field => (field.name === unnamed ? { ...field, name } : field));
  return { ...input, layout: { fields: named, recordBytes } };
}

/** Whether the tensor without its first axis can have the shape. */
export function fitsRecord(tensor: RecordAxisTensor, recordShape: readonly number[]): boolean {
  const axes = tensor.shape.slice(1);
  return axes.length === recordShape.length && axes.every((size, axis) => size === -1 || size === recordShape[axis]);
}
