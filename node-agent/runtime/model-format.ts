import { dataTypeOfOnnxruntime, isFieldName, type DataType } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { TensorDescription } from './protocol.ts';
import type { LoadedModel } from './runtime.ts';

/** What a receipt, and the status of a model, can hold. */
const MAX_NAME = 256;
const MAX_TENSORS = 64;

/** A tensor whose first axis is the records; -1 in its shapes is a dynamic axis. */
export interface RecordAxisTensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

/** A model that this program can run: tensors in, tensors out, all with an axis of records. */
export interface ModelFormat {
  /** In the order of the model; at least one. */
  readonly inputs: readonly RecordAxisTensor[];
  readonly outputs: readonly RecordAxisTensor[];
  /** Records of one run where the model fixes them. */
  readonly fixedBatch: number | undefined;
}

/** @throws TaskFailure UnsupportedTensor, which names the tensor and the remedy */
export function modelFormat(loaded: LoadedModel): ModelFormat {
  const inputs = recordTensors('input', loaded.inputs);
  const outputs = recordTensors('output', loaded.outputs);
  const [{ name, shape }] = inputs as [RecordAxisTensor];
  const first = shape[0]!;
  const fixedBatch = first === -1 ? undefined : first;
  if (fixedBatch === 0)
    throw unsupported('input', name, 'has a first axis of size 0; export the model with a dynamic first axis');
  for (const input of inputs) if (input.shape[0] !== first) throw otherFirstAxis('input', input, name, fixedBatch);
  for (const output of outputs) {
    // With batches of one record an output may say 1, whatever its input leaves open.
    const isRecords = output.shape[0] === -1 || output.shape[0] === (fixedBatch ?? 1);
    if (!isRecords) throw otherFirstAxis('output', output, name, fixedBatch);
  }
  return { inputs, outputs, fixedBatch };
}

function otherFirstAxis(
  kind: string,
  tensor: RecordAxisTensor,
  input: string,
  fixedBatch: number | undefined,
): TaskFailure {
  const first = tensor.shape[0] === -1 ? 'a dynamic first axis' : `a first axis of size ${tensor.shape[0]!}`;
  return unsupported(
    kind,
    tensor.name,
    `has ${first}, that of input ${input} is ${fixedBatch ?? 'dynamic'}; both must be the records`,
  );
}

function recordTensors(kind: 'input' | 'output', tensors: readonly TensorDescription[]): RecordAxisTensor[] {
  if (tensors.length === 0) throw new TaskFailure('UnsupportedTensor', `the model has no ${kind}; it must have one`);
  if (tensors.length > MAX_TENSORS)
    throw new TaskFailure(
      'UnsupportedTensor',
      `the model has ${tensors.length} ${kind}s, at most ${MAX_TENSORS} are run; join some of them by Concat`,
    );
  return tensors.map((tensor) => recordTensor(kind, tensor, tensors.length > 1));
}

function recordTensor(kind: string, { name, type, shape }: TensorDescription, isField: boolean): RecordAxisTensor {
  const dataType = dataTypeOf(kind, name, type);
  // onnxruntime tells no axes of both.
  if (shape.length === 0) {
    throw unsupported(
      kind,
      name,
      'is a scalar, or the model does not declare its axes; declare them, the first one as the records',
    );
  }
  if (name.length > MAX_NAME)
    throw unsupported(kind, `${name.slice(0, 32)}…`, `has a name of more than ${MAX_NAME} characters; rename it`);
  if (isField && !isFieldName(name))
    throw unsupported(kind, name, 'cannot be the field of a record; rename it to printable ASCII without quotes');
  return { name, dataType, shape };
}

function dataTypeOf(kind: string, name: string, type: string): DataType {
  try {
    return dataTypeOfOnnxruntime(type);
  } catch (cause) {
    throw unsupported(kind, name, `is of type ${type}; use numbers, booleans or strings`, cause);
  }
}

function unsupported(kind: string, name: string, what: string, cause?: unknown): TaskFailure {
  return new TaskFailure('UnsupportedTensor', `${kind} ${JSON.stringify(name)} ${what}`, { cause });
}
