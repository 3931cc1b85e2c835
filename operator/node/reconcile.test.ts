import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Condition, EdgeCluster, InferenceNode, NodeReport, NodeReportSpec } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { checkReport } from './check-report.ts';
import { decideNode, MAX_NODES_PER_CLUSTER, type ObservedNode } from './reconcile.ts';

const now = Date.UTC(2030, 0, 1);
const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const time = '2030-01-01T00:00:00Z';

function condition(type: string, status: Condition['status'], reason: string): Condition {
  return { type, status, reason, message: 'm', lastTransitionTime: time };
}

const device = (uuid: string) => ({
  uuid,
  type: 'gpu' as const,
  productName: 'A GPU',
  memory: '24Gi',
  executionProviders: ['CUDA' as const],
  slots: 1,
});

function reportSpec(overrides: Partial<NodeReportSpec> = {}): NodeReportSpec {
  return {
    publicKey: key(1),
    inventory: { architecture: 'amd64', onnxruntimeVersion: '1', devices: [device('g-1')] },
    ask: { pricePerThousandReferenceSeconds: '0.2' },
    ready: true,
    observedTime: time,
    ...overrides,
  };
}
const report = (overrides: Partial<NodeReportSpec> = {}): NodeReport => ({
  apiVersion: 'isochrone.dev/v1alpha1',
  kind: 'NodeReport',
  metadata: { name: 'n', namespace: 'edge-a' },
  spec: reportSpec(overrides),
});

function node(
  name: string,
  uuids: string[],
  options: { created?: string; reason?: string; namespace?: string } = {},
): InferenceNode {
  const { created = time, reason = 'AgentReady', namespace = 'edge-a' } = options;
  const { publicKey, ask, inventory } = reportSpec();
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceNode',
    metadata: { name, namespace, creationTimestamp: created, generation: 1 },
    spec: {
      publicKey,
      ask,
      inventory: { ...inventory, devices: uuids.map(device) },
      providerName: 'p',
      clusterName: 'a',
    },
    ...(reason === '' ? {} : { status: { conditions: [condition('Ready', 'True', reason)] } }),
  };
}

function cluster(status: Condition['status'] = 'True'): EdgeCluster {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'EdgeCluster',
    metadata: { name: 'a' },
    spec: {
      class: 'Edge',
      providerRef: { name: 'p' },
      location: { latitude: '0', longitude: '0', country: 'DE', region: 'r' },
    },
    status: { conditions: [condition('Ready', status, 'X')] },
  };
}

function observed(overrides: Partial<ObservedNode> = {}): ObservedNode {
  return {
    name: 'n',
    cluster: cluster(),
    report: report(),
    reportIsFresh: true,
    node: node('n', ['g-1']),
    rivals: [],
    nodesInCluster: 1,
    references: new Map([['b'.repeat(64), 1_000_000]]),
    ...overrides,
  };
}

describe('a first report', () => {
  test('makes a node with provider and cluster from the hub', () => {
    const { create } = decideNode(observed({ node: undefined }), now);
    assert.equal(create?.spec.providerName, 'p');
    assert.equal(create?.spec.clusterName, 'a');
    assert.deepEqual(create?.metadata, { name: 'n', namespace: 'edge-a', labels: { 'isochrone.dev/cluster': 'a' } });
    assert.equal('status' in create, false);
  });
  test('that is invalid makes none', () => {
    const invalid = report({ publicKey: 'AAAA' });
    const decision = decideNode(observed({ node: undefined, report: invalid }), now);
    assert.equal(decision.create, undefined);
    assert.equal(decision.refused?.reason, 'ReportInvalid');
  });
  test('of one node too many makes none', () => {
    const decision = decideNode(observed({ node: undefined, nodesInCluster: MAX_NODES_PER_CLUSTER }), now);
    assert.equal(decision.create, undefined);
    assert.equal(decision.refused?.reason, 'TooManyNodes');
  });
  test('that claims a device of another makes one, and is refused', () => {
    const decision = decideNode(observed({ node: undefined, rivals: [node('other', ['g-1'])] }), now);
    assert.ok(decision.create);
    assert.equal(decision.refused?.reason, 'DeviceClaimedTwice');
  });
});

interface Case {
  name: string;
  observed: Partial<ObservedNode>;
  ready: readonly [status: Condition['status'], reason: string];
  /** Whether the inventory of the report is taken over. */
  accepts: boolean;
}
const newer = '2030-01-02T00:00:00Z';
const cases: Case[] = [
  { name: 'all is well', observed: {}, ready: ['True', 'AgentReady'], accepts: true },
  {
    name: 'the agent is not ready',
    observed: { report: report({ ready: false, readyReason: 'Starting' }) },
    ready: ['False', 'AgentNotReady'],
    accepts: true,
  },
  {
    name: 'the cluster is unreachable',
    observed: { cluster: cluster('Unknown') },
    ready: ['Unknown', 'ClusterUnreachable'],
    accepts: true,
  },
  {
    name: 'the edge went silent',
    observed: { reportIsFresh: false },
    ready: ['Unknown', 'AgentNotReady'],
    accepts: true,
  },
  { name: 'the report is gone', observed: { report: undefined }, ready: ['False', 'AgentNotReady'], accepts: false },
  {
    name: 'another key',
    observed: { report: report({ publicKey: key(2) }) },
    ready: ['False', 'KeyChanged'],
    accepts: false,
  },
  {
    name: 'another key while unreachable',
    observed: { report: report({ publicKey: key(2) }), cluster: cluster('Unknown') },
    ready: ['False', 'KeyChanged'],
    accepts: false,
  },
  {
    name: 'an invalid price',
    observed: { report: report({ ask: { pricePerThousandReferenceSeconds: '-1' } }) },
    ready: ['False', 'ReportInvalid'],
    accepts: false,
  },
  {
    name: 'a device that another holds is newly claimed',
    observed: {
      report: report({ inventory: { ...reportSpec().inventory, devices: [device('g-1'), device('g-2')] } }),
      rivals: [node('later', ['g-2'], { created: newer })],
    },
    ready: ['False', 'DeviceClaimedTwice'],
    accepts: false,
  },
  {
    name: 'one of two holders, the earlier',
    observed: { rivals: [node('later', ['g-1'], { created: newer })] },
    ready: ['True', 'AgentReady'],
    accepts: true,
  },
  {
    name: 'one of two holders, the later',
    observed: { node: node('n', ['g-1'], { created: newer }), rivals: [node('earlier', ['g-1'])] },
    ready: ['False', 'DeviceClaimedTwice'],
    accepts: false,
  },
  {
    name: 'a rival that was not assessed holds nothing',
    observed: { rivals: [node('a-new', ['g-1'], { reason: '' })] },
    ready: ['True', 'AgentReady'],
    accepts: true,
  },
  {
    name: 'a rival that claims twice holds nothing',
    observed: { rivals: [node('a-thief', ['g-1'], { reason: 'DeviceClaimedTwice' })] },
    ready: ['True', 'AgentReady'],
    accepts: true,
  },
  {
    name: 'who claims twice goes on to, also with the better name',
    observed: { node: node('n', ['g-1'], { reason: 'DeviceClaimedTwice' }), rivals: [node('z', ['g-1'])] },
    ready: ['False', 'DeviceClaimedTwice'],
    accepts: false,
  },
  {
    name: 'a new node beside a holder of the same second',
    observed: { node: node('a', ['g-1'], { reason: '' }), rivals: [node('z', ['g-1'])] },
    ready: ['False', 'DeviceClaimedTwice'],
    accepts: false,
  },
];

describe('an accepted node', () => {
  for (const { name, observed: overrides, ready, accepts } of cases) {
    test(name, () => {
      const decision = decideNode(observed(overrides), now);
      const found = findCondition(decision.status?.conditions, 'Ready');
      assert.deepEqual([found?.status, found?.reason], ready, found?.message);
      assert.equal(decision.spec !== undefined, accepts);
      assert.equal(decision.create, undefined);
    });
  }

  test('is trusted at first, and never again by a report', () => {
    const fresh = decideNode(observed({ node: node('n', ['g-1'], { reason: '' }) }), now);
    assert.equal(findCondition(fresh.status?.conditions, 'Trusted')?.reason, 'NoEvidenceAgainst');
    const quarantined = node('n', ['g-1']);
    quarantined.status = { conditions: [condition('Trusted', 'False', 'Quarantined')] };
    const after = decideNode(observed({ node: quarantined }), now);
    assert.deepEqual(findCondition(after.status?.conditions, 'Trusted'), quarantined.status.conditions![0]);
  });

  test('stays cordoned, or not, whatever the edge reports', () => {
    const known = node('n', ['g-1']);
    const newer = report({ ask: { pricePerThousandReferenceSeconds: '0.3' } });
    for (const unschedulable of [true, false]) {
      known.spec.unschedulable = unschedulable;
      const { spec } = decideNode(observed({ node: known, report: newer }), now);
      assert.equal(spec?.unschedulable, unschedulable);
      assert.equal(spec?.ask.pricePerThousandReferenceSeconds, '0.3');
    }
  });

  test('keeps what was accepted while a report is refused', () => {
    const known = node('n', ['g-1']);
    known.status = { ...known.status, models: [{ sha256: 'a'.repeat(64) }], runningTasks: 2 };
    const forged = report({ publicKey: key(9), models: [{ sha256: 'b'.repeat(64) }], runningTasks: 0 });
    const { status } = decideNode(observed({ node: known, report: forged }), now);
    assert.deepEqual(status?.models, known.status.models);
    assert.equal(status?.runningTasks, 2);
  });

  test('a node that calls itself impossibly fast is not believed', () => {
    const boasting = report({ models: [{ sha256: 'b'.repeat(64), nanosecondsPerRecord: 1 }] });
    const { status } = decideNode(observed({ node: node('n', ['g-1']), report: boasting }), now);
    assert.ok(status!.models![0]!.nanosecondsPerRecord! > 10_000);
  });
});

const faults: [string, Partial<NodeReportSpec>, RegExp][] = [
  ['a short key', { publicKey: 'AAAA' }, /spec\.publicKey/],
  [
    'no memory',
    { inventory: { ...reportSpec().inventory, devices: [{ ...device('g'), memory: '0' }] } },
    /devices\[0\]\.memory: "0"/,
  ],
  [
    'too much memory',
    { inventory: { ...reportSpec().inventory, devices: [{ ...device('g'), memory: '17Ti' }] } },
    /up to 16Ti/,
  ],
  ['a uuid with a space', { inventory: { ...reportSpec().inventory, devices: [device('a b')] } }, /devices\[0\]\.uuid/],
  [
    'CUDA on a CPU',
    { inventory: { ...reportSpec().inventory, devices: [{ ...device('g'), type: 'cpu' }] } },
    /only CPU runs there/,
  ],
  [
    'a price that is none',
    { ask: { pricePerThousandReferenceSeconds: 'free' } },
    /pricePerThousandReferenceSeconds: "free"/,
  ],
  ['too large', { readyMessage: 'x'.repeat(200_000) }, /at most 131072/],
];
describe('a report is refused for', () => {
  for (const [name, overrides, message] of faults) {
    test(name, () => assert.match(checkReport(reportSpec(overrides)).join('; '), message));
  }
  test('nothing when it is right', () => assert.deepEqual(checkReport(reportSpec()), []));
});
