import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { composeRecords } from './composition.ts';
import { taskIdentity } from './identity.ts';

const key = Buffer.alloc(32, 7);

test('a composition holds every sampled record once, among others, and is found again', () => {
  const window = fc.integer({ min: 1, max: 500 }).chain((records) =>
    fc.record({
      records: fc.constant(records),
      sampled: fc.uniqueArray(fc.integer({ min: 0, max: records - 1 }), { minLength: 1, maxLength: 40 }),
    }),
  );
  fc.assert(
    fc.property(window, fc.uuid(), ({ records, sampled }, workUID) => {
      const size = Math.min(records, sampled.length * 2);
      const composed = composeRecords(key, workUID, sampled, records, size);
      assert.equal(composed.length, size);
      assert.equal(new Set(composed).size, size);
      assert.ok(sampled.every((record) => composed.includes(record)));
      assert.ok(composed.every((record) => record >= 0 && record < records));
      assert.deepEqual(composeRecords(key, workUID, sampled.toReversed(), records, size), composed);
    }),
  );
});

test('the order says nothing of what is sampled', () => {
  const first = Array.from({ length: 400 }, (_, trial) => composeRecords(key, `work-${trial}`, [1, 2, 3], 1000, 6)[0]!);
  const share = first.filter((record) => record <= 3 && record >= 1).length / first.length;
  assert.ok(share > 0.4 && share < 0.6, `a sampled record is first in ${share} of all cases`);
});

test('re-execution looks like work: a UUID of version 4 and an opaque name, the same each time', () => {
  const job = '11111111-1111-4111-8111-111111111111';
  const checking = { attempt: 5, purpose: 'Verification', verifies: 1 } as const;
  const again = taskIdentity(key, job, checking);
  assert.match(again.workUID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(taskIdentity(key, job, { ...checking }), again);
  const work = taskIdentity(key, job, { attempt: 5, purpose: 'Work', verifies: undefined });
  assert.equal(work.workUID, job);
  assert.equal(work.name.length, again.name.length);
  const other = taskIdentity(key, job, { attempt: 6, purpose: 'Work', verifies: undefined });
  assert.equal(new Set([work.name, again.name, other.name]).size, 3);
});

test('an attempt number that is used again for another re-execution is another work', () => {
  const job = '11111111-1111-4111-8111-111111111111';
  const uids = [
    { attempt: 3, purpose: 'Verification', verifies: 1 } as const,
    { attempt: 3, purpose: 'Verification', verifies: 2 } as const,
    { attempt: 3, purpose: 'Reference', verifies: 1 } as const,
  ].map((attempt) => taskIdentity(key, job, attempt).workUID);
  assert.equal(new Set(uids).size, 3);
});
