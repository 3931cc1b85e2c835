import type { Sample } from '@isochrone/kube';
import { FREE_ROW, nodeStates } from '../table/columns.ts';
import type { NodeTable } from '../table/node-table.ts';

/** Sums over the devices of one cluster. */
interface ClusterCapacity {
  readonly slots: { used: number; free: number; unusable: number };
  readonly devices: { busy: number; free: number; unusable: number };
  readonly memoryBytes: { used: number; total: number };
  /** Asks of usable nodes, in the currency of the federation; of devices, so that a node counts by what it offers. */
  readonly price: { least: number; sum: number; most: number; devices: number };
}

/** One pass over the table. Sums per cluster: a fleet may have 100,000 nodes. */
export function capacityByCluster(table: NodeTable): Map<string, ClusterCapacity> {
  const { columns, clusters } = table;
  const byId = new Map<number, ClusterCapacity>();
  for (let row = 0; row < table.rows; row++) {
    if (columns.node[row] === FREE_ROW) continue;
    const id = columns.cluster[row]!;
    let sums = byId.get(id);
    if (sums === undefined) byId.set(id, (sums = nothing()));
    const used = Math.min(columns.usedSlots[row]!, columns.slots[row]!);
    const free = columns.slots[row]! - used;
    const isUsable = columns.state[row] === nodeStates.Usable;
    sums.slots.used += used;
    sums.slots[isUsable ? 'free' : 'unusable'] += free;
    sums.devices[!isUsable ? 'unusable' : free > 0 ? 'free' : 'busy'] += 1;
    sums.memoryBytes.used += columns.usedMemoryBytes[row]!;
    sums.memoryBytes.total += columns.memoryBytes[row]!;
    if (!isUsable) continue;
    const price = columns.price[row]! / 1e6;
    sums.price.least = Math.min(sums.price.least, price);
    sums.price.most = Math.max(sums.price.most, price);
    sums.price.sum += price;
    sums.price.devices += 1;
  }
  return new Map([...byId].map(([id, sums]) => [clusters.nameOf(id), sums]));
}

function nothing(): ClusterCapacity {
  return {
    slots: { used: 0, free: 0, unusable: 0 },
    devices: { busy: 0, free: 0, unusable: 0 },
    memoryBytes: { used: 0, total: 0 },
    price: { least: Infinity, sum: 0, most: 0, devices: 0 },
  };
}

/** One series for each cluster and state of what `of` picks. */
export function statesOf(
  capacity: ReadonlyMap<string, ClusterCapacity>,
  of: 'slots' | 'devices' | 'memoryBytes',
): Sample<'cluster' | 'state'>[] {
  return [...capacity].flatMap(([cluster, sums]) =>
    Object.entries(sums[of]).map(([state, value]) => ({ labels: { cluster, state }, value })),
  );
}

/** Least, mean and most that usable devices of a cluster ask for; a cluster without one asks for nothing. */
export function pricesOf(capacity: ReadonlyMap<string, ClusterCapacity>): Sample<'cluster' | 'bound'>[] {
  return [...capacity].flatMap(([cluster, { price }]) =>
    price.devices === 0
      ? []
      : Object.entries({ least: price.least, mean: price.sum / price.devices, most: price.most }).map(
          ([bound, value]) => ({ labels: { cluster, bound }, value }),
        ),
  );
}
