import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { SchedulerMetrics } from './metrics.ts';
import { makeClaims, makeFleet } from './testing/fixtures.ts';

/** The series of a scheduler that knows 100 clusters. */
async function seriesWith(nodesPerCluster: number): Promise<number> {
  const names = Array.from({ length: 100 }, (_, index) => `cluster-${index}`);
  const fleet = makeFleet(...names.map((name) => ({ name })));
  for (const cluster of names) {
    for (let index = 1; index < nodesPerCluster; index++) {
      fleet.putNode({
        ...{ cluster, name: `node-${index}`, ready: true, trusted: true, cordoned: false, price: 100_000, models: [] },
        devices: [{ uuid: 'gpu', memoryBytes: 1, computeCapability: 0, slots: 1, executionProviders: ['CPU'] }],
      });
    }
  }
  assert.equal(fleet.table.nodes, 100 * nodesPerCluster);
  const registry = new Registry();
  const clock = { monotonic: () => 0 };
  new SchedulerMetrics({ registry, claims: makeClaims(fleet), table: fleet.table, clock, lastChangeAt: () => 0 });
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).length;
}

test('10,000 nodes make no more series than one node of each cluster', async () => {
  const one = await seriesWith(1);
  assert.equal(await seriesWith(100), one);
  assert.ok(one < 1500, `${one} series`);
});
