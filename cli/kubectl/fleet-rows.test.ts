import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assess, formatRate, isOpen, throughput, toneOf } from './fleet-rows.ts';
import { member, now, running, task } from './fleet.fixture.ts';

test('a task takes its slot until it has ended', () => {
  const open = [undefined, 'Pending', 'Running', 'Succeeded', 'Failed'].map((phase) =>
    isOpen(task('c', 'n', phase === undefined ? {} : { phase })),
  );
  assert.deepEqual(open, [true, true, true, false, false]);
});

test('throughput is what running tasks report, per second', () => {
  const table: [status: object, perSecond: number][] = [
    [running, 2],
    [{ ...running, phase: 'Succeeded' }, 0],
    [{ phase: 'Running' }, 0],
    [{ ...running, recordsDone: undefined }, 0],
    // Times are whole seconds: what began now has not run for no time.
    [{ ...running, startTime: new Date(now).toISOString() }, 60],
  ];
  for (const [status, expected] of table) assert.equal(throughput([task('c', 'n', status)], now), expected);
  assert.equal(throughput([task('c', 'n', running), task('c', 'n', running)], now), 4);
});

test('rates have fewer digits when they are large', () => {
  assert.deepEqual([0, 2.04, 99.94, 100, 1234.5].map(formatRate), ['0.0', '2.0', '99.9', '100', '1235']);
});

test('what nobody assessed is unknown; only what does not hold is painted', () => {
  const { status } = member('c', {}, false);
  assert.deepEqual(assess(status?.conditions, 'Ready'), { status: 'False', reason: 'Lost' });
  assert.deepEqual(assess(undefined, 'Ready'), { status: 'Unknown', reason: 'NotAssessed' });
  const tones = (['True', 'False', 'Unknown'] as const).map((one) => toneOf({ status: one, reason: '' }));
  assert.deepEqual(tones, [undefined, 'bad', 'doubtful']);
});
