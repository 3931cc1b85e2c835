import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeCluster, InferenceNode } from '@isochrone/api';
import { Registry } from 'prom-client';
import type { Brake } from './edge-cluster/eviction-brake.ts';
import { observeFleet } from './fleet-samples.ts';
import type { Attempt } from './job/attempts.ts';
import { JobMetrics } from './job/metrics.ts';
import { OperatorMetrics } from './metrics.ts';

const lastTransitionTime = '2026-01-01T00:00:00Z';

function cluster(name: string, ready: 'True' | 'False', reason: string): EdgeCluster {
  return {
    ...{ apiVersion: 'isochrone.dev/v1alpha1', kind: 'EdgeCluster', metadata: { name } },
    spec: {
      class: 'Edge',
      providerRef: { name: 'p' },
      location: { latitude: '50.11', longitude: '8.68', country: 'DE', region: 'eu-central' },
    },
    status: {
      nodes: { total: 2, ready: 1 },
      credential: { issuedTime: '2026-01-01T00:00:00Z', expirationTime: '2026-01-01T00:00:10Z' },
      conditions: [{ type: 'Ready', status: ready, reason, message: '', lastTransitionTime }],
    },
  };
}

function node(ready: string, trusted: string): InferenceNode {
  const condition = (type: string, reason: string) =>
    ({ type, status: 'True', reason, message: '', lastTransitionTime }) as const;
  return { status: { conditions: [condition('Ready', ready), condition('Trusted', trusted)] } } as InferenceNode;
}

test('the fleet is told at each scrape, and not any more once the term is over', async () => {
  const registry = new Registry();
  const members = new Map([
    ['edge-alpha', [node('AgentReady', 'NoEvidenceAgainst'), node('AgentReady', 'Quarantined')]],
    ['edge-beta', [node('ClusterUnreachable', 'NoEvidenceAgainst')]],
  ]);
  const clusters = [cluster('alpha', 'True', 'LeaseRenewed'), cluster('beta', 'False', 'Unreachable')];
  const now = 1000;
  const brake: { current: Brake } = { current: { unreachable: 4, known: 6, heldUntil: undefined } };
  const metrics = new OperatorMetrics(registry);
  metrics.accountBalance.set({ namespace: 'work' }, 3);
  const end = observeFleet(metrics, {
    clusters: { list: () => clusters },
    nodes: { byIndex: (_, namespace) => members.get(namespace) ?? [] },
    brake,
    clock: { now: () => now },
  });
  const text = await registry.metrics();
  brake.current = { ...brake.current, heldUntil: now + 1 };
  assert.match(await registry.metrics(), /^isochrone_evictions_held 1$/m);
  brake.current = { ...brake.current, heldUntil: now };
  assert.match(await registry.metrics(), /^isochrone_evictions_held 0$/m);
  for (const line of [
    'isochrone_edge_cluster_info{cluster="alpha",provider="p",class="Edge",country="DE",region="eu-central",latitude="50.11",longitude="8.68"} 1',
    'isochrone_edge_cluster_ready{cluster="alpha"} 1',
    'isochrone_edge_cluster_ready{cluster="beta"} 0',
    'isochrone_edge_cluster_condition{cluster="beta",condition="Ready",reason="Unreachable"} 0',
    'isochrone_edge_cluster_condition{cluster="beta",condition="Registered",reason="Unknown"} 0',
    'isochrone_edge_cluster_nodes{cluster="alpha",state="ready"} 1',
    'isochrone_edge_credential_issued_timestamp_seconds{cluster="alpha"} 1767225600',
    'isochrone_edge_credential_expiration_timestamp_seconds{cluster="alpha"} 1767225610',
    'isochrone_nodes{cluster="alpha",condition="Ready",reason="AgentReady"} 2',
    'isochrone_nodes{cluster="alpha",condition="Trusted",reason="Quarantined"} 1',
    'isochrone_nodes{cluster="beta",condition="Ready",reason="ClusterUnreachable"} 1',
    'isochrone_nodes{cluster="beta",condition="Ready",reason="AgentReady"} 0',
    'isochrone_account_balance{namespace="work"} 3',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
  }
  clusters.pop();
  assert.doesNotMatch(await registry.metrics(), /cluster="beta"/);
  end();
  metrics.endTerm();
  assert.doesNotMatch(await registry.metrics(), /^isochrone_(edge_cluster|nodes|account_balance)\w*\{/m);
});

test('10,000 nodes make no more series than one node of each cluster', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `cluster-${index}`);
  const seriesWith = async (nodesPerCluster: number): Promise<number> => {
    const registry = new Registry();
    const nodes = Array.from({ length: nodesPerCluster }, (_, index) =>
      node(index % 2 === 0 ? 'AgentReady' : 'AgentNotReady', index % 3 === 0 ? 'Quarantined' : 'NoEvidenceAgainst'),
    );
    observeFleet(new OperatorMetrics(registry), {
      clusters: { list: () => names.map((name) => cluster(name, 'True', 'LeaseRenewed')) },
      nodes: { byIndex: () => nodes },
      brake: { current: { unreachable: 0, known: names.length, heldUntil: undefined } },
      clock: { now: () => 0 },
    });
    const jobs = new JobMetrics(registry);
    for (const name of names) for (let index = 0; index < nodesPerCluster; index++) ran(jobs, name, `node-${index}`);
    return seriesOf(await registry.metrics());
  };
  const one = await seriesWith(1);
  assert.equal(await seriesWith(100), one);
  assert.ok(one < 6000, `${one} series`);
});

/** An attempt of the node is held, delivered and paid. */
function ran(jobs: JobMetrics, name: string, node: string): void {
  const held: Attempt = {
    ...{ attempt: 1, purpose: 'Work', verifies: undefined, state: 'Held', reason: undefined, charged: true },
    ...{ cluster: name, node, provider: 'p', heldAt: 0, settledAt: undefined },
    ...{ shards: [{ index: 0, records: 1, amount: 1n, output: undefined }], records: 1, amount: 1n },
  };
  jobs.held(held);
  jobs.delivered(1000, 1000);
  jobs.settled({ ...held, state: 'Released', settledAt: 1000 }, 1);
}

function seriesOf(exposition: string): number {
  return exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}
