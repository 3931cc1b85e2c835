import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderView } from '../view.ts';
import { fleet, node, now } from './fleet.fixture.ts';
import { nodeRows, nodeView } from './nodes.ts';

const text = (format?: 'wide' | 'name', cluster?: string): string =>
  renderView(nodeView, nodeRows(fleet, cluster), format, { now });

test('nodes are listed by cluster and name, with the slots that are taken', () => {
  assert.equal(
    text(),
    [
      'CLUSTER   NODE   PROVIDER          READY   TRUSTED   CORDONED   DEVICE          SLOTS   PRICE   AGE',
      'berlin    b-1    berlin-provider   True    True      Node       NVIDIA L4       0/1     0.20    30m',
      'berlin    b-2    berlin-provider   True    True      No         2 × NVIDIA L4   2/2     0.20    30m',
      'paris     p-1    paris-provider    False   True      Cluster    NVIDIA L4       0/1     0.20    30m',
      '',
    ].join('\n'),
  );
});

test('of one member only its own, wide with what else is known', () => {
  const [head, ...rows] = text('wide', 'paris').trimEnd().split('\n');
  assert.match(head!, /MEMORY +MODELS +REGION +COUNTRY +ONNXRUNTIME +READY REASON +TRUSTED REASON$/);
  assert.equal(rows.length, 1);
  assert.match(rows[0]!, /8\.0Gi +1 +eu-central +DE +1\.30\.0 +Silent +NoEvidenceAgainst$/);
  assert.equal(text('name', 'paris'), 'inferencenode.isochrone.dev/p-1\n');
  assert.deepEqual(nodeRows(fleet, 'nowhere'), []);
});

test('nodes outside the namespaces of members are none of the federation', () => {
  const stray = { ...node('c', 'n'), metadata: { name: 'n', namespace: 'default' } };
  assert.deepEqual(nodeRows({ clusters: [], nodes: [stray], tasks: [] }), []);
});

test('a node whose member is gone, or that nobody assessed, is shown all the same', () => {
  const [row] = nodeRows({ clusters: [], nodes: [node('gone', 'n')], tasks: [] });
  assert.deepEqual([row?.cluster, row?.region, row?.ready.reason, row?.cordoned], ['gone', '', 'NotAssessed', 'No']);
});
