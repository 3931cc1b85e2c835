import {
  annotations,
  edgeNamespace,
  finalizers,
  names,
  type Condition,
  type EdgeCluster,
  type EdgeClusterStatus,
} from '@isochrone/api';
import { findCondition, formatTime, hasFinalizer, isConditionTrue, setCondition } from '@isochrone/kube';
import { liveness, type Contact } from '../lease-tracker.ts';
import type { CredentialView, MemberKey } from './credential-secret.ts';
import type { Brake } from './eviction-brake.ts';
import type { MemberObjectName } from './objects.ts';
import { rotationTime } from './token.ts';

/** What the shell has seen of one member. */
export interface ObservedCluster {
  readonly cluster: EdgeCluster;
  readonly providerExists: boolean;
  readonly namespace: { readonly ownerUID: string | undefined; readonly terminating: boolean } | undefined;
  readonly drifted: readonly MemberObjectName[];
  readonly serviceAccountUID: string | undefined;
  readonly credential: CredentialView | undefined;
  readonly contact: Contact;
  readonly nodes: { readonly total: number; readonly ready: number };
  /** Tasks in its namespace that are not settled: those that still exist. */
  readonly openTasks: number;
  /** Whether the hub has the priority level that the requests of members are to count in. */
  readonly hasPriorityLevel: boolean;
  /** Over all members. */
  readonly brake: Brake;
}

export interface Now {
  /** Milliseconds since 1970. */
  readonly wall: number;
  readonly monotonic: number;
}

export type ClusterAction =
  | { readonly type: 'AddFinalizer' }
  | { readonly type: 'CreateNamespace' }
  | { readonly type: 'Apply'; readonly object: MemberObjectName }
  /** Encrypted to the key, which is that of the Secret with the UID. */
  | { readonly type: 'IssueToken'; readonly uid: string; readonly key: MemberKey }
  /** With it every token of the member ends. */
  | { readonly type: 'DeleteCredential'; readonly uid: string }
  | { readonly type: 'DeleteNamespace' }
  /** From what the edge may write: it must not be able to hold up its own removal. */
  | { readonly type: 'DropFinalizers' }
  | { readonly type: 'RemoveFinalizer' };

/** What is to be done for the member, in this order. Each change comes back as an event, so only what can be done now is in it. */
export function planCluster(observed: ObservedCluster, now: Now): ClusterAction[] {
  const { cluster, namespace, drifted } = observed;
  const hasOurs = hasFinalizer(cluster, finalizers.edgeNamespace);
  const isOurs = namespace !== undefined && namespace.ownerUID === cluster.metadata.uid;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    if (!hasOurs) return [];
    if (!isOurs) return [{ type: 'RemoveFinalizer' }];
    if (namespace.terminating) return [{ type: 'DropFinalizers' }];
    return observed.openTasks === 0 || abandonsTasks(cluster) ? [{ type: 'DeleteNamespace' }] : [];
  }
  if (!hasOurs) return [{ type: 'AddFinalizer' }];
  if (namespace === undefined) return observed.providerExists ? [{ type: 'CreateNamespace' }] : [];
  if (!isOurs || namespace.terminating) return [];
  if (cluster.spec.revoked === true) return revoke(observed);
  const actions: ClusterAction[] = drifted.map((object) => ({ type: 'Apply', object }));
  return [...actions, ...issue(observed, now.wall)];
}

/** The credential goes first; the rest stays as it should be. */
function revoke({ credential, drifted }: ObservedCluster): ClusterAction[] {
  const kept = drifted.filter((object) => object !== 'credential');
  return [
    ...(credential === undefined ? [] : [{ type: 'DeleteCredential', uid: credential.uid } as const]),
    ...kept.map((object) => ({ type: 'Apply', object }) as const),
  ];
}

/** Its tasks go with the namespace; what was held for them is returned, and the work goes elsewhere. */
function abandonsTasks({ metadata }: EdgeCluster): boolean {
  return metadata.annotations?.[annotations.abandonTasks] === 'true';
}

/** A token can be made once its ServiceAccount and the Secret that it is bound to exist, and a member is there that can open it. */
function issue({ serviceAccountUID, credential }: ObservedCluster, wall: number): ClusterAction[] {
  if (serviceAccountUID === undefined || credential?.key === undefined) return [];
  const { token, uid, key } = credential;
  const isDue =
    token === undefined ||
    token.serviceAccountUID !== serviceAccountUID ||
    token.secretUID !== uid ||
    wall >= rotationTime(token);
  return isDue ? [{ type: 'IssueToken', uid, key }] : [];
}

/** Milliseconds until something must be looked at again although nothing changes: the end of a lease term or the rotation of the token. */
export function nextLook({ contact, credential, brake }: ObservedCluster, now: Now): number {
  const waits = [
    ...(contact.renewTime === undefined ? [] : [contact.until - now.monotonic]),
    ...(brake.heldUntil === undefined ? [] : [brake.heldUntil - now.wall]),
    ...(credential?.token === undefined ? [] : [rotationTime(credential.token) - now.wall]),
  ].filter((wait) => wait > 0);
  return Math.max(10, Math.min(60_000, ...waits));
}

/**
 * The status to write. `lastContactTime` alone changes with every renewal, so it is carried on only when it is half a term
 * old: a quiet member costs one write in half a term at most.
 *
 * @param issueFailure why a token could not be issued just now
 */
export function clusterStatus(
  observed: ObservedCluster,
  now: Now,
  termMilliseconds: number,
  issueFailure?: string,
): EdgeClusterStatus {
  const { cluster, contact, credential, namespace, nodes } = observed;
  const { generation = 0 } = cluster.metadata;
  const previous = cluster.status;
  let list: readonly Condition[] = previous?.conditions ?? [];
  const set = (condition: Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>): void => {
    list = setCondition(list, { ...condition, observedGeneration: generation }, now.wall);
  };
  set({ type: 'Registered', ...registered(observed) });
  const valid = credentialValid(observed, now.wall, issueFailure);
  if (valid !== undefined) set({ type: 'CredentialValid', ...valid });
  set({ type: 'FlowControlled', ...flowControlled(observed) });
  const ready = readiness(observed, list, now.monotonic, termMilliseconds);
  if (ready !== undefined) set({ type: 'Ready', ...ready });
  const isAway = findCondition(list, 'Ready')?.reason === 'Unreachable';
  set({ type: 'EvictionHeld', ...evictionHeld(isAway, observed.brake, now.wall) });

  const isOurs = namespace !== undefined && namespace.ownerUID === cluster.metadata.uid;
  const lastContactTime = contactTime(previous?.lastContactTime, contact, now, termMilliseconds);
  const token = credential?.token;
  return {
    observedGeneration: generation,
    ...(isOurs ? { namespace: edgeNamespace(cluster.metadata.name) } : {}),
    ...(lastContactTime === undefined ? {} : { lastContactTime }),
    nodes: { ...nodes },
    ...(token === undefined
      ? {}
      : { credential: { issuedTime: formatTime(token.issuedAt), expirationTime: formatTime(token.expiresAt) } }),
    conditions: [...list],
  };
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

function registered({ cluster, namespace, providerExists, openTasks }: ObservedCluster): Verdict {
  const name = edgeNamespace(cluster.metadata.name);
  if (cluster.metadata.deletionTimestamp !== undefined) {
    const waitsFor = openTasks > 0 ? `${openTasks} task(s) in it to be settled` : 'its contents to be removed';
    return { status: 'False', reason: 'Deleting', message: `namespace ${name} is deleted; waiting for ${waitsFor}` };
  }
  if (!providerExists) {
    const message = `spec.providerRef.name: there is no Provider ${cluster.spec.providerRef.name}; create it`;
    return { status: 'False', reason: 'ProviderNotFound', message };
  }
  if (namespace !== undefined && namespace.ownerUID !== cluster.metadata.uid) {
    const message = `namespace ${name} exists and was not made for this EdgeCluster; remove it, or give the EdgeCluster another name`;
    return { status: 'False', reason: 'NamespaceConflict', message };
  }
  if (namespace?.terminating === true) {
    const message = `namespace ${name} is being deleted; it is made anew when it is gone`;
    return { status: 'False', reason: 'NamespaceConflict', message };
  }
  return { status: 'True', reason: 'Registered', message: `namespace ${name}` };
}

function flowControlled({ hasPriorityLevel }: ObservedCluster): Verdict {
  const level = `PriorityLevelConfiguration ${names.edgePriorityLevel}`;
  return hasPriorityLevel
    ? { status: 'True', reason: 'PriorityLevelFound', message: `requests of the cluster count in ${level}` }
    : {
        status: 'False',
        reason: 'PriorityLevelMissing',
        message: `there is no ${level}, so requests of the cluster count in that of all ServiceAccounts; the chart of the hub makes it`,
      };
}

function evictionHeld(isAway: boolean, { heldUntil = 0, unreachable, known }: Brake, wall: number): Verdict {
  if (!isAway || wall >= heldUntil) {
    return { status: 'False', reason: 'NotHeld', message: 'when it is unreachable, its work is placed elsewhere' };
  }
  const message = `${unreachable} of ${known} members are unreachable at once, so the hub suspects itself: their work stays where it is until ${formatTime(heldUntil)}; mend the hub's network, or put out by kubectl isochrone edge leave --force those that will not return`;
  return { status: 'True', reason: 'LargeOutage', message };
}

function credentialValid(
  { cluster, credential }: ObservedCluster,
  wall: number,
  issueFailure?: string,
): Verdict | undefined {
  if (cluster.spec.revoked === true) {
    const message = 'spec.revoked is true; the cluster can come back by a new join token, once spec.revoked is false';
    return { status: 'False', reason: 'Revoked', message };
  }
  if (credential === undefined) return undefined;
  const { token, key, uid } = credential;
  const { name } = cluster.metadata;
  const isUsable = token !== undefined && token.secretUID === uid && wall < token.expiresAt;
  if (key === undefined && token === undefined) {
    const message = `no member has joined as this cluster: kubectl isochrone edge token create ${name}`;
    return { status: 'False', reason: 'NotJoined', message };
  }
  if (key === undefined) {
    const message = `the hub has no key of the member to encrypt another token to, for it joined before credentials were encrypted; let it join anew: kubectl isochrone edge revoke ${name}, then kubectl isochrone edge token create ${name}`;
    return { status: isUsable ? 'True' : 'False', reason: 'KeyUnknown', message };
  }
  if (isUsable && issueFailure === undefined)
    return { status: 'True', reason: 'Issued', message: 'rotated by the hub' };
  if (issueFailure !== undefined) {
    const status = isUsable ? 'True' : 'False';
    return { status, reason: 'IssueFailed', message: `no new token could be issued: ${issueFailure}`.slice(0, 4096) };
  }
  if (token === undefined) return undefined;
  return { status: 'False', reason: 'Expired', message: 'the token is over or revoked; the hub issues another' };
}

function readiness(
  { cluster, contact }: ObservedCluster,
  list: readonly Condition[],
  monotonic: number,
  termMilliseconds: number,
): Verdict | undefined {
  if (!isConditionTrue(list, 'Registered')) {
    return { status: 'False', reason: 'NotRegistered', message: 'see condition Registered' };
  }
  if (cluster.spec.revoked === true) {
    return { status: 'False', reason: 'CredentialRevoked', message: 'see condition CredentialValid' };
  }
  const term = `${termMilliseconds / 1000} s`;
  switch (liveness(contact, monotonic)) {
    case 'Alive':
      return { status: 'True', reason: 'LeaseRenewed', message: `renews its Lease at least every ${term}` };
    case 'NeverSeen':
      return { status: 'Unknown', reason: 'NeverSeen', message: 'no edge operator has renewed the Lease; install one' };
    case 'Lost':
      return { status: 'Unknown', reason: 'Unreachable', message: `no renewal of the Lease was seen for ${term}` };
    case 'Undecided': {
      // A new leader gives every member a full term before it judges.
      const known = findCondition(list, 'Ready');
      const isJudged = known !== undefined && known.reason !== 'NotRegistered' && known.reason !== 'CredentialRevoked';
      if (isJudged) return undefined;
      return { status: 'Unknown', reason: 'Unreachable', message: 'waiting for a renewal of the Lease' };
    }
  }
}

function contactTime(
  previous: string | undefined,
  { renewedAt }: Contact,
  now: Now,
  termMilliseconds: number,
): string | undefined {
  if (renewedAt === undefined) return previous;
  const at = now.wall - (now.monotonic - renewedAt);
  const age = previous === undefined ? Infinity : at - Date.parse(previous);
  return age >= termMilliseconds / 2 || age < 0 ? formatTime(at) : previous;
}
