import { dataTypeInfo, encodeBytesElements, type DataType } from '@isochrone/tensor';
import { encodeOnnxModel, type Dimension } from './onnx-model.ts';

/** y = x, of any data type and shape. */
export function identityModel(dataType: DataType, shape: readonly Dimension[], outputShape = shape): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType, shape }],
    outputs: [{ name: 'y', dataType, shape: outputShape }],
    operators: [{ type: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
}

/** y = x + x. */
export function doublingModel(dataType: DataType, shape: readonly Dimension[]): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType, shape }],
    outputs: [{ name: 'y', dataType, shape }],
    operators: [{ type: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
  });
}

/** Strings, booleans and halves in: echo = text, twice = values + values, not = ¬mask. */
export function mixedModel(): Uint8Array {
  const text = { dataType: 'BYTES', shape: ['n'] } as const;
  const mask = { dataType: 'BOOL', shape: ['n', 3] } as const;
  const values = { dataType: 'FP16', shape: ['n', 1] } as const;
  return encodeOnnxModel({
    inputs: [
      { name: 'text', ...text },
      { name: 'mask', ...mask },
      { name: 'values', ...values },
    ],
    outputs: [
      { name: 'not', ...mask },
      { name: 'echo', ...text },
      { name: 'twice', ...values },
    ],
    operators: [
      { type: 'Identity', inputs: ['text'], outputs: ['echo'] },
      { type: 'Not', inputs: ['mask'], outputs: ['not'] },
      { type: 'Add', inputs: ['values', 'values'], outputs: ['twice'] },
    ],
  });
}

/** Loads, but every run fails: it reshapes [n, 4] to three columns. */
export function failingModel(): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape: ['n', 4] }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: ['m', 3] }],
    operators: [{ type: 'Reshape', inputs: ['x', 'to'], outputs: ['y'] }],
    constants: [{ name: 'to', dataType: 'INT64', shape: [2], data: bytesOf(new BigInt64Array([-1n, 3n])) }],
  });
}

/** Sums over the records: its output has no axis of records. */
export function reducingModel(shape: readonly Dimension[] = ['n', 4]): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: [1, 4] }],
    operators: [{ type: 'ReduceSum', inputs: ['x', 'axes'], outputs: ['y'], attributes: { keepdims: 1 } }],
    constants: [{ name: 'axes', dataType: 'INT64', shape: [1], data: bytesOf(new BigInt64Array([0n])) }],
  });
}

/** Softmax over the records. */
export function normalisingModel(shape: readonly Dimension[]): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape }],
    outputs: [{ name: 'y', dataType: 'FP32', shape }],
    operators: [{ type: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: 0 } }],
  });
}

/** Rounds to 8 bits by the largest value of the batch, as dynamic quantisation does. */
export function requantisingModel(shape: readonly Dimension[]): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape }],
    outputs: [{ name: 'y', dataType: 'FP32', shape }],
    operators: [
      { type: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['rounded', 'scale', 'zero'] },
      { type: 'DequantizeLinear', inputs: ['rounded', 'scale', 'zero'], outputs: ['y'] },
    ],
  });
}

/** Other values at each run. */
export function randomModel(shape: readonly Dimension[]): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape }],
    outputs: [{ name: 'y', dataType: 'FP32', shape }],
    operators: [{ type: 'RandomNormalLike', inputs: ['x'], outputs: ['y'] }],
  });
}

/** The records are the last axis of its output, which declares no sizes. */
export function transposingModel(width: number): Uint8Array {
  return encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape: ['n', width] }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: ['a', 'b'] }],
    operators: [{ type: 'Transpose', inputs: ['x'], outputs: ['y'], attributes: { perm: [1, 0] } }],
  });
}

/** y = x after `turns` turns of a loop, each of which does next to nothing: a run that lasts as long as one likes. */
export function slowModel(turns: number): Uint8Array {
  const scalar = (name: string, dataType: DataType): { name: string; dataType: DataType; shape: number[] } => ({
    name,
    dataType,
    shape: [],
  });
  const state = { dataType: 'FP32' as const, shape: ['n', 4] };
  return encodeOnnxModel({
    inputs: [{ name: 'x', ...state }],
    outputs: [{ name: 'y', ...state }],
    operators: [
      {
        type: 'Loop',
        inputs: ['turns', 'go', 'x'],
        outputs: ['y'],
        attributes: {
          body: {
            inputs: [scalar('turn', 'INT64'), scalar('going', 'BOOL'), { name: 'before', ...state }],
            outputs: [scalar('goOn', 'BOOL'), { name: 'after', ...state }],
            operators: [
              { type: 'Identity', inputs: ['going'], outputs: ['goOn'] },
              { type: 'Abs', inputs: ['before'], outputs: ['after'] },
            ],
          },
        },
      },
    ],
    constants: [
      { ...scalar('turns', 'INT64'), shape: [], data: bytesOf(new BigInt64Array([BigInt(turns)])) },
      { ...scalar('go', 'BOOL'), shape: [], data: Uint8Array.of(1) },
    ],
  });
}

/** Bytes that hold the values 0, 1, 0, 1 … of a data type; of BYTES the texts '0', '1'. */
export function zerosAndOnes(dataType: DataType, count: number): Uint8Array {
  if (dataType === 'BYTES')
    return encodeBytesElements(Array.from({ length: count }, (_, index) => Buffer.from(String(index % 2))));
  const width = dataTypeInfo(dataType).bytesPerElement!;
  const one =
    dataType === 'FP16'
      ? [0, 0x3c]
      : dataType === 'FP32'
        ? [0, 0, 0x80, 0x3f]
        : dataType === 'FP64'
          ? [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
          : [1];
  const data = new Uint8Array(width * count);
  for (let index = 1; index < count; index += 2) data.set(one, index * width);
  return data;
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
