import type { EdgeCluster, InferenceNode } from '@isochrone/api';
import { isConditionTrue, parseQuantity } from '@isochrone/kube';

export interface TrustedDevice {
  readonly cluster: string;
  readonly namespace: string;
  readonly node: string;
  readonly deviceUUID: string;
  readonly executionProvider: InferenceNode['spec']['inventory']['devices'][number]['executionProviders'][number];
}

/**
 * A device that may admit a model: of a Ready and Trusted node in a Ready EdgeCluster of class Trusted, neither cordoned, with
 * the memory for it. The CPU comes first, because what the reference costs must not depend on which GPU happens to be there; then the
 * node that runs least, then the name.
 *
 * @param deviceMemory bytes
 */
export function pickTrustedDevice(
  nodes: readonly InferenceNode[],
  clusters: readonly EdgeCluster[],
  deviceMemory: number,
): TrustedDevice | undefined {
  const trusted = new Set(
    clusters
      .filter(
        ({ spec, status }) =>
          spec.class === 'Trusted' && spec.unschedulable !== true && isConditionTrue(status?.conditions, 'Ready'),
      )
      .map(({ metadata }) => metadata.name),
  );
  const candidates = nodes
    .filter(
      ({ spec, status }) =>
        trusted.has(spec.clusterName ?? '') && spec.unschedulable !== true && isUsable(status?.conditions),
    )
    .flatMap((node) =>
      node.spec.inventory.devices
        .filter(({ memory }) => (parseQuantity(memory) ?? 0) >= deviceMemory)
        .map((device) => ({ node, device, load: node.status?.runningTasks ?? 0 })),
    )
    .sort(
      (one, other) =>
        Number(other.device.executionProviders.includes('CPU')) -
          Number(one.device.executionProviders.includes('CPU')) ||
        one.load - other.load ||
        order(one.node).localeCompare(order(other.node)),
    );
  const [best] = candidates;
  if (best === undefined) return undefined;
  const { node, device } = best;
  return {
    cluster: node.spec.clusterName ?? '',
    namespace: node.metadata.namespace ?? '',
    node: node.metadata.name,
    deviceUUID: device.uuid,
    executionProvider: device.executionProviders.includes('CPU') ? 'CPU' : device.executionProviders[0]!,
  };
}

function isUsable(conditions: NonNullable<InferenceNode['status']>['conditions']): boolean {
  return isConditionTrue(conditions, 'Ready') && isConditionTrue(conditions, 'Trusted');
}

function order({ metadata }: InferenceNode): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
