import { dataTypeInfo, dataTypeOfOnnxruntime, type DataType } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { TensorDescription } from './protocol.ts';
import type { LoadedModel } from './runtime.ts';

/** What a receipt, and the status of a model, can hold. */
const MAX_NAME = 256;

/** A tensor whose first axis is the records; -1 in its shapes is a dynamic axis. */
export interface RecordAxisTensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

/** A model that this program can run: one tensor in, one out, both with an axis of records. */
export interface ModelFormat {
  readonly input: RecordAxisTensor;
  readonly output: RecordAxisTensor;
  /** Records of one run where the model fixes them. */
  readonly fixedBatch: number | undefined;
}

/** @throws TaskFailure UnsupportedTensor, which names the tensor and the remedy */
export function modelFormat({ inputs, outputs }: LoadedModel): ModelFormat {
  const input = theOnly('input', inputs);
  const output = theOnly('output', outputs);
  const first = input.shape[0]!;
  const fixedBatch = first === -1 ? undefined : first;
  if (fixedBatch === 0)
    throw unsupported('input', input.name, 'has a first axis of size 0; export the model with a dynamic first axis');
  const outputFirst = output.shape[0]!;
  // With batches of one record an output may say 1, whatever its input leaves open.
  if (outputFirst !== -1 && outputFirst !== (fixedBatch ?? 1)) {
    throw unsupported(
      'output',
      output.name,
      `has a first axis of size ${outputFirst}, that of input ${input.name} is ${fixedBatch ?? 'dynamic'}; both must be the records`,
    );
  }
  return { input, output, fixedBatch };
}

function theOnly(kind: 'input' | 'output', tensors: readonly TensorDescription[]): RecordAxisTensor {
  const [tensor, second] = tensors;
  if (tensor === undefined) throw new TaskFailure('UnsupportedTensor', `the model has no ${kind}; it must have one`);
  if (second !== undefined) {
    const names = tensors.map(({ name }) => name).join(', ');
    throw unsupported(
      kind,
      second.name,
      `is one of ${tensors.length} ${kind}s (${names}); a model must have exactly one ${kind}`,
    );
  }
  const dataType = numericType(kind, tensor);
  // onnxruntime tells no axes of both.
  if (tensor.shape.length === 0) {
    throw unsupported(
      kind,
      tensor.name,
      'is a scalar, or the model does not declare its axes; declare them, the first one as the records',
    );
  }
  if (tensor.name.length > MAX_NAME) {
    throw unsupported(
      kind,
      `${tensor.name.slice(0, 32)}…`,
      `has a name of more than ${MAX_NAME} characters; rename it`,
    );
  }
  return { name: tensor.name, dataType, shape: tensor.shape };
}

function numericType(kind: string, { name, type }: TensorDescription): DataType {
  let dataType: DataType | undefined;
  try {
    dataType = dataTypeOfOnnxruntime(type);
  } catch (cause) {
    throw unsupported(kind, name, `is of type ${type}; use numbers or booleans`, cause);
  }
  if (dataTypeInfo(dataType).npyDescr === undefined)
    throw unsupported(kind, name, `is of type ${dataType}, which .npy cannot hold; use numbers or booleans`);
  return dataType;
}

function unsupported(kind: string, name: string, what: string, cause?: unknown): TaskFailure {
  return new TaskFailure('UnsupportedTensor', `${kind} ${JSON.stringify(name)} ${what}`, { cause });
}
