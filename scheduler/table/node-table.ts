import { cordons, FREE_ROW, growColumns, makeColumns, type Columns } from './columns.ts';
import { executionProviderMask } from './execution-providers.ts';
import type { ClusterFacts, DeviceFacts, NodeFacts } from './facts.ts';
import { hashString } from './hash.ts';
import { Interner } from './interner.ts';

/** `cluster/node/device`: identity of a row, also of one that the table does not hold at the moment. */
export function deviceKey(cluster: string, node: string, deviceUuid: string): string {
  return `${cluster}/${node}/${deviceUuid}`;
}

interface NodeRecord {
  readonly slot: number;
  /** Device key → row. */
  readonly rows: Map<string, number>;
  models: readonly string[];
}

interface Usage {
  slots: number;
  memoryBytes: number;
}

const FIRST_ROWS = 256;

/**
 * Every device of every member node as one row of typed arrays: 100 000 rows are scanned without touching an object
 * (docs/adr/0007-node-table.md). Changed in place; a decision is synchronous, so it never sees half a change.
 */
export class NodeTable {
  readonly clusters = new Interner();
  readonly providers = new Interner();
  readonly countries = new Interner();
  #columns = makeColumns(FIRST_ROWS);
  #rows = 0;
  readonly #freeRows: number[] = [];
  readonly #deviceUuids: string[] = [];
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #nodeNames: string[] = [];
  readonly #freeSlots: number[] = [];
  /** Capacity in use, kept also for devices without a row: their tasks still run, and the device may come back. */
  readonly #usage = new Map<string, Usage>();
  readonly #measurements = new Map<string, Map<number, number>>();

  /** Read them anew for each decision: growing replaces them. */
  get columns(): Columns {
    return this.#columns;
  }
  /** Rows are 0 to this, free ones included. */
  get rows(): number {
    return this.#rows;
  }
  /** Rows that hold a device. */
  get devices(): number {
    return this.#rows - this.#freeRows.length;
  }
  get nodes(): number {
    return this.#nodes.size;
  }
  /** Node slots are 0 to this, free ones included. */
  get nodeSlots(): number {
    return this.#nodeNames.length;
  }
  nodeName(slot: number): string {
    return this.#nodeNames[slot]!;
  }
  deviceUuid(row: number): string {
    return this.#deviceUuids[row]!;
  }
  /** Node slots, as a bitmap, of nodes given as `cluster/node`; unknown ones are left out. */
  nodeMembership(keys: readonly string[]): Uint8Array {
    const bytes = new Uint8Array(this.nodeSlots);
    for (const key of keys) {
      const record = this.#nodes.get(key);
      if (record !== undefined) bytes[record.slot] = 1;
    }
    return bytes;
  }
  /** Node slots that hold the model → measured nanoseconds per record, 0 before the first run. */
  measurementsOf(modelSha256: string): ReadonlyMap<number, number> | undefined {
    return this.#measurements.get(modelSha256);
  }
  rowOf(cluster: string, node: string, deviceUuid: string): number | undefined {
    return this.#nodes.get(`${cluster}/${node}`)?.rows.get(deviceKey(cluster, node, deviceUuid));
  }

  /** @param state one of nodeStates */
  put(node: NodeFacts, cluster: ClusterFacts, state: number): void {
    const record = this.#record(`${node.cluster}/${node.name}`, node.name);
    const gone = new Set(record.rows.keys());
    for (const device of node.devices) {
      const key = deviceKey(node.cluster, node.name, device.uuid);
      gone.delete(key);
      let row = record.rows.get(key);
      if (row === undefined) {
        row = this.#takeRow(key, device.uuid);
        record.rows.set(key, row);
      }
      this.#write(row, { record, device, node, cluster, state });
    }
    for (const key of gone) this.#freeRow(record, key);
    this.#putModels(record, node.models);
  }

  remove(cluster: string, node: string): void {
    const key = `${cluster}/${node}`;
    const record = this.#nodes.get(key);
    if (record === undefined) return;
    for (const device of [...record.rows.keys()]) this.#freeRow(record, device);
    this.#putModels(record, []);
    this.#nodes.delete(key);
    this.#freeSlots.push(record.slot);
  }

  /** Adds to (or, negative, takes from) what is in use on a device, whether it has a row or not. */
  addUsage(key: string, slots: number, memoryBytes: number): void {
    const usage = this.#usage.get(key) ?? { slots: 0, memoryBytes: 0 };
    usage.slots += slots;
    usage.memoryBytes += memoryBytes;
    if (usage.slots === 0) this.#usage.delete(key);
    else this.#usage.set(key, usage);
    const row = this.#nodes.get(key.slice(0, key.indexOf('/', key.indexOf('/') + 1)))?.rows.get(key);
    if (row === undefined) return;
    this.#columns.usedSlots[row] = usage.slots;
    this.#columns.usedMemoryBytes[row] = usage.memoryBytes;
  }

  #record(key: string, name: string): NodeRecord {
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const slot = this.#freeSlots.pop() ?? this.#nodeNames.length;
    this.#nodeNames[slot] = name;
    const record = { slot, rows: new Map<string, number>(), models: [] };
    this.#nodes.set(key, record);
    return record;
  }

  #takeRow(key: string, deviceUuid: string): number {
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row === this.#columns.node.length) this.#columns = growColumns(this.#columns);
    this.#deviceUuids[row] = deviceUuid;
    this.#columns.hash[row] = hashString(key);
    this.#columns.usedSlots[row] = this.#usage.get(key)?.slots ?? 0;
    this.#columns.usedMemoryBytes[row] = this.#usage.get(key)?.memoryBytes ?? 0;
    return row;
  }

  #freeRow(record: NodeRecord, key: string): void {
    const row = record.rows.get(key)!;
    record.rows.delete(key);
    this.#columns.node[row] = FREE_ROW;
    this.#freeRows.push(row);
  }

  #write(
    row: number,
    facts: { record: NodeRecord; device: DeviceFacts; node: NodeFacts; cluster: ClusterFacts; state: number },
  ): void {
    const { record, device, node, cluster, state } = facts;
    const columns = this.#columns;
    columns.node[row] = record.slot;
    columns.cluster[row] = this.clusters.idOf(cluster.name);
    columns.provider[row] = this.providers.idOf(cluster.provider);
    columns.country[row] = this.countries.idOf(cluster.country);
    columns.trustedClass[row] = cluster.trusted ? 1 : 0;
    columns.state[row] = state;
    columns.cordon[row] = cluster.cordoned ? cordons.Cluster : node.cordoned ? cordons.Node : cordons.None;
    columns.executionProviders[row] = executionProviderMask(device.executionProviders);
    columns.computeCapability[row] = device.computeCapability;
    columns.memoryBytes[row] = device.memoryBytes;
    columns.slots[row] = device.slots;
    columns.price[row] = node.price;
    columns.x[row] = cluster.location.x;
    columns.y[row] = cluster.location.y;
    columns.z[row] = cluster.location.z;
  }

  #putModels(record: NodeRecord, models: NodeFacts['models']): void {
    for (const sha256 of record.models) {
      const nodes = this.#measurements.get(sha256);
      nodes?.delete(record.slot);
      if (nodes?.size === 0) this.#measurements.delete(sha256);
    }
    for (const { sha256, nanosecondsPerRecord } of models) {
      const nodes = this.#measurements.get(sha256) ?? new Map<number, number>();
      this.#measurements.set(sha256, nodes.set(record.slot, nanosecondsPerRecord));
    }
    record.models = models.map(({ sha256 }) => sha256);
  }
}
