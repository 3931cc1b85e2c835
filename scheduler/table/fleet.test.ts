import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unitVector } from '@isochrone/latency';
import type { ClusterFacts, DeviceFacts, NodeFacts, ProviderFacts } from './facts.ts';
import { Fleet } from './fleet.ts';
import { deviceKey } from './node-table.ts';

/** What the table says of every device that could exist, by name and not by row. */
function describe(fleet: Fleet): Record<string, unknown> {
  const { table } = fleet;
  const { columns } = table;
  const seen: Record<string, unknown> = {};
  for (const cluster of CLUSTERS) {
    for (const node of NODES) {
      for (const uuid of DEVICES) {
        const row = table.rowOf(cluster, node, uuid);
        if (row === undefined) continue;
        const { node: slots, cluster: clusterIds, provider, country, ...rest } = columns;
        seen[deviceKey(cluster, node, uuid)] = {
          node: table.nodeName(slots[row]!),
          cluster: table.clusters.nameOf(clusterIds[row]!),
          provider: table.providers.nameOf(provider[row]!),
          country: table.countries.nameOf(country[row]!),
          uuid: table.deviceUuid(row),
          warm: table.measurementsOf('m')?.get(slots[row]!),
          columns: Object.values(rest).map((column) => column[row]),
        };
      }
    }
  }
  return seen;
}

const CLUSTERS = ['a', 'b'] as const;
const NODES = ['n1', 'n2', 'n3'] as const;
const DEVICES = ['d1', 'd2', 'd3'] as const;

const device: fc.Arbitrary<DeviceFacts> = fc.record({
  uuid: fc.constantFrom(...DEVICES),
  memoryBytes: fc.nat(100),
  computeCapability: fc.nat(90),
  executionProviders: fc.subarray(['CPU', 'CUDA', 'WebGPU'] as const),
  slots: fc.integer({ min: 1, max: 3 }),
});
const node: fc.Arbitrary<NodeFacts> = fc.record({
  cluster: fc.constantFrom(...CLUSTERS),
  name: fc.constantFrom(...NODES),
  ready: fc.boolean(),
  trusted: fc.boolean(),
  cordoned: fc.boolean(),
  price: fc.nat(9),
  devices: fc.uniqueArray(device, { selector: ({ uuid }) => uuid }),
  models: fc.constantFrom([], [{ sha256: 'm', nanosecondsPerRecord: 7 }]),
});
const cluster: fc.Arbitrary<ClusterFacts> = fc.record({
  name: fc.constantFrom(...CLUSTERS),
  provider: fc.constantFrom('p', 'q'),
  trusted: fc.boolean(),
  country: fc.constantFrom('DE', 'FR'),
  region: fc.constant('r'),
  location: fc.constantFrom(unitVector(1, 2), unitVector(3, 4)),
  ready: fc.boolean(),
  cordoned: fc.boolean(),
});
const provider: fc.Arbitrary<ProviderFacts> = fc.record({ name: fc.constantFrom('p', 'q'), suspended: fc.boolean() });

type Event =
  | { put: 'node'; node: NodeFacts }
  | { put: 'cluster'; cluster: ClusterFacts }
  | { put: 'provider'; provider: ProviderFacts }
  | { remove: 'node'; cluster: string; name: string }
  | { remove: 'cluster' | 'provider'; name: string };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: node.map((facts) => ({ put: 'node' as const, node: facts })) },
  { weight: 2, arbitrary: cluster.map((facts) => ({ put: 'cluster' as const, cluster: facts })) },
  { weight: 2, arbitrary: provider.map((facts) => ({ put: 'provider' as const, provider: facts })) },
  fc.record({
    remove: fc.constant('node' as const),
    cluster: fc.constantFrom(...CLUSTERS),
    name: fc.constantFrom(...NODES),
  }),
  fc.record({ remove: fc.constant('cluster' as const), name: fc.constantFrom(...CLUSTERS) }),
  fc.record({ remove: fc.constant('provider' as const), name: fc.constantFrom('p', 'q') }),
);

function apply(fleet: Fleet, change: Event): void {
  if ('put' in change) {
    if (change.put === 'node') fleet.putNode(change.node);
    else if (change.put === 'cluster') fleet.putCluster(change.cluster);
    else fleet.putProvider(change.provider);
  } else if (change.remove === 'node') fleet.removeNode(change);
  else if (change.remove === 'cluster') fleet.removeCluster(change.name);
  else fleet.removeProvider(change.name);
}

const keyOf = (change: Event): string => {
  if ('put' in change) {
    if (change.put === 'node') return `node/${change.node.cluster}/${change.node.name}`;
    return change.put === 'cluster' ? `cluster/${change.cluster.name}` : `provider/${change.provider.name}`;
  }
  return change.remove === 'node' ? `node/${change.cluster}/${change.name}` : `${change.remove}/${change.name}`;
};

test('after any history the table is the one that its last facts alone would make', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (history) => {
      const lived = new Fleet();
      const last = new Map<string, Event>();
      for (const change of history) {
        apply(lived, change);
        last.set(keyOf(change), change);
      }
      const fresh = new Fleet();
      for (const change of last.values()) if ('put' in change) apply(fresh, change);
      assert.deepEqual(describe(lived), describe(fresh));
      assert.deepEqual([lived.table.nodes, lived.table.devices], [fresh.table.nodes, fresh.table.devices]);
    }),
    { numRuns: 500 },
  );
});

test('the table grows past its first rows, and use survives the absence of a device', () => {
  const fleet = new Fleet();
  fleet.putProvider({ name: 'p', suspended: false });
  fleet.putCluster({
    ...{ name: 'a', provider: 'p', trusted: false, country: 'DE', region: 'r', ready: true, cordoned: false },
    location: unitVector(0, 0),
  });
  const facts = (name: string): NodeFacts => ({
    ...{ cluster: 'a', name, ready: true, trusted: true, cordoned: false, price: 1, models: [] },
    devices: [{ uuid: 'd', memoryBytes: 10, computeCapability: 0, executionProviders: ['CPU'], slots: 2 }],
  });
  fleet.table.addUsage(deviceKey('a', 'n0', 'd'), 1, 4);
  for (let index = 0; index < 1000; index++) fleet.putNode(facts(`n${index}`));
  const used = (): number => fleet.table.columns.usedMemoryBytes[fleet.table.rowOf('a', 'n0', 'd')!]!;
  assert.equal(used(), 4);
  fleet.removeNode({ cluster: 'a', name: 'n0' });
  fleet.table.addUsage(deviceKey('a', 'n0', 'd'), 1, 5);
  fleet.putNode(facts('n0'));
  assert.equal(used(), 9);
  assert.deepEqual([fleet.table.nodes, fleet.table.devices, fleet.table.rows], [1000, 1000, 1000]);
});
