import { edgeJoinRequestResource, JOIN_NAMESPACE, type EdgeJoinRequest } from '@isochrone/api';
import { findCondition, isConditionTrue, type ApiClient } from '@isochrone/kube';
import { fingerprintOf, joinOutcomeOf } from '@isochrone/operator/join';
import { CliError } from '../errors.ts';
import { age } from '../output.ts';
import type { View } from '../view.ts';
import { findObject } from './connection.ts';

export interface EdgeTokenRow {
  readonly name: string;
  readonly cluster: string;
  /** How it ended, else what it waits for. */
  readonly state: string;
  readonly message: string;
  /** Of the key that asked. */
  readonly fingerprint: string;
  readonly kubernetesVersion: string;
  readonly expirationTime: string;
  readonly creationTimestamp: string;
}

/** In the order of their clusters, the newest first. */
export function edgeTokenRows(requests: readonly EdgeJoinRequest[]): EdgeTokenRow[] {
  return requests
    .map((request): EdgeTokenRow => {
      const { metadata, spec, status } = request;
      const accepted = findCondition(status?.conditions, 'Accepted');
      const joined = findCondition(status?.conditions, 'Joined');
      const shown = isConditionTrue(status?.conditions, 'Accepted') ? joined : accepted;
      return {
        name: metadata.name,
        cluster: spec.clusterName,
        state: joinOutcomeOf(request) ?? shown?.reason ?? 'Unknown',
        message: shown?.message ?? 'the operator has not looked at it yet',
        fingerprint: status?.request === undefined ? '' : fingerprintOf(status.request.publicKey),
        kubernetesVersion: status?.request?.kubernetesVersion ?? '',
        expirationTime: spec.expirationTime,
        creationTimestamp: metadata.creationTimestamp ?? '',
      };
    })
    .sort(
      (one, other) =>
        one.cluster.localeCompare(other.cluster) || other.creationTimestamp.localeCompare(one.creationTimestamp),
    );
}

export const edgeTokenRefusals: ReadonlySet<string> = new Set([
  'TokenReused',
  'ClusterMismatch',
  'FingerprintMismatch',
  'KeyInvalid',
]);
export const edgeTokenWaits: ReadonlySet<string> = new Set(['WaitingForAcceptance', 'WaitingForCluster']);

export const edgeTokenView: View<EdgeTokenRow> = {
  key: ({ name }) => name,
  name: ({ name }) => `edgejoinrequest.isochrone.dev/${name}`,
  empty: 'No join tokens found.',
  columns: [
    { head: 'TOKEN', cell: ({ name }) => name },
    { head: 'CLUSTER', cell: ({ cluster }) => cluster },
    {
      head: 'STATE',
      cell: ({ state }) => state,
      tone: ({ state }) => (edgeTokenRefusals.has(state) ? 'bad' : edgeTokenWaits.has(state) ? 'doubtful' : undefined),
    },
    { head: 'FINGERPRINT', cell: ({ fingerprint }) => fingerprint },
    { head: 'EXPIRES', cell: ({ expirationTime }) => expirationTime },
    { head: 'AGE', cell: ({ creationTimestamp }, now) => age(now - Date.parse(creationTimestamp)) },
    { head: 'MEMBER VERSION', cell: ({ kubernetesVersion }) => kubernetesVersion, wide: true },
    { head: 'MESSAGE', cell: ({ message }) => message, wide: true },
  ],
};

export interface TokenRevocation {
  readonly object: string;
  readonly cluster: string;
  /** False when it had ended already. */
  readonly changed: boolean;
}

/** The token is worth nothing any more; a member that has joined by it stays. @throws CliError NOT_FOUND; ApiError */
export async function revokeEdgeToken(client: ApiClient, name: string): Promise<TokenRevocation> {
  const ref = { namespace: JOIN_NAMESPACE, name };
  const request = await findObject(client, edgeJoinRequestResource, ref);
  if (request === undefined) {
    throw new CliError('NOT_FOUND', `there is no join token ${name}; kubectl isochrone edge token list lists them`);
  }
  const { clusterName: cluster, revoked } = request.spec;
  const changed = revoked !== true && joinOutcomeOf(request) === undefined;
  if (changed) await client.mergePatch(edgeJoinRequestResource, ref, { spec: { revoked: true } });
  return { object: `edgejoinrequest.isochrone.dev/${name}`, cluster, changed };
}
