import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDecision, makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { independence } from './independence.ts';

const fleet = makeFleet({ name: 'a' }, { name: 'b' }, { name: 'a2', cluster: { provider: 'a' } });

const cases = [
  {
    name: 'an excluded provider, in each of its clusters',
    fields: { excludedProviders: ['a'] },
    rejected: ['a', 'a2'],
  },
  { name: 'an excluded cluster, not its provider', fields: { excludedClusters: ['a'] }, rejected: ['a'] },
  { name: 'an excluded node', fields: { excludedNodes: ['b/b'] }, rejected: ['b'] },
  { name: 'names that nobody has', fields: { excludedNodes: ['b/x', 'x/b'], excludedProviders: ['x'] }, rejected: [] },
  { name: 'several at once', fields: { excludedProviders: ['a'], excludedNodes: ['b/b'] }, rejected: ['a', 'b', 'a2'] },
];

for (const { name, fields, rejected } of cases) {
  test(name, () => {
    const request = makeRequest(fields);
    const found = ['a', 'b', 'a2'].filter((member) => rejectOf(independence, fleet, request, member) !== undefined);
    assert.deepEqual(found, rejected);
  });
}

test('says which exclusion it was', () => {
  assert.match(rejectOf(independence, fleet, makeRequest({ excludedProviders: ['a'] }), 'a')!, /provider/);
  assert.match(rejectOf(independence, fleet, makeRequest({ excludedClusters: ['a'] }), 'a')!, /cluster/);
  assert.match(rejectOf(independence, fleet, makeRequest({ excludedNodes: ['a/a'] }), 'a')!, /node/);
});

test('is skipped when nothing is excluded', () => {
  assert.deepEqual(independence.prepare(makeDecision(fleet, makeRequest())), {});
});
