import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDecision, makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { priceCap } from './price-cap.ts';

const fleet = makeFleet({ name: 'n', node: { price: 180_000 } });

const cases = [
  { name: 'below the cap', maxPrice: 180_001, reason: undefined },
  { name: 'at the cap', maxPrice: 180_000, reason: undefined },
  {
    name: 'above the cap',
    maxPrice: 179_999,
    reason: 'node asks for more than 0.179999 per thousand reference seconds',
  },
];

for (const { name, maxPrice, reason } of cases) {
  test(name, () => assert.equal(rejectOf(priceCap, fleet, makeRequest({ maxPrice }), 'n'), reason));
}

test('is skipped without a cap', () => {
  assert.deepEqual(priceCap.prepare(makeDecision(fleet, makeRequest({ maxPrice: 0 }))), {});
});
