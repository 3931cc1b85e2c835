import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isQuarantined, recordCrash, type CrashRecord } from './crash-policy.ts';

test('delays double, and the third crash in a row is quarantine', () => {
  let record: CrashRecord | undefined;
  const seen: [number, boolean][] = [];
  for (const now of [0, 1000, 3000]) {
    record = recordCrash(record, 'signal', now);
    seen.push([record.retryAt - now, isQuarantined(record, now)]);
  }
  assert.deepEqual(seen, [
    [500, false],
    [1000, false],
    [2000, true],
  ]);
  assert.equal(isQuarantined(record, 3000 + 599_999), true);
  assert.equal(isQuarantined(record, 3000 + 600_000), false);
});

test('after quarantine one crash is enough for the next', () => {
  const third = [0, 1, 2].reduce<CrashRecord | undefined>(
    (record, now) => recordCrash(record, 'signal', now),
    undefined,
  );
  assert.equal(isQuarantined(recordCrash(third, 'signal', 700_000), 700_000), true);
});

test('the delay has a limit', () => {
  let record: CrashRecord | undefined;
  for (let crash = 0; crash < 40; crash += 1) record = recordCrash(record, 'signal', 0);
  assert.equal(record!.retryAt, 30_000);
});
