import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFleet, makeRequest, rejectOf, type Member } from '../../testing/fixtures.ts';
import { nodeReady } from './node-ready.ts';

const cases: (Omit<Member, 'name'> & { name: string; reason?: string })[] = [
  { name: 'everything is well' },
  { name: 'the node is not ready', node: { ready: false }, reason: 'node is not Ready' },
  { name: 'the node is quarantined', node: { trusted: false }, reason: 'node is not Trusted' },
  { name: 'the cluster is out of contact', cluster: { ready: false }, reason: 'cluster is not Ready' },
  { name: 'the provider is suspended', suspended: true, reason: 'provider is suspended or unknown' },
  { name: 'the provider does not exist', cluster: { provider: 'ghost' }, reason: 'provider is suspended or unknown' },
  {
    name: 'the widest cause is told when there are several',
    cluster: { ready: false },
    node: { ready: false },
    reason: 'cluster is not Ready',
  },
];

for (const { name, reason, ...member } of cases) {
  test(name, () => assert.equal(rejectOf(nodeReady, makeFleet({ ...member, name: 'n' }), makeRequest(), 'n'), reason));
}

test('every rejection passes by itself', () => {
  const fleet = makeFleet({ name: 'n' });
  const { filter } = nodeReady.prepare({ request: makeRequest(), fleet, columns: fleet.table.columns, choices: [] });
  assert.ok(filter!.reasons.every(({ code }) => code === 'Unschedulable'));
});
