import { createHash } from 'node:crypto';
import { createTensor, decodeNpy, encodeNpy, type Tensor } from '@isochrone/tensor';
import { encodeOnnxModel, type Constant, type Operator } from '@isochrone/node-agent/testing';

export const INPUT_WIDTH = 16;
export const OUTPUT_WIDTH = 4;

/** Integers so small that float32 holds every sum of products exactly: then any order of adding gives the same bits. */
const weights = Float32Array.from({ length: INPUT_WIDTH * OUTPUT_WIDTH }, (_, index) => ((index * 7) % 9) - 4);
const bias = Float32Array.from({ length: OUTPUT_WIDTH }, (_, index) => index - 1);

export interface TestModel {
  readonly bytes: Uint8Array;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * `x [n, 16] → y [n, 4] = x·W + b`, float32. With `turns`, each run first walks that many times round a loop that changes
 * nothing (inputs are not negative), so that work lasts long enough to be interrupted.
 */
export function linearModel({ turns = 0 } = {}): TestModel {
  const rows = { dataType: 'FP32' as const, shape: ['n', INPUT_WIDTH] };
  const constants: Constant[] = [
    { name: 'weights', dataType: 'FP32', shape: [INPUT_WIDTH, OUTPUT_WIDTH], data: bytesOf(weights) },
    { name: 'bias', dataType: 'FP32', shape: [OUTPUT_WIDTH], data: bytesOf(bias) },
  ];
  const operators: Operator[] = [];
  if (turns > 0) {
    constants.push(
      { name: 'turns', dataType: 'INT64', shape: [], data: bytesOf(new BigInt64Array([BigInt(turns)])) },
      { name: 'go', dataType: 'BOOL', shape: [], data: Uint8Array.of(1) },
    );
    const body = {
      inputs: [
        { name: 'turn', dataType: 'INT64' as const, shape: [] },
        { name: 'going', dataType: 'BOOL' as const, shape: [] },
        { name: 'before', ...rows },
      ],
      outputs: [
        { name: 'goOn', dataType: 'BOOL' as const, shape: [] },
        { name: 'after', ...rows },
      ],
      operators: [
        { type: 'Identity', inputs: ['going'], outputs: ['goOn'] },
        { type: 'Abs', inputs: ['before'], outputs: ['after'] },
      ],
    };
    operators.push({ type: 'Loop', inputs: ['turns', 'go', 'x'], outputs: ['walked'], attributes: { body } });
  }
  operators.push(
    { type: 'MatMul', inputs: [turns > 0 ? 'walked' : 'x', 'weights'], outputs: ['product'] },
    { type: 'Add', inputs: ['product', 'bias'], outputs: ['y'] },
  );
  const bytes = encodeOnnxModel({
    inputs: [{ name: 'x', ...rows }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: ['n', OUTPUT_WIDTH] }],
    operators,
    constants,
  });
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** What {@link linearModel} gives for rows of inputs, one after another. */
export function linear(inputs: Float32Array): Float32Array {
  const records = inputs.length / INPUT_WIDTH;
  const outputs = new Float32Array(records * OUTPUT_WIDTH);
  for (let record = 0; record < records; record++) {
    for (let column = 0; column < OUTPUT_WIDTH; column++) {
      let sum = bias[column]!;
      for (let row = 0; row < INPUT_WIDTH; row++) {
        sum += inputs[record * INPUT_WIDTH + row]! * weights[row * OUTPUT_WIDTH + column]!;
      }
      outputs[record * OUTPUT_WIDTH + column] = sum;
    }
  }
  return outputs;
}

/** Rows that are all different from one another, of integers from 0 to 15. */
export function inputRows(records: number): Float32Array {
  return Float32Array.from({ length: records * INPUT_WIDTH }, (_, index) => {
    const [record, column] = [Math.floor(index / INPUT_WIDTH), index % INPUT_WIDTH];
    return column < 4 ? (record >> (4 * column)) % 16 : (record * 5 + column * 3) % 16;
  });
}

export function inputNpy(records: number): Uint8Array {
  return encodeNpy(createTensor('FP32', [records, INPUT_WIDTH], bytesOf(inputRows(records))));
}

/** The values of an .npy of float32. */
export function floatsOf(npy: Uint8Array): Float32Array {
  const tensor: Tensor = decodeNpy(npy);
  return new Float32Array(Uint8Array.from(tensor.data).buffer);
}

export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
