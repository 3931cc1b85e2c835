import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
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

  test('the model decides the batch where it fixes it', () => {
    assert.equal(batchSizeOf(8, 4), 8);
    assert.equal(batchSizeOf(undefined, 4), 4);
  });
});
