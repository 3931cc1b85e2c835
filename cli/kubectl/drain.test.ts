import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOf, tasksOf } from './drain.ts';
import { running, task } from './fleet.fixture.ts';

const tasks = [task('berlin', 'b-1', running), task('berlin', 'b-2', { phase: 'Succeeded' })];

test('a node has its own tasks to do, done ones that are checked included; a member all', () => {
  assert.deepEqual(tasksOf({ kind: 'Node', cluster: 'berlin', name: 'b-2' }, tasks), [tasks[1]]);
  assert.deepEqual(tasksOf({ kind: 'Cluster', name: 'berlin' }, tasks), tasks);
});

const seen = new Set(['a', 'b', 'c']);
const handedOver = new Set(['c']);
const handOver = 'give --hand-over to have what runs placed elsewhere';

test('when nothing is left, what was seen has finished or was handed over', () => {
  const nothing = new Set<string>();
  assert.deepEqual(outcomeOf([], { seen: nothing, handedOver: nothing }), {
    finished: 0,
    handedOver: 0,
  });
  assert.deepEqual(outcomeOf([], { seen, handedOver }), { finished: 2, handedOver: 1 });
});

test('what is left after the timeout is told, with what helps', () => {
  for (const [left, remedy, message] of [
    [tasks, handOver, `2 tasks are left (1 running, 1 being checked); wait longer by --timeout, or ${handOver}`],
    [tasks, 'give --force', '2 tasks are left (1 running, 1 being checked); wait longer by --timeout, or give --force'],
    [tasks.slice(1), undefined, '1 task is left (0 running, 1 being checked); wait longer by --timeout'],
  ] as const) {
    assert.throws(() => outcomeOf(left, { seen, handedOver, remedy }), { code: 'NOT_READY', message });
  }
});
