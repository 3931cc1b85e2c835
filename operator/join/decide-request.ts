import { annotations, edgeNamespace, type EdgeJoinRequest, type EdgeJoinRequestStatus } from '@isochrone/api';
import { formatTime, setCondition, type Condition } from '@isochrone/kube';
import type { CredentialView, MemberKey } from '../edge-cluster/credential-secret.ts';
import { isSealable } from './credential.ts';
import { fingerprintOf } from './seal.ts';

/** How a request can end. */
export type JoinOutcome =
  | 'Joined'
  | 'Expired'
  | 'Revoked'
  | 'TokenReused'
  | 'ClusterMismatch'
  | 'FingerprintMismatch'
  | 'KeyInvalid'
  | 'Replaced';

/** What the shell has seen of one request. The joiner may have written anything into its status. */
export interface ObservedJoin {
  readonly request: EdgeJoinRequest;
  /** Whether the Secret that the token is bound to exists. */
  readonly hasToken: boolean;
  /** Undefined without an EdgeCluster of the name. */
  readonly cluster: { readonly registered: boolean; readonly revoked: boolean } | undefined;
  /** The credential of the EdgeCluster now. */
  readonly credential: CredentialView | undefined;
  /** UID of the request whose credential the member last renewed its Lease with. */
  readonly usedBy: string | undefined;
}

export type JoinAction =
  /** In the metadata, which the joiner cannot write. */
  | { readonly type: 'RecordOutcome'; readonly outcome: JoinOutcome }
  | { readonly type: 'RecordContest' }
  | { readonly type: 'RevokeToken' }
  | { readonly type: 'RememberCredential'; readonly uid: string }
  /** Ends every token that the member had before. */
  | { readonly type: 'DeleteCredential'; readonly uid: string }
  /** In the request: it gets no other credential than this one, whatever becomes of it. */
  | { readonly type: 'GrantCredential'; readonly uid: string }
  /** On the credential: what is put into it from now on is encrypted to the key. */
  | { readonly type: 'BindKey'; readonly uid: string; readonly key: MemberKey }
  /** To where the joiner looks, encrypted as it is. */
  | { readonly type: 'Deliver'; readonly issuedAt: number }
  | { readonly type: 'DeleteRequest' };

/** How long a request that has ended is kept to be read. */
export const KEPT_MILLISECONDS = 24 * 3600 * 1000;

const noCredential = 'none';

/**
 * What is to be done for a request, one step at a time: each step comes back as an event. Only the spec, which administrators
 * write, the metadata, and the two parts of the status that the API server lets nobody change are believed.
 *
 * @param now milliseconds since 1970
 */
export function planJoin(observed: ObservedJoin, now: number): JoinAction[] {
  const { request, hasToken } = observed;
  if (request.metadata.deletionTimestamp !== undefined) return [];
  const recorded = joinOutcomeOf(request);
  if (recorded !== undefined) {
    if (hasToken) return [{ type: 'RevokeToken' }];
    return now >= Date.parse(request.spec.expirationTime) + KEPT_MILLISECONDS ? [{ type: 'DeleteRequest' }] : [];
  }
  const outcome = decideOutcome(observed, now);
  if (outcome !== undefined) return [{ type: 'RecordOutcome', outcome }];
  if (!isAccepted(request)) return [];
  if (request.status?.rival !== undefined && !isContested(request)) return [{ type: 'RecordContest' }];
  return planCredential(observed);
}

function planCredential({ request, cluster, credential }: ObservedJoin): JoinAction[] {
  if (cluster?.registered !== true || cluster.revoked) return [];
  const replaced = request.metadata.annotations?.[annotations.replacedCredential];
  if (replaced === undefined) return [{ type: 'RememberCredential', uid: credential?.uid ?? noCredential }];
  if (credential === undefined) return [];
  const { uid, key, token } = credential;
  if (uid === replaced) return [{ type: 'DeleteCredential', uid }];
  if (grantedTo(request) === undefined) return key === undefined ? [{ type: 'GrantCredential', uid }] : [];
  if (key === undefined) {
    const { publicKey } = request.status!.request!;
    return [{ type: 'BindKey', uid, key: { publicKey, joinedBy: request.metadata.uid ?? '' } }];
  }
  if (token === undefined || token.secretUID !== uid) return [];
  const { issuedAt } = token;
  return request.status?.credential?.issuedTime === formatTime(issuedAt) ? [] : [{ type: 'Deliver', issuedAt }];
}

function decideOutcome({ request, credential, usedBy }: ObservedJoin, now: number): JoinOutcome | undefined {
  const { spec, status, metadata } = request;
  const granted = grantedTo(request);
  if (granted !== undefined && usedBy === metadata.uid) return 'Joined';
  if (spec.revoked === true) return 'Revoked';
  // Whoever lost its credential before it was seen to use it does not get that of who came after it.
  const isOfAnother = credential?.key !== undefined && credential.key.joinedBy !== metadata.uid;
  if (granted !== undefined && (granted !== credential?.uid || isOfAnother)) return 'Replaced';
  if (status?.request !== undefined) {
    if (status.request.clusterName !== spec.clusterName) return 'ClusterMismatch';
    const fingerprint = fingerprintOf(status.request.publicKey);
    if (spec.acceptedFingerprint !== undefined && spec.acceptedFingerprint !== fingerprint)
      return 'FingerprintMismatch';
    if (!isSealable(status.request.publicKey)) return 'KeyInvalid';
    // Of two with one token nobody knows who is the thief; of an accepted key it is known.
    if (status.rival !== undefined && spec.acceptedFingerprint === undefined) return 'TokenReused';
  }
  return now >= Date.parse(spec.expirationTime) ? 'Expired' : undefined;
}

export function joinOutcomeOf({ metadata }: EdgeJoinRequest): JoinOutcome | undefined {
  return metadata.annotations?.[annotations.joinOutcome] as JoinOutcome | undefined;
}

/** UID of the credential that is for the request. */
function grantedTo({ metadata }: EdgeJoinRequest): string | undefined {
  return metadata.annotations?.[annotations.grantedCredential];
}

function isContested({ metadata }: EdgeJoinRequest): boolean {
  return metadata.annotations?.[annotations.joinContested] !== undefined;
}

function isAccepted({ spec, status }: EdgeJoinRequest): boolean {
  return status?.request !== undefined && spec.acceptedFingerprint === fingerprintOf(status.request.publicKey);
}

/** Milliseconds until something must be looked at again although nothing changes. */
export function nextJoinLook({ request }: ObservedJoin, now: number): number {
  const expiration = Date.parse(request.spec.expirationTime);
  const wait = (joinOutcomeOf(request) === undefined ? expiration : expiration + KEPT_MILLISECONDS) - now;
  return Math.max(10, Math.min(3600_000, wait));
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The status to write: what the joiner may say, and the operator's own conditions, whatever was in their place. */
export function joinStatus(observed: ObservedJoin, now: number): EdgeJoinRequestStatus {
  const { request } = observed;
  const { generation = 0 } = request.metadata;
  const { request: claim, rival, credential, conditions: previous } = request.status ?? {};
  const known = (previous ?? []).filter(({ type }) => type === 'Accepted' || type === 'Joined');
  let list: readonly Condition[] = known;
  const set = (type: string, verdict: Verdict): void => {
    list = setCondition(list, { type, ...verdict, observedGeneration: generation }, now);
  };
  set('Accepted', acceptance(observed));
  set('Joined', joined(observed));
  const isOpen = isAccepted(request) && joinOutcomeOf(request) === undefined;
  return {
    ...(claim === undefined ? {} : { request: claim }),
    ...(rival === undefined ? {} : { rival }),
    ...(credential === undefined || !isOpen ? {} : { credential }),
    conditions: [...list],
  };
}

/** Why a request ended, and what to do. For conditions and events. */
export const outcomeMessages: Readonly<Record<JoinOutcome, string>> = {
  Joined: 'the member uses its credential; the token is used up',
  Expired: 'spec.expirationTime is over; create another token',
  Revoked: 'spec.revoked is true; create another token',
  TokenReused:
    'a second joiner with another key used the token: one of the two has stolen it; create another token, and hand it over by a way that nobody reads',
  ClusterMismatch:
    'status.request.clusterName is not spec.clusterName: the token was used for another cluster; create a token for that one',
  FingerprintMismatch:
    'the key of status.request is not the one that spec.acceptedFingerprint accepts: somebody else used the token first; create another token',
  Replaced:
    'its credential was revoked, or another member was accepted, before it was seen to use it; create another token',
  KeyInvalid: 'status.request.publicKey is no key that can be encrypted to; create another token',
};

function acceptance({ request, cluster }: ObservedJoin): Verdict {
  const outcome = joinOutcomeOf(request);
  if (outcome !== undefined && outcome !== 'Joined')
    return { status: 'False', reason: outcome, message: outcomeMessages[outcome] };
  const { spec, status } = request;
  if (status?.request === undefined) {
    return { status: 'False', reason: 'WaitingForMember', message: 'no edge operator has used the token yet' };
  }
  const fingerprint = fingerprintOf(status.request.publicKey);
  if (spec.acceptedFingerprint === undefined) {
    const message = `compare ${fingerprint} with what the edge operator logs, then: kubectl isochrone edge accept ${spec.clusterName} --fingerprint ${fingerprint}`;
    return { status: 'False', reason: 'WaitingForAcceptance', message };
  }
  if (cluster === undefined) {
    const message = `there is no EdgeCluster ${spec.clusterName}; create it`;
    return { status: 'True', reason: 'WaitingForCluster', message };
  }
  const contest = isContested(request)
    ? `; a second joiner tried the token later: if it was your member, revoke the cluster: kubectl isochrone edge revoke ${spec.clusterName}`
    : '';
  return { status: 'True', reason: 'Accepted', message: `${fingerprint}${contest}` };
}

function joined({ request, cluster }: ObservedJoin): Verdict {
  const outcome = joinOutcomeOf(request);
  if (outcome === 'Joined') return { status: 'True', reason: 'Joined', message: outcomeMessages.Joined };
  if (outcome === 'Expired' || outcome === 'Revoked' || outcome === 'Replaced')
    return { status: 'False', reason: outcome, message: outcomeMessages[outcome] };
  if (!isAccepted(request)) return { status: 'False', reason: 'NotAccepted', message: 'see condition Accepted' };
  if (request.status?.credential !== undefined) {
    return { status: 'False', reason: 'WaitingForMember', message: 'the credential is there for the member to fetch' };
  }
  const { clusterName } = request.spec;
  const why =
    cluster === undefined
      ? `there is no EdgeCluster ${clusterName}`
      : cluster.revoked
        ? `EdgeCluster ${clusterName} is revoked: set its spec.revoked to false`
        : `namespace ${edgeNamespace(clusterName)} gets its credential`;
  return { status: 'False', reason: 'WaitingForCredential', message: why };
}
