import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskFailure } from '../errors.ts';
import { modelFormat } from './model-format.ts';
import type { TensorDescription } from './protocol.ts';

const tensor = (name: string, shape: number[], type = 'float32'): TensorDescription => ({ name, type, shape });

describe('model format', () => {
  for (const [name, model, fixedBatch] of [
    ['a dynamic first axis', { inputs: [tensor('x', [-1, 3])], outputs: [tensor('y', [-1, 5])] }, undefined],
    ['a fixed batch', { inputs: [tensor('x', [8, 3])], outputs: [tensor('y', [8, 5])] }, 8],
    ['a fixed batch whose output does not say', { inputs: [tensor('x', [8, 3])], outputs: [tensor('y', [-1, 5])] }, 8],
    [
      'an output of one record at a time',
      { inputs: [tensor('x', [-1, 3])], outputs: [tensor('y', [1, 5])] },
      undefined,
    ],
    [
      'several inputs and outputs',
      {
        inputs: [tensor('x', [-1, 3]), tensor('text', [-1], 'string')],
        outputs: [tensor('y', [-1]), tensor('z', [-1, 2])],
      },
      undefined,
    ],
    ['a vector of records', { inputs: [tensor('x', [-1], 'int64')], outputs: [tensor('y', [-1], 'bool')] }, undefined],
  ] as const) {
    test(`takes ${name}`, () => assert.equal(modelFormat(model).fixedBatch, fixedBatch));
  }

  for (const [name, model, message] of [
    ['no output', { inputs: [tensor('x', [-1])], outputs: [] }, /no output/],
    [
      'a state whose first axis is not the records',
      { inputs: [tensor('x', [-1]), tensor('state', [2, -1])], outputs: [tensor('y', [-1])] },
      /"state" has a first axis of size 2, that of input x is dynamic/,
    ],
    [
      'an input that leaves open what the first fixes',
      { inputs: [tensor('x', [4]), tensor('z', [-1])], outputs: [tensor('y', [4])] },
      /"z" has a dynamic first axis, that of input x is 4/,
    ],
    [
      'a name that no field has',
      { inputs: [tensor('x', [-1])], outputs: [tensor('y', [-1]), tensor("it's", [-1])] },
      /"it's" cannot be the field of a record/,
    ],
    [
      'tensors without end',
      { inputs: Array.from({ length: 65 }, (_, index) => tensor(`x${index}`, [-1])), outputs: [tensor('y', [-1])] },
      /65 inputs, at most 64/,
    ],
    [
      'brain floats',
      { inputs: [tensor('x', [-1], 'bfloat16')], outputs: [tensor('y', [-1])] },
      /"x" is of type bfloat16/,
    ],
    [
      'no tensor',
      { inputs: [tensor('x', [], 'not a tensor')], outputs: [tensor('y', [-1])] },
      /"x" is of type not a tensor/,
    ],
    ['a scalar input', { inputs: [tensor('x', [])], outputs: [tensor('y', [-1])] }, /"x" is a scalar/],
    ['a scalar output', { inputs: [tensor('x', [-1])], outputs: [tensor('y', [])] }, /"y" is a scalar/],
    [
      'batches of none',
      { inputs: [tensor('x', [0, 3])], outputs: [tensor('y', [0])] },
      /"x" has a first axis of size 0/,
    ],
    [
      'an output that fixes what the input leaves open',
      { inputs: [tensor('x', [-1, 8])], outputs: [tensor('y', [8, 8])] },
      /"y" has a first axis of size 8, that of input x is dynamic/,
    ],
    [
      'a name that no receipt holds',
      { inputs: [tensor('x'.repeat(257), [-1])], outputs: [tensor('y', [-1])] },
      /name of more than 256 characters/,
    ],
    [
      'an output of another batch',
      { inputs: [tensor('x', [8, 3])], outputs: [tensor('y', [1, 5])] },
      /"y" has a first axis of size 1/,
    ],
  ] as const) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => modelFormat(model),
        (error: unknown) =>
          error instanceof TaskFailure && error.reason === 'UnsupportedTensor' && message.test(error.message),
      );
    });
  }
});
