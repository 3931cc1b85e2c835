import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutOf, type NpyRecords } from '@isochrone/tensor';
import { joinedLayout } from './joined-results.ts';

const shard = (index: number, length: number, shape: number[] = []): NpyRecords & { uri: string } => ({
  ...layoutOf([
    { name: 'text', dataType: 'BYTES', shape: [], stringType: `<U${length}` },
    { name: 'score', dataType: 'FP32', shape },
  ]),
  dataOffset: 128,
  records: 2,
  uri: `s3://b/${index}.npy`,
});

test('strings are as wide as the longest of all shards', () => {
  const { fields, recordBytes } = joinedLayout([shard(0, 3), shard(1, 7), shard(2, 1)], 'j');
  assert.deepEqual(
    fields.map(({ stringType, offset }) => [stringType, offset]),
    [
      ['<U7', 0],
      [undefined, 28],
    ],
  );
  assert.equal(recordBytes, 32);
});

test('records of another shape are told by their shard', () => {
  assert.throws(() => joinedLayout([shard(0, 3), shard(1, 3, [2])], 'j'), {
    code: 'RESULTS_INVALID',
    message: /s3:\/\/b\/1\.npy has records of another shape/,
  });
});
