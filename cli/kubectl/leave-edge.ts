import { annotations, edgeClusterResource, type EdgeCluster } from '@isochrone/api';
import { ApiError, findCondition, type ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { setCordon } from './cordon.ts';
import { drain } from './drain.ts';
import { followUntil } from './live.ts';
import { readEdgeCluster } from './targets.ts';

export interface LeaveOptions {
  /** Gives its open tasks up, for a member that never answers; they are placed elsewhere. */
  readonly force: boolean;
  /** For the tasks, and again for the removal; 0: as long as it takes. */
  readonly timeoutMilliseconds: number;
  /** Told how many tasks are left. */
  readonly onTasks: (left: number) => void;
}

export interface Left {
  readonly object: string;
  readonly cluster: string;
  readonly forced: boolean;
}

/**
 * Takes a member out of the federation: its work is finished first, then everything that the hub keeps for it is removed.
 * @throws CliError NOT_FOUND, NOT_READY; ApiError
 */
export async function leaveEdge(client: ApiClient, cluster: string, options: LeaveOptions): Promise<Left> {
  const { force, timeoutMilliseconds, onTasks } = options;
  const { metadata } = await readEdgeCluster(client, cluster);
  const ref = { name: cluster };
  if (force) {
    await client.mergePatch(edgeClusterResource, ref, {
      metadata: { annotations: { [annotations.abandonTasks]: 'true' } },
    });
  } else {
    await setCordon(client, `edge/${cluster}`, true);
    const remedy = 'give --force to have its tasks placed elsewhere';
    await drain(client, { kind: 'Cluster', name: cluster }, { timeoutMilliseconds, handOver: false, remedy, onTasks });
  }
  try {
    await client.delete(edgeClusterResource, ref, { uid: metadata.uid! });
  } catch (error) {
    if (!(error instanceof ApiError && error.isNotFound)) throw error;
  }
  const remaining = await untilGone(client, metadata, timeoutMilliseconds);
  if (remaining !== undefined) {
    const why = findCondition(remaining.status?.conditions, 'Registered')?.message ?? 'the operator has not looked yet';
    throw new CliError(
      'NOT_READY',
      `EdgeCluster ${cluster} is being deleted: ${why}; wait longer by --timeout, and see that the operator of the hub runs`,
    );
  }
  return { object: `edgecluster.isochrone.dev/${cluster}`, cluster, forced: force };
}

async function untilGone(
  client: ApiClient,
  { name, uid }: EdgeCluster['metadata'],
  timeoutMilliseconds: number,
): Promise<EdgeCluster | undefined> {
  let latest: EdgeCluster | undefined;
  const clusters = { resource: edgeClusterResource, fieldSelector: `metadata.name=${name}` };
  await followUntil(client, { clusters }, { timeoutMilliseconds }, (snapshot) => {
    latest = snapshot.clusters.find(({ metadata }) => metadata.uid === uid);
    return latest === undefined;
  });
  return latest;
}
