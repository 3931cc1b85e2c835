import { edgeClusterResource } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { readEdgeCluster } from './targets.ts';

export interface EdgeRevocation {
  readonly object: string;
  readonly cluster: string;
  /** False when it was revoked already. */
  readonly changed: boolean;
}

/** Ends the credential of a member at once, and issues no other until it is accepted anew. @throws CliError NOT_FOUND; ApiError */
export async function revokeEdge(client: ApiClient, cluster: string): Promise<EdgeRevocation> {
  const { spec } = await readEdgeCluster(client, cluster);
  const changed = spec.revoked !== true;
  if (changed) await client.mergePatch(edgeClusterResource, { name: cluster }, { spec: { revoked: true } });
  return { object: `edgecluster.isochrone.dev/${cluster}`, cluster, changed };
}
