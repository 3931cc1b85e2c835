/** Names that more than one program must agree on. */

export const GROUP = 'isochrone.dev';

/** Namespace of the operator on the hub and of the edge operator and the agents on a member. */
export const SYSTEM_NAMESPACE = 'isochrone-system';

/** Namespace on the hub of EdgeJoinRequests and the ServiceAccounts of their tokens. */
export const JOIN_NAMESPACE = 'isochrone-join';

/** Namespace of a member on the hub. */
export function edgeNamespace(cluster: string): string {
  return `edge-${cluster}`;
}

/** The EdgeCluster of one of its hub namespaces. Undefined for a namespace that is no member's. */
export function clusterOfNamespace(namespace: string | undefined): string | undefined {
  const prefix = edgeNamespace('');
  return namespace !== undefined && namespace.startsWith(prefix) && namespace.length > prefix.length
    ? namespace.slice(prefix.length)
    : undefined;
}

export const labels = {
  /** On a task: UID of the work that it belongs to. It may be a job or a verification, and does not say which. */
  workUID: `${GROUP}/work-uid`,
  /** On a member's copy: it came from the hub. */
  origin: `${GROUP}/origin`,
  /** On hub namespaces and nodes: name of the EdgeCluster. */
  cluster: `${GROUP}/cluster`,
  /** On objects that users see and the operator writes; the value is `isochrone`. */
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

export const annotations = {
  /** On every copy: UID of the object that it was copied from. A same-named stranger has another or none. */
  originUID: `${GROUP}/origin-uid`,
  /** On a copy that the hub no longer has but whose result it has not acknowledged: since when, RFC 3339. */
  orphanedTime: `${GROUP}/orphaned-time`,
  /** On a task of type ModelAdmission: name of the InferenceModel. */
  model: `${GROUP}/model`,
  /** On a task on the hub: the scheduler's prediction of its time, to be compared with what it took. */
  predictedMilliseconds: `${GROUP}/predicted-milliseconds`,
  /** On an EdgeJoinRequest, by the operator alone: how it ended. Not in the status, which the joiner may write. */
  joinOutcome: `${GROUP}/join-outcome`,
  /** On an EdgeJoinRequest, by the operator alone: a second key came after the first was accepted, and that was told. */
  joinContested: `${GROUP}/join-contested`,
  /** On an EdgeJoinRequest, by the operator alone: UID of the credential Secret that ended with the acceptance. */
  replacedCredential: `${GROUP}/replaced-credential`,
  /** On an EdgeJoinRequest, by the operator alone: UID of the credential Secret that is for it. One, ever. */
  grantedCredential: `${GROUP}/granted-credential`,
  /** On the credential Secret of a member, and as the member tells it on its Lease: UID of the EdgeJoinRequest that it joined by. */
  joinedBy: `${GROUP}/joined-by`,
  /** On the credential Secret of a member: the accepted key, which all of its tokens are encrypted to. */
  publicKey: `${GROUP}/public-key`,
  /** On the credential Secret of a member, for what is encrypted in it. */
  issuedTime: `${GROUP}/issued-time`,
  expirationTime: `${GROUP}/expiration-time`,
  serviceAccountUID: `${GROUP}/service-account-uid`,
  /** Of the Secret that the token is bound to. */
  secretUID: `${GROUP}/secret-uid`,
  /** On the Secret with the hub's credential on a member: fingerprint of its public key, to be compared at acceptance. */
  fingerprint: `${GROUP}/fingerprint`,
  /** On an EdgeCluster: when it is deleted, its open tasks are given up. The value is `true`. */
  abandonTasks: `${GROUP}/abandon-tasks`,
} as const;

export const finalizers = {
  /** On an InferenceJob: tasks are to be stopped and holds returned. */
  settlement: `${GROUP}/settlement`,
  /** On an EdgeCluster: its hub namespace is to be removed. */
  edgeNamespace: `${GROUP}/edge-namespace`,
} as const;

/** Leases and Secrets with fixed names. */
export const names = {
  /** Lease in the hub namespace of a member: its contact with the hub. */
  edgeLease: 'isochrone-edge',
  /** Lease in the system namespace of a member: until when its agents may work. */
  grantLease: 'isochrone-grant',
  /** ServiceAccount of a member on the hub, and the prefix of its Role and RoleBinding. */
  edgeServiceAccount: 'isochrone-edge',
  /** Secret in the hub namespace of a member: its key as an annotation, and its current token, encrypted to that. */
  edgeCredential: 'isochrone-edge-credential',
  /** Secret in the system namespace of a member: how it reaches the hub, and as whom. */
  hubCredential: 'isochrone-hub',
  /** ResourceQuota in the hub namespace of a member. */
  edgeQuota: 'isochrone-edge',
  /** PriorityLevelConfiguration on the hub that the requests of members count in. */
  edgePriorityLevel: 'isochrone-edges',
  /** Secret in the system namespace of the hub: seeds of sampling and task names. */
  operatorSecret: 'isochrone-operator',
  /** ConfigMap in the system namespace of the hub: head of the sampling hash chain and the keys revealed so far. */
  samplingChain: 'isochrone-sampling',
  /** Lease of the leading operator in the system namespace of the hub. */
  operatorLease: 'isochrone-operator',
  /** ConfigMap in each namespace with jobs: balance and last postings. */
  accountStatement: 'isochrone-account',
} as const;

/** FlowSchema of a member on the hub. */
export function edgeFlowSchema(cluster: string): string {
  return `isochrone-edge-${cluster}`;
}

/** Lease in the system namespace of a member by which an agent shows that it lives. */
export function nodeLease(node: string): string {
  return `isochrone-node-${node}`;
}

/** The largest record that is run: the verifier sidecar takes an input and an output of this size in one message by default. */
export const MAX_RECORD_BYTES = 128 * 1024 * 1024;

/** Key in a storage Secret; its value is the JSON of {@link StorageAccess}. */
export const STORAGE_ACCESS_KEY = 'access.json';

/** Presigned URLs of one attempt, as the agent reads them from the storage Secret. */
export interface StorageAccess {
  /** GET of the model file. */
  modelURL: string;
  /** GET of the input with If-Match. Absent for ModelAdmission. */
  inputURL?: string;
  /** PUT with If-None-Match: *, one per shard; headers that were signed come with it. */
  outputs: { shardIndex: number; url: string; headers: Record<string, string> }[];
  /** When the URLs expire, RFC 3339. */
  expirationTime: string;
}
