import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDecision, makeFleet, makeRequest, rejectOf, type Member } from '../../testing/fixtures.ts';
import { cordoned } from './cordoned.ts';

const cases: (Omit<Member, 'name'> & { name: string; reason?: string })[] = [
  { name: 'nothing is cordoned' },
  { name: 'the node is', node: { cordoned: true }, reason: 'node is cordoned' },
  { name: 'the cluster is', cluster: { cordoned: true }, reason: 'cluster is cordoned' },
  {
    name: 'both are: the wider one is told',
    cluster: { cordoned: true },
    node: { cordoned: true },
    reason: 'cluster is cordoned',
  },
];
for (const { name, reason, ...member } of cases) {
  test(name, () => assert.equal(rejectOf(cordoned, makeFleet({ ...member, name: 'n' }), makeRequest(), 'n'), reason));
}

test('trusted work stays away too, and an uncordoned node is open again', () => {
  const fleet = makeFleet({ name: 'n', cluster: { trusted: true, cordoned: true } });
  assert.equal(rejectOf(cordoned, fleet, makeRequest({ trusted: true }), 'n'), 'cluster is cordoned');
  fleet.putCluster({ ...fleet.cluster('n')!, cordoned: false });
  assert.equal(rejectOf(cordoned, fleet, makeRequest({ trusted: true }), 'n'), undefined);
});

test('every rejection passes by itself', () => {
  const { filter } = cordoned.prepare(makeDecision(makeFleet({ name: 'n' }), makeRequest()));
  assert.ok(filter!.reasons.every(({ code }) => code === 'Unschedulable'));
});
