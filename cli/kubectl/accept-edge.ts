import {
  edgeClusterResource,
  edgeJoinRequestResource,
  JOIN_NAMESPACE,
  type EdgeCluster,
  type EdgeJoinRequest,
} from '@isochrone/api';
import { refOf, type ApiClient } from '@isochrone/kube';
import { fingerprintOf, joinOutcomeOf, outcomeMessages } from '@isochrone/operator/join';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

export interface EdgeAcceptance {
  readonly object: string;
  readonly cluster: string;
  readonly fingerprint: string;
  /** False when it was accepted already. */
  readonly changed: boolean;
  /** Whether the EdgeCluster was created, or its revocation lifted. */
  readonly edgeCluster: 'created' | 'reinstated' | 'unchanged';
}

/**
 * The request that is meant, of all with this cluster.
 * @param fingerprint as the member shows it; without it there must be one request alone
 * @throws CliError NOT_FOUND, NOT_READY, USAGE
 */
export function chooseRequest(
  requests: readonly EdgeJoinRequest[],
  cluster: string,
  fingerprint: string | undefined,
): { readonly request: EdgeJoinRequest; readonly fingerprint: string } {
  const theirs = requests.filter(({ spec }) => spec.clusterName === cluster);
  const open = theirs.filter((request) => joinOutcomeOf(request) === undefined);
  if (open.length === 0) {
    const ended = theirs.map(joinOutcomeOf).find((outcome) => outcome !== undefined && outcome !== 'Joined');
    const why = ended === undefined ? '' : `; the last one ended as ${ended}: ${outcomeMessages[ended]}`;
    throw new CliError(
      'NOT_FOUND',
      `no join token for EdgeCluster ${cluster} is open${why}; kubectl isochrone edge token create ${cluster}`,
    );
  }
  const asked = open.flatMap((request) => {
    const { request: claim } = request.status ?? {};
    return claim === undefined ? [] : [{ request, fingerprint: fingerprintOf(claim.publicKey) }];
  });
  if (asked.length === 0) {
    throw new CliError(
      'NOT_READY',
      `no edge operator has used the join token of EdgeCluster ${cluster} yet; look at the log of the edge operator`,
    );
  }
  const [chosen, ...others] = asked.filter((one) => fingerprint === undefined || one.fingerprint === fingerprint);
  const choices = asked.map((one) => one.fingerprint).join(', ');
  if (chosen === undefined) {
    throw new CliError(
      'USAGE',
      `--fingerprint is ${JSON.stringify(fingerprint)}, and who asks to be EdgeCluster ${cluster} has ${choices}: accept nothing that your member does not show`,
    );
  }
  if (others.length > 0) {
    throw new CliError(
      'USAGE',
      `several members ask to be EdgeCluster ${cluster}; give --fingerprint, one of ${choices}`,
    );
  }
  return chosen;
}

/**
 * Lets the key that asked be the member: from now on only its holder can read the credential.
 * @throws CliError NOT_FOUND, NOT_READY, USAGE; ApiError
 */
export async function acceptEdge(client: ApiClient, cluster: string, fingerprint?: string): Promise<EdgeAcceptance> {
  const requests: EdgeJoinRequest[] = [];
  for await (const request of client.listAll(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE }))
    requests.push(request);
  const chosen = chooseRequest(requests, cluster, fingerprint);
  const { metadata, spec } = chosen.request;
  const member = await findObject(client, edgeClusterResource, { name: cluster });
  if (member === undefined && spec.cluster === undefined) {
    throw new CliError(
      'NOT_FOUND',
      `there is no EdgeCluster ${cluster}, and the join token says nothing about it; create it, then accept again`,
    );
  }
  const changed = spec.acceptedFingerprint === undefined;
  if (changed) {
    await client.mergePatch(edgeJoinRequestResource, refOf(chosen.request), {
      spec: { acceptedFingerprint: chosen.fingerprint },
    });
  }
  return {
    object: `edgejoinrequest.isochrone.dev/${metadata.name}`,
    cluster,
    fingerprint: chosen.fingerprint,
    changed,
    edgeCluster: await prepareCluster(client, cluster, member, spec.cluster),
  };
}

async function prepareCluster(
  client: ApiClient,
  name: string,
  member: EdgeCluster | undefined,
  spec: EdgeJoinRequest['spec']['cluster'],
): Promise<EdgeAcceptance['edgeCluster']> {
  if (member === undefined) {
    await client.create(edgeClusterResource, { metadata: { name }, spec } as EdgeCluster);
    return 'created';
  }
  if (member.spec.revoked !== true) return 'unchanged';
  // Its old credential was deleted with the revocation; what comes is another.
  await client.mergePatch(edgeClusterResource, { name }, { spec: { revoked: null } });
  return 'reinstated';
}
