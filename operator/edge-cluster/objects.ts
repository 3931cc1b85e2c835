import { isDeepStrictEqual } from 'node:util';
import {
  GROUP,
  annotations,
  edgeClusterResource,
  edgeFlowSchema,
  edgeNamespace,
  labels,
  names,
  type EdgeCluster,
} from '@isochrone/api';
import {
  apiVersionOf,
  type FlowSchema,
  type Lease,
  type Namespace,
  type PolicyRule,
  type ResourceQuota,
  type Role,
  type RoleBinding,
  type Secret,
  type ServiceAccount,
} from '@isochrone/kube';
import type { Limits } from './quota.ts';

/** Everything that the operator keeps for a member on the hub. */
export interface MemberObjects {
  readonly namespace: Named<Namespace>;
  readonly serviceAccount: Named<ServiceAccount>;
  readonly role: Named<Role>;
  readonly roleBinding: Named<RoleBinding>;
  readonly lease: Named<Lease>;
  readonly credential: Named<Secret>;
  readonly quota: Named<ResourceQuota>;
  readonly flowSchema: Named<FlowSchema>;
}
type Named<T extends { metadata: object }> = T & { metadata: { name: string; namespace?: string } };

/** What an edge may do on the hub, in its own namespace, and no more (docs/architecture.md). */
export const edgeRules: readonly PolicyRule[] = [
  { apiGroups: [GROUP], resources: ['inferencetasks'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [GROUP], resources: ['inferencetasks/status'], verbs: ['patch'] },
  { apiGroups: [GROUP], resources: ['nodereports'], verbs: ['get', 'create', 'patch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [names.edgeLease],
    verbs: ['get', 'patch', 'update'],
  },
];

/**
 * @param termSeconds how long the hub waits for a renewal; the edge reads it from the Lease
 * @param limits of its ResourceQuota
 */
export function memberObjects(cluster: EdgeCluster, termSeconds: number, limits: Limits): MemberObjects {
  const { name, uid } = cluster.metadata;
  const namespace = edgeNamespace(name);
  const ours = {
    labels: { [labels.cluster]: name },
    annotations: { [annotations.originUID]: uid ?? '' },
  };
  const inside = (objectName: string) => ({ metadata: { name: objectName, namespace, ...ours } });
  return {
    namespace: { metadata: { name: namespace, ...ours } },
    serviceAccount: { ...inside(names.edgeServiceAccount), automountServiceAccountToken: false },
    role: { ...inside(names.edgeServiceAccount), rules: edgeRules },
    roleBinding: {
      ...inside(names.edgeServiceAccount),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: names.edgeServiceAccount },
      subjects: [{ kind: 'ServiceAccount', name: names.edgeServiceAccount, namespace }],
    },
    lease: { ...inside(names.edgeLease), spec: { leaseDurationSeconds: termSeconds } },
    credential: inside(names.edgeCredential),
    quota: { ...inside(names.edgeQuota), spec: { hard: limits } },
    flowSchema: {
      metadata: {
        name: edgeFlowSchema(name),
        ...ours,
        ownerReferences: [
          { apiVersion: apiVersionOf(edgeClusterResource), kind: edgeClusterResource.kind, name, uid: uid ?? '' },
        ],
      },
      spec: flowOf(namespace),
    },
  };
}

/** Every request of the ServiceAccounts of the namespace; each of them has a queue of its own. All defaults are spelt out, to be compared. */
function flowOf(namespace: string): NonNullable<FlowSchema['spec']> {
  return {
    priorityLevelConfiguration: { name: names.edgePriorityLevel },
    // Before `service-accounts` of Kubernetes (9000), after everything that the cluster itself needs.
    matchingPrecedence: 8000,
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'Group', group: { name: `system:serviceaccounts:${namespace}` } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  };
}

/** The parts of the objects of a member that may have been lost or changed, as the informers hold them. */
export interface ActualObjects {
  readonly serviceAccount: { readonly uid: string } | undefined;
  readonly role: { readonly rules: readonly PolicyRule[] } | undefined;
  readonly roleBinding: Pick<RoleBinding, 'roleRef' | 'subjects'> | undefined;
  readonly lease: { readonly leaseDurationSeconds: number | undefined } | undefined;
  readonly credential: object | undefined;
  readonly quota: Pick<ResourceQuota, 'spec'> | undefined;
  readonly flowSchema: (Pick<FlowSchema, 'spec'> & { readonly ownerUID: string | undefined }) | undefined;
}
export type MemberObjectName = keyof ActualObjects;

/** Which objects are missing or no longer as they should be, in the order in which they are to be made. */
export function driftedObjects(desired: MemberObjects, actual: ActualObjects): MemberObjectName[] {
  const drifted: MemberObjectName[] = [];
  if (actual.serviceAccount === undefined) drifted.push('serviceAccount');
  if (!isDeepStrictEqual(actual.role?.rules, desired.role.rules)) drifted.push('role');
  if (!sameBinding(desired.roleBinding, actual.roleBinding)) drifted.push('roleBinding');
  if (actual.lease?.leaseDurationSeconds !== desired.lease.spec?.leaseDurationSeconds) drifted.push('lease');
  if (actual.credential === undefined) drifted.push('credential');
  if (!isDeepStrictEqual(actual.quota?.spec, desired.quota.spec)) drifted.push('quota');
  if (!sameFlow(desired.flowSchema, actual.flowSchema)) drifted.push('flowSchema');
  return drifted;
}

function sameBinding(desired: RoleBinding, actual: ActualObjects['roleBinding']): boolean {
  return isDeepStrictEqual(actual?.roleRef, desired.roleRef) && isDeepStrictEqual(actual?.subjects, desired.subjects);
}

function sameFlow(desired: FlowSchema, actual: ActualObjects['flowSchema']): boolean {
  const [owner] = desired.metadata.ownerReferences ?? [];
  return isDeepStrictEqual(actual?.spec, desired.spec) && actual?.ownerUID === owner?.uid;
}
