import {
  edgeClusterResource,
  edgeJoinRequestResource,
  JOIN_NAMESPACE,
  type EdgeJoinRequest,
  type EdgeJoinRequestSpec,
} from '@isochrone/api';
import { ApiError, core, formatTime, issueBoundToken, refOf, type ApiClient } from '@isochrone/kube';
import { formatJoinToken, tokenObjects } from '@isochrone/operator/join';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

export interface EdgeTokenSettings {
  readonly cluster: string;
  readonly ttlMilliseconds: number;
  /** Where the member finds the hub. Default: where this client finds it. */
  readonly server?: string | undefined;
  /** PEM that must have signed the hub's certificate. Default: what this client checks the hub by. */
  readonly certificateAuthority?: string | undefined;
  /** Of the EdgeCluster that the acceptance creates. */
  readonly clusterSpec?: EdgeJoinRequestSpec['cluster'] | undefined;
}

export interface EdgeToken {
  /** The one string that an administrator hands over. */
  readonly text: string;
  readonly expirationTime: string;
  readonly server: string;
}

/** The API server issues none for less, https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ */
const leastTokenSeconds = 600;
const minute = 60_000;
const most = 7 * 24 * 60 * minute;

/**
 * Makes a token by which one member may ask to join: an EdgeJoinRequest, and a ServiceAccount that may write its status alone.
 * Everything goes with the request.
 * @param now milliseconds since 1970
 * @param suffix makes the name of the request unique
 * @throws CliError USAGE; ApiError
 */
export async function createEdgeToken(
  client: ApiClient,
  settings: EdgeTokenSettings,
  { now, suffix }: { readonly now: number; readonly suffix: string },
): Promise<EdgeToken> {
  const { cluster, ttlMilliseconds, clusterSpec } = settings;
  checkLifetime(ttlMilliseconds);
  const server = settings.server ?? client.server;
  checkServer(server);
  const ca = settings.certificateAuthority ?? (await client.certificateAuthority());
  const existing = await findObject(client, edgeClusterResource, { name: cluster });
  if (existing !== undefined && clusterSpec !== undefined) {
    throw new CliError(
      'USAGE',
      `EdgeCluster ${cluster} exists, so --provider and its location are not taken; leave them out, or change the EdgeCluster`,
    );
  }
  await createJoinNamespace(client);
  const expirationTime = formatTime(now + ttlMilliseconds);
  const request = await client.create(edgeJoinRequestResource, {
    metadata: { name: `${cluster}-${suffix}`, namespace: JOIN_NAMESPACE },
    spec: { clusterName: cluster, expirationTime, ...(clusterSpec === undefined ? {} : { cluster: clusterSpec }) },
  } as EdgeJoinRequest);
  try {
    const token = await issueToken(client, request, Math.max(leastTokenSeconds, Math.ceil(ttlMilliseconds / 1000)));
    const fields = { server, id: request.metadata.name, namespace: JOIN_NAMESPACE, cluster, token };
    return { text: formatJoinToken({ ...fields, ...(ca === undefined ? {} : { ca }) }), expirationTime, server };
  } catch (error) {
    // A token that nobody has is only in the way.
    await client.delete(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE, name: request.metadata.name });
    throw error;
  }
}

async function issueToken(client: ApiClient, request: EdgeJoinRequest, expirationSeconds: number): Promise<string> {
  const objects = tokenObjects(request);
  const [secret] = await Promise.all([
    client.create(core.secrets, objects.secret),
    client.create(core.serviceAccounts, objects.serviceAccount),
    client.create(core.roles, objects.role),
    client.create(core.roleBindings, objects.roleBinding),
  ]);
  return issueBoundToken(client, refOf(objects.serviceAccount), expirationSeconds, secret.metadata);
}

async function createJoinNamespace(client: ApiClient): Promise<void> {
  try {
    await client.create(core.namespaces, { metadata: { name: JOIN_NAMESPACE } });
  } catch (error) {
    if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
  }
}

function checkLifetime(ttlMilliseconds: number): void {
  if (ttlMilliseconds >= minute && ttlMilliseconds <= most) return;
  throw new CliError('USAGE', `--ttl is ${ttlMilliseconds / 1000} s; a join token lives from 1m to 168h`);
}

function checkServer(server: string): void {
  if (URL.canParse(server) && new URL(server).protocol === 'https:') return;
  throw new CliError(
    'USAGE',
    `--server is ${JSON.stringify(server)}; write the https address at which the member finds the hub's API server`,
  );
}

/** Whether no other machine finds the hub there. */
export function isLoopback(server: string): boolean {
  const { hostname } = new URL(server);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
