import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceNode } from '@isochrone/api';
import { nodeStatus } from './node-object.ts';

const now = Date.UTC(2030, 0, 1);
const observation = { models: [{ sha256: 'ab' }], runningTasks: 1, notReady: undefined };
const node = (status?: InferenceNode['status']): InferenceNode =>
  ({ metadata: { name: 'n', generation: 2 }, ...(status && { status }) }) as InferenceNode;

test('a node says that it is ready, and since when', () => {
  const status = nodeStatus(node(), observation, now);
  assert.deepEqual([status.observedGeneration, status.runningTasks, status.models], [2, 1, [{ sha256: 'ab' }]]);
  const [condition] = status.conditions!;
  assert.deepEqual(
    [condition!.type, condition!.status, condition!.reason, condition!.lastTransitionTime],
    ['Ready', 'True', 'AgentReady', '2030-01-01T00:00:00Z'],
  );
});

test('nothing is written when nothing changed', () => {
  const status = nodeStatus(node(), observation, now);
  assert.equal(nodeStatus(node(status), observation, now + 60_000), status);
});

test('a node that is not ready says why, and keeps the time of its last change', () => {
  const ready = nodeStatus(node(), observation, now);
  const broken = nodeStatus(node(ready), { ...observation, notReady: 'the sidecar is away' }, now + 1000);
  assert.deepEqual(
    [broken.conditions![0]!.status, broken.conditions![0]!.message, broken.conditions![0]!.lastTransitionTime],
    ['False', 'the sidecar is away', '2030-01-01T00:00:01Z'],
  );
  const other = nodeStatus(node(broken), { ...observation, notReady: 'something else' }, now + 2000);
  assert.equal(other.conditions![0]!.lastTransitionTime, '2030-01-01T00:00:01Z');
});
