import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeFault, planFaults, type PlannedFault } from './schedule.ts';

const members = ['alpha', 'beta'];
const hour = (seed: number): PlannedFault[] => planFaults({ seed, seconds: 3600, longestSeconds: 300, members });

test('a seed gives the same schedule again, and another seed another', () => {
  assert.deepEqual(hour(7), hour(7));
  assert.notDeepEqual(hour(7), hour(8));
});

test('an hour has every kind, from 5 s to 5 min', () => {
  const plan = hour(1);
  assert.deepEqual(
    new Set(plan.map(({ fault }) => fault.type)),
    new Set(['Kill', 'Freeze', 'Down', 'Hang', 'Partition']),
  );
  const told = plan.map(({ fault }) => describeFault(fault)).join('\n');
  assert.match(told, /API down: hub\n/);
  assert.match(told, /API down: hub and (alpha|beta)/);
  assert.match(told, /no requests between/);
  assert.match(told, /no answers between/);
});

test('whatever the seed, faults last as long as they may, and none begins where another keeps it from', () => {
  const arbitrary = {
    seed: fc.nat(),
    seconds: fc.integer({ min: 10, max: 4000 }),
    longestSeconds: fc.integer({ min: 1, max: 300 }),
  };
  fc.assert(
    fc.property(fc.record(arbitrary), ({ seed, seconds, longestSeconds }) => {
      const plan = planFaults({ seed, seconds, longestSeconds, members });
      for (const [index, { from, to, fault }] of plan.entries()) {
        assert.ok(from >= (plan[index - 1]?.from ?? 0) && to <= seconds * 1000);
        assert.ok(to - from <= longestSeconds * 1000);
        const running = plan.slice(0, index).filter((earlier) => earlier.to > from);
        assert.ok(fault.type !== 'Kill' || running.length === 0, 'a program starts while all is well');
        const stopped = running.flatMap((earlier) => (earlier.fault.type === 'Down' ? earlier.fault.clusters : []));
        if (fault.type === 'Down') assert.ok(!fault.clusters.some((cluster) => stopped.includes(cluster)));
      }
    }),
  );
});
