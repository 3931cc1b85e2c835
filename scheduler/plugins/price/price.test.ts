import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFleet, makeRequest, scoreOf } from '../../testing/fixtures.ts';
import { price } from './price.ts';

const cases = [
  { name: 'a thousand reference seconds cost the price', records: 1_000_000, ask: 180_000, micros: 180_000 },
  { name: 'one reference second costs a thousandth', records: 1000, ask: 180_000, micros: 180 },
  { name: 'work for nothing', records: 1000, ask: 0, micros: 0 },
];

for (const { name, records, ask, micros } of cases) {
  test(name, () => {
    const fleet = makeFleet({ name: 'n', node: { price: ask } });
    assert.equal(scoreOf(price, fleet, makeRequest({ records }), 'n'), micros);
  });
}
