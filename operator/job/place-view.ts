import { edgeNamespace, type EdgeCluster, type InferenceNode } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import type { PlaceView } from './observed.ts';

interface Lookup<T> {
  get(key: string): T | undefined;
}

/** What the hub's own assessment says of a place. An object that is not there any more is as one that was never well. */
export function placeView(
  clusters: Lookup<EdgeCluster>,
  nodes: Lookup<InferenceNode>,
  cluster: string,
  node: string,
): PlaceView {
  const nodeConditions = nodes.get(`${edgeNamespace(cluster)}/${node}`)?.status?.conditions;
  return {
    isQuarantined: findCondition(nodeConditions, 'Trusted')?.reason === 'Quarantined',
    clusterUnreachableSince: notTrueSince(clusters.get(cluster)?.status?.conditions),
    nodeNotReadySince: notTrueSince(nodeConditions),
  };
}

function notTrueSince(conditions: Parameters<typeof findCondition>[0]): number | undefined {
  const ready = findCondition(conditions, 'Ready');
  if (ready?.status === 'True') return undefined;
  return ready === undefined ? 0 : Date.parse(ready.lastTransitionTime);
}
