import { edgeClusterResource, type EdgeCluster } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

/** @throws CliError NOT_FOUND; ApiError */
export async function readEdgeCluster(client: ApiClient, name: string): Promise<EdgeCluster> {
  const cluster = await findObject(client, edgeClusterResource, { name });
  if (cluster !== undefined) return cluster;
  throw new CliError('NOT_FOUND', `there is no EdgeCluster ${name}; kubectl get edgeclusters lists them`);
}

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
