import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priorRoundTrip, transferTime } from '@isochrone/latency';
import { MODEL, addMember, makeFleet, makeRequest, scoreOf } from '../../testing/fixtures.ts';
import { modelWarm } from './model-warm.ts';

const models = [{ sha256: MODEL, nanosecondsPerRecord: 0 }];
const fetching = transferTime(1_000_000, priorRoundTrip(0));

test('a node with the model need not fetch it; any other must', () => {
  const fleet = makeFleet({ name: 'warm', node: { models } }, { name: 'cold' });
  assert.equal(scoreOf(modelWarm, fleet, makeRequest(), 'warm'), 0);
  assert.equal(scoreOf(modelWarm, fleet, makeRequest(), 'cold'), fetching);
});

test('another model does not help', () => {
  const fleet = makeFleet({ name: 'n', node: { models: [{ sha256: 'b'.repeat(64), nanosecondsPerRecord: 1 }] } });
  assert.equal(scoreOf(modelWarm, fleet, makeRequest(), 'n'), fetching);
});

test('a node that dropped the model, or left, is forgotten', () => {
  const fleet = makeFleet({ name: 'a', node: { models } }, { name: 'b', node: { models } });
  addMember(fleet, { name: 'a' });
  assert.equal(scoreOf(modelWarm, fleet, makeRequest(), 'a'), fetching);
  assert.equal(scoreOf(modelWarm, fleet, makeRequest(), 'b'), 0);
  fleet.removeNode({ cluster: 'b', name: 'b' });
  assert.equal(fleet.table.measurementsOf(MODEL), undefined);
});
