import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt } from './attempts.ts';
import { defaultJobOptions } from './options.ts';
import { deriveShards, packShards } from './shards.ts';
import { makeJob } from './testing/objects.ts';
import { admitted, makeAttempt, now } from './testing/observe.ts';

const minute = 60_000;
const input = { ...admitted, records: 40 };
const job = makeJob({ parallelism: 1 });

function groups(attempts: readonly Attempt[], at = now): [shards: number[], providers: readonly string[]][] {
  const packed = packShards(deriveShards(job, input, attempts), job, input, 10, defaultJobOptions, at);
  return packed.map(({ shards, excludedProviders }) => [shards.map(({ index }) => index), excludedProviders]);
}

const failed = (reason: string): Attempt =>
  makeAttempt({
    state: 'Refunded',
    reason,
    settledAt: now,
    shards: [1, 2].map((index) => ({ index, records: 10, amount: 1n, output: undefined })),
  });

test('shards that a provider blamed go alone, and to others for a while', () => {
  assert.deepEqual(groups([failed('RunFailed')]), [
    [[0], []],
    [[1], ['acme']],
    [[2], ['acme']],
    [[3], []],
  ]);
  assert.deepEqual(groups([failed('RunFailed')], now + 10 * minute)[1], [[1], []]);
});

test('shards that failed for a fault of the provider go together', () => {
  assert.deepEqual(groups([failed('RuntimeCrashed')]), [
    [[0, 1], []],
    [[2, 3], []],
  ]);
});
