import { centroid, type UnitVector } from '@isochrone/latency';
import { nodeStates } from './columns.ts';
import type { ClusterFacts, NodeFacts, ProviderFacts } from './facts.ts';
import { NodeTable } from './node-table.ts';

/**
 * Joins nodes, clusters and providers, which arrive in any order, into the node table. A node whose EdgeCluster does not
 * exist is no member and has no row.
 */
export class Fleet {
  readonly table = new NodeTable();
  readonly #clusters = new Map<string, ClusterFacts>();
  readonly #providers = new Map<string, ProviderFacts>();
  /** Cluster → node name → facts. */
  readonly #nodes = new Map<string, Map<string, NodeFacts>>();
  readonly #centroids = new Map<string, UnitVector | undefined>();

  putNode(node: NodeFacts): void {
    const nodes = this.#nodes.get(node.cluster) ?? new Map<string, NodeFacts>();
    this.#nodes.set(node.cluster, nodes.set(node.name, node));
    this.#join(node);
  }
  removeNode({ cluster, name }: Pick<NodeFacts, 'cluster' | 'name'>): void {
    const nodes = this.#nodes.get(cluster);
    nodes?.delete(name);
    if (nodes?.size === 0) this.#nodes.delete(cluster);
    this.table.remove(cluster, name);
  }

  putCluster(cluster: ClusterFacts): void {
    this.#clusters.set(cluster.name, cluster);
    this.#centroids.clear();
    this.#joinAll(cluster.name);
  }
  removeCluster(name: string): void {
    this.#clusters.delete(name);
    this.#centroids.clear();
    for (const node of this.#nodes.get(name)?.keys() ?? []) this.table.remove(name, node);
  }

  putProvider(provider: ProviderFacts): void {
    this.#providers.set(provider.name, provider);
    this.#joinProvider(provider.name);
  }
  removeProvider(name: string): void {
    this.#providers.delete(name);
    this.#joinProvider(name);
  }

  cluster(name: string): ClusterFacts | undefined {
    return this.#clusters.get(name);
  }

  /** The middle of the clusters of a region; undefined when no EdgeCluster names it. */
  originOf(region: string): UnitVector | undefined {
    if (!this.#centroids.has(region)) {
      const members = [...this.#clusters.values()].filter((cluster) => cluster.region === region);
      this.#centroids.set(region, centroid(members.map(({ location }) => location)));
    }
    return this.#centroids.get(region);
  }
  regions(): string[] {
    return [...new Set([...this.#clusters.values()].map(({ region }) => region))].sort();
  }

  #joinProvider(provider: string): void {
    for (const cluster of this.#clusters.values()) if (cluster.provider === provider) this.#joinAll(cluster.name);
  }
  #joinAll(cluster: string): void {
    for (const node of this.#nodes.get(cluster)?.values() ?? []) this.#join(node);
  }
  #join(node: NodeFacts): void {
    const cluster = this.#clusters.get(node.cluster);
    if (cluster !== undefined)
      this.table.put(node, cluster, stateOf(node, cluster, this.#providers.get(cluster.provider)));
  }
}

/** What stands against a node first. Nobody could be paid for the work of an unknown provider: it counts as suspended. */
function stateOf(node: NodeFacts, cluster: ClusterFacts, provider: ProviderFacts | undefined): number {
  if (provider === undefined || provider.suspended) return nodeStates.ProviderSuspended;
  if (!cluster.ready) return nodeStates.ClusterNotReady;
  if (!node.trusted) return nodeStates.NotTrusted;
  if (!node.ready) return nodeStates.NotReady;
  return nodeStates.Usable;
}
