import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isQuarantined, recordCrash, type CrashRecord } from './crash-policy.ts';

const crash = { reason: 'SIGSEGV', killed: false };

test('delays double, and the third crash in a row is quarantine', () => {
  let record: CrashRecord | undefined;
  const seen: [number, boolean][] = [];
  for (const now of [0, 1000, 3000]) {
    record = recordCrash(record, crash, now);
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
  const third = [0, 1, 2].reduce<CrashRecord | undefined>((record, now) => recordCrash(record, crash, now), undefined);
  assert.equal(isQuarantined(recordCrash(third, crash, 700_000), 700_000), true);
});

test('the delay has a limit', () => {
  let record: CrashRecord | undefined;
  for (let count = 0; count < 40; count += 1) record = recordCrash(record, crash, 0);
  assert.equal(record!.retryAt, 30_000);
});

test('what somebody killed comes back later and later, but is never in quarantine', () => {
  const kill = { reason: 'SIGKILL', killed: true };
  let record: CrashRecord | undefined;
  for (let count = 0; count < 5; count += 1) {
    record = recordCrash(record, kill, 0);
    assert.equal(isQuarantined(record, 0), false);
  }
  assert.equal(record!.retryAt, 8_000);
  record = recordCrash(recordCrash(record, crash, 0), crash, 0);
  assert.equal(isQuarantined(record, 0), false);
  assert.equal(isQuarantined(recordCrash(record, crash, 0), 0), true);
});
