import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DelayHeap } from './delay-heap.ts';

test('property: keys fall due in order of their earliest moment, whatever was added again or deleted', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key, at: fc.nat(1000) }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('churn' as const), key, at: fc.integer({ min: 1001, max: 2000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const heap = new DelayHeap();
      const model = new Map<string, number>();
      for (const one of steps) {
        if (one.do === 'add') {
          heap.add(one.key, one.at);
          model.set(one.key, Math.min(one.at, model.get(one.key) ?? Infinity));
        } else if (one.do === 'delete') {
          heap.delete(one.key);
          model.delete(one.key);
        } else {
          for (let turn = 0; turn < 100; turn++) {
            heap.add('churned', one.at + turn);
            heap.delete('churned');
          }
        }
        assert.equal(heap.size, model.size);
        assert.equal(heap.next, model.size === 0 ? undefined : Math.min(...model.values()));
      }
      const moments: number[] = [];
      for (let due = heap.popDue(1000); due !== undefined; due = heap.popDue(1000)) moments.push(model.get(due)!);
      assert.deepEqual(
        moments,
        [...model.values()].sort((one, other) => one - other),
      );
    }),
  );
});

test('keys that are cancelled again and again leave no memory behind', () => {
  const heap = new DelayHeap();
  heap.add('waits', 1);
  for (let turn = 0; turn < 10_000; turn++) {
    heap.add('key', 1_000_000 + turn);
    heap.delete('key');
  }
  assert.ok(heap.held < 100, `${heap.held} entries for one key that waits`);
});
