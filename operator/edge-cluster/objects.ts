import { isDeepStrictEqual } from 'node:util';
import { GROUP, annotations, edgeNamespace, labels, names, type EdgeCluster } from '@isochrone/api';
import type { Lease, Namespace, PolicyRule, Role, RoleBinding, Secret, ServiceAccount } from '@isochrone/kube';

/** Everything that the operator keeps for a member on the hub. */
export interface MemberObjects {
  readonly namespace: Named<Namespace>;
  readonly serviceAccount: Named<ServiceAccount>;
  readonly role: Named<Role>;
  readonly roleBinding: Named<RoleBinding>;
  readonly lease: Named<Lease>;
  readonly credential: Named<Secret>;
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

/** @param termSeconds how long the hub waits for a renewal; the edge reads it from the Lease */
export function memberObjects(cluster: EdgeCluster, termSeconds: number): MemberObjects {
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
  };
}

/** The parts of the objects of a member that may have been lost or changed, as the informers hold them. */
export interface ActualObjects {
  readonly serviceAccount: { readonly uid: string } | undefined;
  readonly role: { readonly rules: readonly PolicyRule[] } | undefined;
  readonly roleBinding: Pick<RoleBinding, 'roleRef' | 'subjects'> | undefined;
  readonly lease: { readonly leaseDurationSeconds: number | undefined } | undefined;
  readonly credential: object | undefined;
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
  return drifted;
}

function sameBinding(desired: RoleBinding, actual: ActualObjects['roleBinding']): boolean {
  return isDeepStrictEqual(actual?.roleRef, desired.roleRef) && isDeepStrictEqual(actual?.subjects, desired.subjects);
}
