import { edgeClusterResource, edgeNamespace, names } from '@isochrone/api';
import { core, findCondition, issueBoundToken, type ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

const tokenSeconds = 3600;

/**
 * A kubeconfig with the rights of a member on the hub, by a token of its own: that of the member is encrypted to the member. It
 * ends after an hour, and with the credential of the member.
 * @param server where the hub is found; the default is where this client finds it
 * @throws CliError NOT_FOUND, NOT_READY; ApiError
 */
export async function edgeKubeconfig(client: ApiClient, cluster: string, server?: string): Promise<object> {
  const member = await findObject(client, edgeClusterResource, { name: cluster });
  if (member === undefined) {
    throw new CliError(
      'NOT_FOUND',
      `there is no EdgeCluster ${JSON.stringify(cluster)}; kubectl get edgeclusters lists them`,
    );
  }
  const namespace = edgeNamespace(cluster);
  const secret = await client.find(core.secrets, { namespace, name: names.edgeCredential });
  if (secret === undefined) {
    const condition = findCondition(member.status?.conditions, 'CredentialValid');
    const why =
      condition === undefined ? 'the operator has not looked at it yet' : `${condition.reason}: ${condition.message}`;
    throw new CliError('NOT_READY', `EdgeCluster ${cluster} has no credential yet (${why}); try again in a moment`);
  }
  const account = { namespace, name: names.edgeServiceAccount };
  const token = await issueBoundToken(client, account, tokenSeconds, secret.metadata);
  const ca = await client.certificateAuthority();
  const user = `edge-${cluster}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'hub',
        cluster: {
          server: server ?? client.server,
          ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
        },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'hub', context: { cluster: 'hub', user, namespace } }],
    'current-context': 'hub',
  };
}
