import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EdgeCluster, InferenceNode, InferenceTask } from '@isochrone/api';
import { clusterFacts, nodeFacts, taskFacts } from './facts.ts';

const base = { apiVersion: 'isochrone.dev/v1alpha1' } as const;
const condition = (type: string, status: 'True' | 'False' | 'Unknown') => {
  return { type, status, reason: 'R', message: '', lastTransitionTime: '2030-01-01T00:00:00Z' };
};

const node: InferenceNode = {
  ...base,
  kind: 'InferenceNode',
  metadata: { name: 'n', namespace: 'edge-berlin' },
  spec: {
    publicKey: 'k',
    inventory: {
      architecture: 'amd64',
      onnxruntimeVersion: '1',
      devices: [
        {
          ...{ uuid: 'GPU-1', type: 'gpu', productName: 'NVIDIA L4', memory: '24Gi', slots: 2 },
          ...{ cudaComputeCapability: '8.9', executionProviders: ['CUDA', 'CPU'] },
        },
      ],
    },
    ask: { pricePerThousandReferenceSeconds: '0.18' },
    // The namespace says whose node it is; a field that says otherwise is not believed.
    clusterName: 'other',
  },
  status: {
    models: [{ sha256: 'm1' }, { sha256: 'm2', nanosecondsPerRecord: 5 }],
    conditions: [condition('Ready', 'True'), condition('Trusted', 'True')],
  },
};

describe('nodeFacts', () => {
  test('projects identity, devices, price and models', () => {
    assert.deepEqual(nodeFacts(node), {
      ...{ cluster: 'berlin', name: 'n', ready: true, trusted: true, cordoned: false, price: 180_000 },
      devices: [
        {
          ...{ uuid: 'GPU-1', memoryBytes: 24 * 2 ** 30, computeCapability: 89, slots: 2 },
          executionProviders: ['CUDA', 'CPU'],
        },
      ],
      models: [
        { sha256: 'm1', nanosecondsPerRecord: 0 },
        { sha256: 'm2', nanosecondsPerRecord: 5 },
      ],
    });
  });
  const cases = [
    { name: 'no status', status: {}, ready: false, trusted: false },
    {
      name: 'Unknown is not True',
      status: { conditions: [condition('Ready', 'Unknown')] },
      ready: false,
      trusted: false,
    },
    {
      name: 'quarantined',
      status: { conditions: [condition('Ready', 'True'), condition('Trusted', 'False')] },
      ready: true,
      trusted: false,
    },
  ];
  for (const { name, status, ready, trusted } of cases) {
    test(name, () => {
      const facts = nodeFacts({ ...node, status })!;
      assert.deepEqual([facts.ready, facts.trusted], [ready, trusted]);
    });
  }
  test('a node that is being deleted takes no work', () => {
    const metadata = { ...node.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' };
    assert.equal(nodeFacts({ ...node, metadata })!.ready, false);
  });
  test('a node that is cordoned', () => {
    assert.equal(nodeFacts({ ...node, spec: { ...node.spec, unschedulable: true } })!.cordoned, true);
  });
  test('outside the namespace of a member it is nobody’s', () => {
    assert.equal(nodeFacts({ ...node, metadata: { name: 'n', namespace: 'default' } }), undefined);
  });
});

test('a cluster is ready by its condition and not while it is deleted', () => {
  const cluster: EdgeCluster = {
    ...base,
    kind: 'EdgeCluster',
    metadata: { name: 'berlin' },
    spec: {
      class: 'Trusted',
      providerRef: { name: 'p' },
      location: { latitude: '0', longitude: '90', country: 'DE', region: 'eu-central' },
    },
    status: { conditions: [condition('Ready', 'True')] },
  };
  const { location, ...facts } = clusterFacts(cluster);
  assert.deepEqual(facts, {
    ...{
      name: 'berlin',
      provider: 'p',
      trusted: true,
      country: 'DE',
      region: 'eu-central',
      ready: true,
      cordoned: false,
    },
  });
  assert.ok(Math.abs(location.y - 1) < 1e-9);
  assert.equal(clusterFacts({ ...cluster, status: { conditions: [condition('Ready', 'Unknown')] } }).ready, false);
  const deleted = { name: 'berlin', deletionTimestamp: '2030-01-01T00:00:00Z' };
  assert.equal(clusterFacts({ ...cluster, metadata: deleted }).ready, false);
  assert.equal(clusterFacts({ ...cluster, spec: { ...cluster.spec, unschedulable: true } }).cordoned, true);
});

test('a task holds its device until its phase is terminal', () => {
  const task = {
    ...base,
    kind: 'InferenceTask',
    metadata: { name: 't', namespace: 'edge-berlin' },
    spec: {
      ...{ workUID: 'w', attempt: 3, nodeName: 'n', deviceUUID: 'd', executionProvider: 'CUDA' },
      model: { deviceMemory: '4Gi' },
    },
  } as InferenceTask;
  assert.deepEqual(taskFacts(task), {
    ...{ workUid: 'w', attempt: 3, cluster: 'berlin', node: 'n', deviceUuid: 'd', executionProvider: 'CUDA' },
    ...{ memoryBytes: 4 * 2 ** 30, finished: false },
  });
  for (const [phase, finished] of [
    ['Pending', false],
    ['Running', false],
    ['Succeeded', true],
    ['Failed', true],
  ] as const) {
    assert.equal(taskFacts({ ...task, status: { phase } })!.finished, finished, phase);
  }
  assert.equal(taskFacts({ ...task, metadata: { name: 't', namespace: 'vision' } }), undefined);
});
