import { edgeJoinRequestResource, GROUP, JOIN_NAMESPACE, type EdgeJoinRequest } from '@isochrone/api';
import { apiVersionOf, type Role, type RoleBinding, type Secret, type ServiceAccount } from '@isochrone/kube';

/** What a token is made of, besides its request. All of it goes with the request. */
export interface TokenObjects {
  /** The token is bound to it: deleting it ends the token. */
  readonly secret: Secret;
  readonly serviceAccount: ServiceAccount;
  readonly role: Role;
  readonly roleBinding: RoleBinding;
}

/** @param request as stored: its name is the id of the token, its UID the owner of the rest */
export function tokenObjects(request: EdgeJoinRequest): TokenObjects {
  const { name, uid = '' } = request.metadata;
  const owner = { apiVersion: apiVersionOf(edgeJoinRequestResource), kind: edgeJoinRequestResource.kind, name, uid };
  const metadata = { name, namespace: JOIN_NAMESPACE, ownerReferences: [owner] };
  const resources = [edgeJoinRequestResource.plural];
  return {
    secret: { metadata },
    serviceAccount: { metadata, automountServiceAccountToken: false },
    role: {
      metadata,
      rules: [
        { apiGroups: [GROUP], resources, resourceNames: [name], verbs: ['get'] },
        { apiGroups: [GROUP], resources: [`${resources[0]}/status`], resourceNames: [name], verbs: ['patch'] },
      ],
    },
    roleBinding: {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: JOIN_NAMESPACE }],
    },
  };
}
