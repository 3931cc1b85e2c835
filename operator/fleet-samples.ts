import { conditions, edgeNamespace, type EdgeCluster, type InferenceNode } from '@isochrone/api';
import { findCondition, type Clock, type Condition, type Informer, type Sample } from '@isochrone/kube';
import type { EvictionBrake } from './edge-cluster/eviction-brake.ts';
import type { OperatorMetrics } from './metrics.ts';

/** Told of an object that has no such condition yet. */
const unknown = 'Unknown';

/** The conditions of a cluster. An EdgeCluster that nobody has looked at yet is in none of them. */
export function clusterConditions({ metadata, status }: EdgeCluster): Sample<'cluster' | 'condition' | 'reason'>[] {
  return Object.keys(conditions.edgeCluster).map((condition) => {
    const found = findCondition(status?.conditions, condition);
    const labels = { cluster: metadata.name, condition, reason: found?.reason ?? unknown };
    return { labels, value: found?.status === 'True' ? 1 : 0 };
  });
}

/** Counts the nodes of one cluster by condition and reason; every reason is told, also with 0, so that a panel shows the step. */
export function nodeCounts(
  cluster: string,
  nodes: readonly { readonly status?: { readonly conditions?: readonly Condition[] } }[],
): Sample<'cluster' | 'condition' | 'reason'>[] {
  return Object.entries(conditions.inferenceNode).flatMap(([condition, reasons]) => {
    const counts = new Map<string, number>(reasons.map((reason) => [reason, 0]));
    for (const { status } of nodes) {
      const reason = findCondition(status?.conditions, condition)?.reason ?? unknown;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return [...counts].map(([reason, value]) => ({ labels: { cluster, condition, reason }, value }));
  });
}

export interface FleetSources {
  readonly clusters: Pick<Informer<EdgeCluster>, 'list'>;
  /** Declared with the index `namespace`. */
  readonly nodes: Pick<Informer<InferenceNode>, 'byIndex'>;
  readonly brake: Pick<EvictionBrake, 'current'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Tells of the fleet at each scrape. @returns a function that ends it */
export function observeFleet(metrics: OperatorMetrics, { clusters, nodes, brake, clock }: FleetSources): () => void {
  const nodesOf = ({ metadata }: EdgeCluster): readonly InferenceNode[] =>
    nodes.byIndex('namespace', edgeNamespace(metadata.name));
  const each = <L extends string>(tell: (cluster: EdgeCluster) => readonly Sample<L>[]) => {
    return () => clusters.list().flatMap((cluster) => tell(cluster));
  };
  const stops = [
    metrics.clusterInfo.observe(
      each(({ metadata, spec }) => {
        const { country, region, latitude, longitude } = spec.location;
        const { class: ofClass, providerRef } = spec;
        const where = { country, region, latitude, longitude };
        return [{ labels: { cluster: metadata.name, provider: providerRef.name, class: ofClass, ...where }, value: 1 }];
      }),
    ),
    metrics.clusterReady.observe(
      each(({ metadata, status }) => {
        const isReady = findCondition(status?.conditions, 'Ready')?.status === 'True';
        return [{ labels: { cluster: metadata.name }, value: isReady ? 1 : 0 }];
      }),
    ),
    metrics.clusterCondition.observe(each(clusterConditions)),
    metrics.clusterNodes.observe(
      each(({ metadata, status }) => {
        const { total = 0, ready = 0 } = status?.nodes ?? {};
        return Object.entries({ total, ready }).map(([state, value]) => ({
          labels: { cluster: metadata.name, state },
          value,
        }));
      }),
    ),
    metrics.credentialIssued.observe(
      each(({ metadata, status }) => timeSample(metadata.name, status?.credential?.issuedTime)),
    ),
    metrics.credentialExpiration.observe(
      each(({ metadata, status }) => timeSample(metadata.name, status?.credential?.expirationTime)),
    ),
    metrics.evictionsHeld.observe(() => {
      const { heldUntil = 0 } = brake.current;
      return [{ labels: {}, value: clock.now() < heldUntil ? 1 : 0 }];
    }),
    metrics.nodes.observe(each((cluster) => nodeCounts(cluster.metadata.name, nodesOf(cluster)))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function timeSample(cluster: string, time: string | undefined): Sample<'cluster'>[] {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? [] : [{ labels: { cluster }, value: at / 1000 }];
}
