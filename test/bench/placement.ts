import { unitVector } from '@isochrone/latency';
import { Claims } from '../../scheduler/capacity/claims.ts';
import type { TaskRequest } from '../../scheduler/framework/request.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { Fleet } from '../../scheduler/table/fleet.ts';
import { makeRequest } from '../../scheduler/testing/fixtures.ts';
import type { Benchmark, Row } from './benchmark.ts';

const GIB = 2 ** 30;
const NODES_PER_CLUSTER = 50;
const COUNTRIES = ['DE', 'FR', 'NL', 'US', 'CA', 'JP', 'IN', 'BR'];
const MODEL = 'a'.repeat(64);

/** Lehmer's generator: the same fleet in every run. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function makeFleet(rows: number): Fleet {
  const random = makeRandom(42);
  const fleet = new Fleet();
  for (let index = 0; index < rows; index++) {
    const cluster = `cluster-${Math.floor(index / NODES_PER_CLUSTER)}`;
    if (index % NODES_PER_CLUSTER === 0) {
      fleet.putProvider({ name: `provider-${cluster}`, suspended: false });
      fleet.putCluster({
        ...{ name: cluster, provider: `provider-${cluster}`, trusted: false, region: 'region', ready: random() < 0.95 },
        cordoned: false,
        country: COUNTRIES[Math.floor(random() * COUNTRIES.length)]!,
        location: unitVector((Math.asin(2 * random() - 1) * 180) / Math.PI, 360 * random() - 180),
      });
    }
    fleet.putNode({
      ...{ cluster, name: `node-${index}`, ready: random() < 0.95, trusted: random() < 0.99 },
      cordoned: false,
      price: Math.round(50_000 + 200_000 * random()),
      models: random() < 0.05 ? [{ sha256: MODEL, nanosecondsPerRecord: 1_000_000 * random() + 1 }] : [],
      devices: [
        {
          uuid: `GPU-${index}`,
          memoryBytes: GIB * 2 ** Math.floor(3 + 3 * random()),
          computeCapability: [75, 80, 86, 89, 90][Math.floor(random() * 5)]!,
          executionProviders: random() < 0.7 ? ['CUDA', 'CPU'] : ['CPU'],
          slots: 2,
        },
      ],
    });
  }
  return fleet;
}

const requests: Record<string, Partial<TaskRequest>> = {
  'every node is scored': { inputBytes: 50_000_000, origin: { location: unitVector(50.11, 8.68) } },
  'three countries, price cap, 16 GiB, 8.0': {
    ...{ inputBytes: 50_000_000, origin: { location: unitVector(50.11, 8.68) }, allowedCountries: ['DE', 'FR', 'NL'] },
    ...{ maxPrice: 150_000, deviceMemory: 16 * GIB, minCudaComputeCapability: 80 },
  },
};

function measure(rows: number, name: string, fields: Partial<TaskRequest>): Row {
  const fleet = makeFleet(rows);
  const claims = new Claims({
    clock: { monotonic: () => performance.now() },
    assumeMilliseconds: 60_000,
    usage: fleet.table,
  });
  const scheduler = new Scheduler({ fleet, claims, valueOfTime: 0.278, seed: 1 });
  const decisions = Math.max(50, Math.min(2000, Math.round(2e7 / rows)));
  const spans: number[] = [];
  for (let attempt = 1; attempt <= decisions + 20; attempt++) {
    const before = process.cpuUsage();
    scheduler.explain([makeRequest({ workUid: 'bench', attempt, ...fields })]);
    const { user, system } = process.cpuUsage(before);
    if (attempt > 20) spans.push((user + system) / 1000);
  }
  spans.sort((a, b) => a - b);
  const rounded = (milliseconds: number): number => Number(milliseconds.toFixed(3));
  const at = (share: number): number => rounded(spans[Math.floor(share * (spans.length - 1))]!);
  const mean = rounded(spans.reduce((sum, span) => sum + span, 0) / spans.length);
  return { rows, request: name, 'mean ms': mean, 'p50 ms': at(0.5), 'p99 ms': at(0.99), decisions: spans.length };
}

export const placement: Benchmark = {
  name: 'placement',
  about:
    "CPU time of one placement decision: the code of the scheduler's Place without gRPC, on fleets of random nodes",
  async run() {
    return [1000, 100_000].flatMap((rows) =>
      Object.entries(requests).map(([name, fields]) => measure(rows, name, fields)),
    );
  },
};
