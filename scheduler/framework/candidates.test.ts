import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Candidates, type Candidate } from './candidates.ts';

const small = fc.nat(3);
const rows = fc
  .array(fc.record({ nodeSlot: fc.nat(6), score: small, secondary: small, tie: small }), { maxLength: 30 })
  .map((list) => list.map((fields, row) => ({ ...fields, row })));

function sortedNodes(list: readonly Candidate[]): Candidate[] {
  const order = [...list].sort(
    (a, b) => a.score - b.score || a.secondary - b.secondary || a.tie - b.tie || a.row - b.row,
  );
  return order.filter(({ nodeSlot }, index) => order.findIndex((other) => other.nodeSlot === nodeSlot) === index);
}

test('keeps what sorting everything would put first, one row of each node', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const best = new Candidates(3);
      for (const candidate of list) if (best.couldEnter(candidate.score)) best.offer(candidate);
      assert.deepEqual(best.list, sortedNodes(list).slice(0, 3));
    }),
    { numRuns: 1000 },
  );
});
