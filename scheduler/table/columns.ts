/** No node: the row is free. */
export const FREE_ROW = -1;

/** Whether work may go to a node, and what stands against it first. */
export const nodeStates = { Usable: 0, NotReady: 1, NotTrusted: 2, ClusterNotReady: 3, ProviderSuspended: 4 } as const;

/** What an administrator keeps new work away from. */
export const cordons = { None: 0, Node: 1, Cluster: 2 } as const;

/** The facts that a decision reads for each row, one array per fact: a scan touches only the arrays that it needs. */
export interface Columns {
  /** Slot of the node, or {@link FREE_ROW}. */
  readonly node: Int32Array;
  /** Numbers of the table's interners. */
  readonly cluster: Int32Array;
  readonly provider: Int32Array;
  readonly country: Int32Array;
  /** 1 for a cluster that the federation runs itself. */
  readonly trustedClass: Uint8Array;
  /** One of {@link nodeStates}. */
  readonly state: Uint8Array;
  /** One of {@link cordons}. */
  readonly cordon: Uint8Array;
  /** Bit mask, see execution-providers.ts. */
  readonly executionProviders: Uint8Array;
  /** Tenths. */
  readonly computeCapability: Uint16Array;
  readonly memoryBytes: Float64Array;
  readonly usedMemoryBytes: Float64Array;
  readonly slots: Int32Array;
  readonly usedSlots: Int32Array;
  /** Micro-currency per thousand reference seconds. */
  readonly price: Float64Array;
  /** Location as a unit vector. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Of the device's key, for breaking ties. */
  readonly hash: Uint32Array;
}

export function makeColumns(rows: number): Columns {
  return {
    node: new Int32Array(rows).fill(FREE_ROW),
    cluster: new Int32Array(rows),
    provider: new Int32Array(rows),
    country: new Int32Array(rows),
    trustedClass: new Uint8Array(rows),
    state: new Uint8Array(rows),
    cordon: new Uint8Array(rows),
    executionProviders: new Uint8Array(rows),
    computeCapability: new Uint16Array(rows),
    memoryBytes: new Float64Array(rows),
    usedMemoryBytes: new Float64Array(rows),
    slots: new Int32Array(rows),
    usedSlots: new Int32Array(rows),
    price: new Float64Array(rows),
    x: new Float64Array(rows),
    y: new Float64Array(rows),
    z: new Float64Array(rows),
    hash: new Uint32Array(rows),
  };
}

/** Columns of twice the length with the same content. */
export function growColumns(columns: Columns): Columns {
  const larger = makeColumns(columns.node.length * 2);
  for (const name of Object.keys(columns) as (keyof Columns)[]) larger[name].set(columns[name]);
  return larger;
}
