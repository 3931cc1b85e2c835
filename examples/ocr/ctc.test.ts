import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, tensorOf, type Tensor } from '@isochrone/tensor';
import { decodeCtc } from './ctc.ts';

const classes = ['', 'a', 'b', ' '];

/** Scores whose likeliest class of each step is the given one. */
function scores(...records: number[][]): Tensor {
  const steps = records[0]!.length;
  const values = new Float32Array(records.length * steps * classes.length).fill(-1);
  records.flat().forEach((best, step) => (values[step * classes.length + best] = -0.5));
  return tensorOf('FP32', [records.length, steps, classes.length], values);
}

test('repeats are joined, blanks are dropped, and a blank between keeps a double letter', () => {
  assert.deepEqual(decodeCtc(scores([1, 1, 0, 1, 2, 2]), classes), ['aab']);
  assert.deepEqual(decodeCtc(scores([0, 0, 0, 0, 0, 0]), classes), ['']);
  assert.deepEqual(decodeCtc(scores([0, 1, 3, 3, 2, 0]), classes), ['a b']);
});

test('a record begins anew, whatever the one before ended with', () => {
  assert.deepEqual(decodeCtc(scores([0, 1, 1], [1, 2, 0]), classes), ['a', 'ab']);
});

test('scores of another dictionary are refused with both sizes', () => {
  const other = createTensor('FP32', [1, 2, 3], new Uint8Array(24));
  assert.throws(() => decodeCtc(other, classes), /\[1, 2, 3\]; a dictionary of 4 classes needs \[records, steps, 4\]/);
});
