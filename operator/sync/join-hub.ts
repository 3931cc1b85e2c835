import { edgeJoinRequestResource, type EdgeJoinRequest } from '@isochrone/api';
import { ApiClient, ApiError, core, type ClientOptions, type MergePatch } from '@isochrone/kube';
import { tokenClaims } from '../edge-cluster/token.ts';
import { joinOutcomeOf, outcomeMessages } from '../join/decide-request.ts';
import type { JoinToken } from '../join/join-token.ts';
import { openCredential } from '../join/credential.ts';
import { publicKeyOf, SealError } from '../join/seal.ts';
import { problemOf, refusedByHub, sealBroken, tokenReused, tokenUsed, type JoinProblem } from './join-problem.ts';

export type JoinStep =
  | { readonly type: 'Waiting' }
  | { readonly type: 'Joined'; readonly token: string; readonly requestUID: string }
  | { readonly type: 'Refused'; readonly problem: JoinProblem };

export interface JoinSettings {
  readonly token: JoinToken;
  /** The `--cluster` of this edge operator. */
  readonly cluster: string;
  readonly privateKey: string;
  readonly member: ApiClient;
  readonly memberNamespace: string;
  readonly proxyUrl: string | undefined;
  readonly client: ClientOptions;
}

/** Asks the hub once how the join stands, and does what is due. Does not throw for what the hub says. */
export async function joinOnce(settings: JoinSettings, signal: AbortSignal): Promise<JoinStep> {
  const { token, cluster, proxyUrl, client } = settings;
  const claim = await claimOf(settings, signal);
  const hub = ApiClient.fromOptions({
    ...client,
    server: token.server,
    token: token.token,
    ...(token.ca === undefined ? {} : { ca: token.ca }),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  });
  try {
    return await step(hub, settings, claim, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { type: 'Refused', problem: problemOf(error, token.server, cluster) };
  } finally {
    await hub.close();
  }
}

type Claim = NonNullable<NonNullable<EdgeJoinRequest['status']>['request']>;

async function claimOf(settings: JoinSettings, signal: AbortSignal): Promise<Claim> {
  const { cluster, privateKey, member, memberNamespace } = settings;
  const [namespace, version] = await Promise.all([
    member.get(core.namespaces, { name: memberNamespace }, { signal }),
    member.request<{ gitVersion: string }>({ method: 'GET', path: '/version', signal }),
  ]);
  return {
    publicKey: publicKeyOf(privateKey),
    clusterName: cluster,
    memberUID: namespace.metadata.uid ?? '',
    kubernetesVersion: version.gitVersion,
  };
}

async function step(hub: ApiClient, settings: JoinSettings, claim: Claim, signal: AbortSignal): Promise<JoinStep> {
  const { token, cluster, privateKey } = settings;
  const ref = { namespace: token.namespace, name: token.id };
  const options = { signal, timeoutMilliseconds: 10_000 };
  const write = async (status: MergePatch<NonNullable<EdgeJoinRequest['status']>>): Promise<EdgeJoinRequest> => {
    try {
      return await hub.mergePatch<EdgeJoinRequest>(
        edgeJoinRequestResource,
        ref,
        { status },
        {
          ...options,
          subresource: 'status',
        },
      );
    } catch (error) {
      // Somebody was faster: what they wrote is decided upon.
      if (!(error instanceof ApiError && error.isInvalid)) throw error;
      return hub.get(edgeJoinRequestResource, ref, options);
    }
  };
  let request = await hub.get(edgeJoinRequestResource, ref, options);
  const refused = refusal(request);
  if (refused !== undefined) return refused;
  if (request.status?.request === undefined) request = await write({ request: claim });
  if (request.status?.request?.publicKey !== claim.publicKey) {
    if (joinOutcomeOf(request) === 'Joined') return { type: 'Refused', problem: tokenUsed(cluster) };
    // The hub learns only from the second of two that there are two.
    if (request.status?.rival === undefined) await write({ rival: claim });
    return { type: 'Refused', problem: tokenReused(cluster) };
  }
  const { credential } = request.status;
  if (credential === undefined) return { type: 'Waiting' };
  const requestUID = request.metadata.uid ?? '';
  const opened = tryOpen(credential, privateKey, requestUID, cluster);
  if (opened !== undefined) return { type: 'Joined', token: opened, requestUID };
  // Whoever else has the token may write there. Without a credential the hub encrypts it anew.
  await write({ credential: null });
  return { type: 'Refused', problem: sealBroken() };
}

function refusal(request: EdgeJoinRequest): JoinStep | undefined {
  const outcome = joinOutcomeOf(request);
  if (outcome === undefined || outcome === 'Joined') return undefined;
  return { type: 'Refused', problem: refusedByHub(outcome, outcomeMessages[outcome]) };
}

function tryOpen(
  sealed: { ephemeralPublicKey: string; ciphertext: string },
  privateKey: string,
  requestUID: string,
  cluster: string,
): string | undefined {
  try {
    const { token } = openCredential(sealed, privateKey, { requestUID, cluster });
    return tokenClaims(token) === undefined ? undefined : token;
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}
