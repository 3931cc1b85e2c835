import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addMember, GIB, makeFleet } from '../testing/fixtures.ts';
import { capacityByCluster, pricesOf, statesOf } from './cluster-capacity.ts';

const valueOf = (samples: readonly { labels: Record<string, string>; value: number }[], ...labels: string[]) =>
  samples.find((sample) => labels.every((label) => Object.values(sample.labels).includes(label)))?.value;

describe('capacity by cluster', () => {
  const fleet = makeFleet(
    { name: 'full', used: 2, node: { price: 100_000 } },
    { name: 'half', used: 1, node: { price: 300_000 } },
    { name: 'away', used: 1, node: { ready: false } },
  );
  const capacity = capacityByCluster(fleet.table);

  for (const [cluster, slots, devices] of [
    ['full', { used: 2, free: 0, unusable: 0 }, { busy: 1, free: 0, unusable: 0 }],
    ['half', { used: 1, free: 1, unusable: 0 }, { busy: 0, free: 1, unusable: 0 }],
    ['away', { used: 1, free: 0, unusable: 1 }, { busy: 0, free: 0, unusable: 1 }],
  ] as const) {
    test(`of ${cluster}`, () => {
      assert.deepEqual(capacity.get(cluster)?.slots, slots);
      assert.deepEqual(capacity.get(cluster)?.devices, devices);
      assert.equal(valueOf(statesOf(capacity, 'memoryBytes'), cluster, 'total'), 8 * GIB);
    });
  }

  test('two nodes of one cluster are one series with the span of their prices', () => {
    addMember(fleet, { name: 'half' });
    fleet.putNode({
      ...{ cluster: 'half', name: 'second', ready: true, trusted: true, cordoned: false, price: 500_000, models: [] },
      devices: [
        { uuid: 'u', memoryBytes: GIB, computeCapability: 0, slots: 1, executionProviders: ['CPU'] },
        { uuid: 'v', memoryBytes: GIB, computeCapability: 0, slots: 1, executionProviders: ['CPU'] },
      ],
    });
    const prices = pricesOf(capacityByCluster(fleet.table)).filter(({ labels }) => labels.cluster === 'half');
    assert.deepEqual(
      prices.map(({ labels, value }) => [labels.bound, Math.round(value * 1000)]),
      [
        ['least', 100],
        ['mean', 367],
        ['most', 500],
      ],
    );
  });

  test('a cluster that may get no work asks for nothing, and one that left tells nothing', () => {
    assert.equal(valueOf(pricesOf(capacity), 'away'), undefined);
    fleet.removeCluster('full');
    assert.equal(capacityByCluster(fleet.table).get('full'), undefined);
  });
});
