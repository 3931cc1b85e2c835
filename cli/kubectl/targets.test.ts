import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiClient } from '@isochrone/kube';
import { findTarget, parseTarget } from './targets.ts';

test('nodes and members are named as kubectl users would', () => {
  const table: [text: string, target: object][] = [
    ['n-1', { kind: 'Node', name: 'n-1' }],
    ['node/n-1', { kind: 'Node', name: 'n-1' }],
    ['infn/n-1', { kind: 'Node', name: 'n-1' }],
    ['inferencenode.isochrone.dev/n-1', { kind: 'Node', name: 'n-1' }],
    ['berlin/n-1.example', { kind: 'Node', cluster: 'berlin', name: 'n-1.example' }],
    ['node/berlin/n-1', { kind: 'Node', cluster: 'berlin', name: 'n-1' }],
    ['edge/berlin', { kind: 'Cluster', name: 'berlin' }],
    ['edgeclusters.isochrone.dev/berlin', { kind: 'Cluster', name: 'berlin' }],
  ];
  for (const [text, target] of table) assert.deepEqual(parseTarget(text), target, text);
});

test('anything else is refused', () => {
  for (const text of ['', 'N-1', 'a/b/c', 'edge/', 'edge/a/b', '-n', 'n 1'])
    assert.throws(
      () => parseTarget(text),
      { code: 'USAGE', message: /write NODE, CLUSTER\/NODE or edge\/CLUSTER$/ },
      text,
    );
});

test('a name that several members have needs its member', async () => {
  const nodes = ['edge-berlin', 'edge-paris', 'default'].map((namespace) => ({ metadata: { name: 'n', namespace } }));
  const client = { listAll: () => nodes } as unknown as ApiClient;
  await assert.rejects(findTarget(client, 'n'), {
    code: 'USAGE',
    message: 'n is the name of several nodes; write one of berlin/n, paris/n',
  });
  assert.deepEqual(await findTarget(client, 'paris/n'), { kind: 'Node', cluster: 'paris', name: 'n' });
  await assert.rejects(findTarget(client, 'rome/n'), { code: 'NOT_FOUND', message: /there is no node rome\/n/ });
});
