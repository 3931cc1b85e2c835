import { edgeNamespace, type EdgeCluster, type InferenceNode } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { unreachableSince, type Brake } from '../edge-cluster/eviction-brake.ts';
import type { PlaceView } from './observed.ts';

interface Lookup<T> {
  get(key: string): T | undefined;
}

/** What the hub's own assessment says of a place. An object that is not there any more is as one that was never well. */
export function placeView(
  clusters: Lookup<EdgeCluster>,
  nodes: Lookup<InferenceNode>,
  brake: Brake,
  cluster: string,
  node: string,
): PlaceView {
  const edgeCluster = clusters.get(cluster);
  const isAway = edgeCluster !== undefined && unreachableSince(edgeCluster) !== undefined;
  const nodeConditions = nodes.get(`${edgeNamespace(cluster)}/${node}`)?.status?.conditions;
  return {
    isQuarantined: findCondition(nodeConditions, 'Trusted')?.reason === 'Quarantined',
    clusterUnreachableSince: notTrueSince(edgeCluster?.status?.conditions),
    nodeNotReadySince: notTrueSince(nodeConditions),
    evictionHeldUntil: isAway ? brake.heldUntil : undefined,
  };
}

function notTrueSince(conditions: Parameters<typeof findCondition>[0]): number | undefined {
  const ready = findCondition(conditions, 'Ready');
  if (ready?.status === 'True') return undefined;
  return ready === undefined ? 0 : Date.parse(ready.lastTransitionTime);
}
