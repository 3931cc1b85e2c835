import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TaskFailure } from '../errors.ts';
import type { ModelFormat } from '../runtime/model-format.ts';
import { batchSizeOf, partsOf, recordsPerRead } from './plan.ts';

describe('plan', () => {
  test('parts cover the range once, in order, none too large', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 64 }),
        (firstRecord, records, size) => {
          let next = firstRecord;
          for (const part of partsOf({ firstRecord, records }, size)) {
            assert.equal(part.firstRecord, next);
            assert.ok(part.records >= 1 && part.records <= size);
            next += part.records;
          }
          assert.equal(next, firstRecord + records);
        },
      ),
    );
  });

  for (const [recordBytes, batchSize, expected] of [
    [100, 4, 8],
    [1000, 4, 4],
    [10, 1, 100],
    [0, 4, 4],
    [250, 4, 4],
  ] as const) {
    test(`records of ${recordBytes} bytes in batches of ${batchSize}: ${expected} at once`, () => {
      assert.equal(recordsPerRead(recordBytes, batchSize, 1000), expected);
    });
  }

  const format = (fixedBatch?: number): ModelFormat => ({
    inputs: [{ name: 'x', dataType: 'FP32', shape: [fixedBatch ?? -1, 3] }],
    outputs: [{ name: 'y', dataType: 'FP32', shape: [fixedBatch ?? -1] }],
    fixedBatch,
  });

  test('the model decides the batch where it fixes it', () => {
    assert.equal(batchSizeOf(format(8), 4, 12), 8);
    assert.equal(batchSizeOf(format(), 4, 12), 4);
    assert.equal(batchSizeOf(format(), 4, 0), 4);
  });

  test('a batch of large records is smaller, and one that cannot be made smaller is refused', () => {
    const mebibyte = 2 ** 20;
    assert.equal(batchSizeOf(format(), 1024, 4 * mebibyte), 4);
    assert.equal(batchSizeOf(format(), 1024, 100 * mebibyte), 1);
    assert.throws(
      () => batchSizeOf(format(64), 1, 4 * mebibyte),
      (error: unknown) => error instanceof TaskFailure && error.reason === 'UnsupportedTensor',
    );
  });
});
