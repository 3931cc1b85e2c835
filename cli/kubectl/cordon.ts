import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  type EdgeCluster,
  type InferenceNode,
} from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { findTarget, type FleetTarget } from './targets.ts';

/** What was asked for, and what came of it. */
export interface CordonResult {
  /** `inferencenode.isochrone.dev/NAME` or `edgecluster.isochrone.dev/NAME`. */
  readonly object: string;
  readonly cluster: string;
  readonly unschedulable: boolean;
  /** False when it was so already. */
  readonly changed: boolean;
}

/** Keeps new work away from a node or a member, or lets it come again. @throws CliError USAGE, NOT_FOUND; ApiError */
export async function setCordon(
  client: ApiClient,
  text: string,
  unschedulable: boolean,
): Promise<{ readonly target: FleetTarget; readonly result: CordonResult }> {
  const target = await findTarget(client, text);
  // Removed, not false: what was never cordoned and what is not any more look the same.
  const patch = { spec: { unschedulable: unschedulable ? true : null } };
  const [resource, cluster, ref] =
    target.kind === 'Cluster'
      ? [edgeClusterResource, target.name, { name: target.name }]
      : [inferenceNodeResource, target.cluster, { namespace: edgeNamespace(target.cluster), name: target.name }];
  const { spec } = await client.get<EdgeCluster | InferenceNode>(resource, ref);
  const changed = (spec.unschedulable === true) !== unschedulable;
  if (changed) await client.mergePatch<EdgeCluster | InferenceNode>(resource, ref, patch);
  const object = `${resource.kind.toLowerCase()}.isochrone.dev/${target.name}`;
  return { target, result: { object, cluster, unschedulable, changed } };
}

/** As kubectl words it: `inferencenode.isochrone.dev/frankfurt-1 cordoned`. */
export function cordonText({ object, unschedulable, changed }: CordonResult): string {
  const what = unschedulable ? 'cordoned' : 'uncordoned';
  return `${object} ${changed ? what : `already ${what}`}\n`;
}
