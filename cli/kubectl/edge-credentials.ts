import { edgeClusterResource, edgeNamespace, names } from '@isochrone/api';
import { core, findCondition, type ApiClient, type Secret } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

/**
 * A kubeconfig by which the edge operator of a member reaches the hub.
 * @param server where the member finds the hub; the default is what the operator wrote, else where this client finds it
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
  const [token, ca] = [secret?.data?.['token'], secret?.data?.['ca.crt']];
  if (token === undefined || ca === undefined) {
    const condition = findCondition(member.status?.conditions, 'CredentialValid');
    const why =
      condition === undefined ? 'the operator has not looked at it yet' : `${condition.reason}: ${condition.message}`;
    throw new CliError('NOT_READY', `EdgeCluster ${cluster} has no credential yet (${why}); try again in a moment`);
  }
  const user = `edge-${cluster}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'hub',
        cluster: { server: server ?? addressOf(secret) ?? client.server, 'certificate-authority-data': ca },
      },
    ],
    users: [{ name: user, user: { token: Buffer.from(token, 'base64').toString('utf8') } }],
    contexts: [{ name: 'hub', context: { cluster: 'hub', user, namespace } }],
    'current-context': 'hub',
  };
}

function addressOf(secret: Secret | undefined): string | undefined {
  const server = secret?.data?.['server'];
  return server === undefined ? undefined : Buffer.from(server, 'base64').toString('utf8');
}
