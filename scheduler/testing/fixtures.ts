import { unitVector } from '@isochrone/latency';
import { Claims } from '../capacity/claims.ts';
import type { Decision, Plugin } from '../framework/plugin.ts';
import type { TaskRequest } from '../framework/request.ts';
import { choicesByMask } from '../table/execution-providers.ts';
import type { ClusterFacts, DeviceFacts, NodeFacts } from '../table/facts.ts';
import { Fleet } from '../table/fleet.ts';
import { deviceKey } from '../table/node-table.ts';

export const GIB = 2 ** 30;
export const MODEL = 'a'.repeat(64);

/** A task that fits every {@link member}; one second of reference time. */
export function makeRequest(fields: Partial<TaskRequest> = {}): TaskRequest {
  return {
    workUid: 'work',
    attempt: 1,
    records: 1000,
    inputBytes: 0,
    model: { sha256: MODEL, sizeBytes: 1_000_000, referenceNanosecondsPerRecord: 1_000_000 },
    executionProviders: ['CUDA', 'CPU'],
    deviceMemory: GIB,
    minCudaComputeCapability: 0,
    allowedCountries: [],
    maxPrice: 0,
    strategy: 'BALANCED',
    excludedProviders: [],
    excludedClusters: [],
    excludedNodes: [],
    trusted: false,
    ...fields,
  };
}

/** A member of one node with one device; the name is that of the cluster, the node, the device and the provider. */
export interface Member {
  readonly name: string;
  readonly cluster?: Partial<ClusterFacts>;
  readonly node?: Partial<NodeFacts>;
  readonly device?: Partial<DeviceFacts>;
  readonly suspended?: boolean;
  /** Tasks on the device, of 1 GiB each. */
  readonly used?: number;
}

export function addMember(fleet: Fleet, { name, cluster, node, device, suspended = false, used = 0 }: Member): void {
  fleet.putProvider({ name, suspended });
  fleet.putCluster({
    ...{ name, provider: name, trusted: false, country: 'DE', region: 'eu-central', ready: true, cordoned: false },
    location: unitVector(50.11, 8.68),
    ...cluster,
  });
  fleet.putNode({
    ...{ cluster: name, name, ready: true, trusted: true, cordoned: false, price: 100_000, models: [] },
    devices: [
      {
        ...{ uuid: name, memoryBytes: 8 * GIB, computeCapability: 89, slots: 2 },
        executionProviders: ['CUDA'],
        ...device,
      },
    ],
    ...node,
  });
  if (used > 0) fleet.table.addUsage(deviceKey(name, name, name), used, used * GIB);
}

export function makeFleet(...members: readonly Member[]): Fleet {
  const fleet = new Fleet();
  for (const member of members) addMember(fleet, member);
  return fleet;
}

export function makeDecision(fleet: Fleet, request: TaskRequest): Decision {
  return { request, fleet, columns: fleet.table.columns, choices: choicesByMask(request.executionProviders) };
}

/** What a plugin alone says of a member: a reason, or undefined when it fits. */
export function rejectOf(plugin: Plugin, fleet: Fleet, request: TaskRequest, name: string): string | undefined {
  const { filter } = plugin.prepare(makeDecision(fleet, request));
  const code = filter?.test(fleet.table.rowOf(name, name, name)!) ?? 0;
  return code === 0 ? undefined : filter!.reasons[code - 1]!.text;
}

/** What a plugin alone scores a member. */
export function scoreOf(plugin: Plugin, fleet: Fleet, request: TaskRequest, name: string): number {
  return plugin.prepare(makeDecision(fleet, request)).score!.of(fleet.table.rowOf(name, name, name)!);
}

/** Claims for tests in which time does not move. */
export function makeClaims(fleet: Fleet): Claims {
  return new Claims({ clock: { monotonic: () => 0 }, assumeMilliseconds: 60_000, usage: fleet.table });
}
