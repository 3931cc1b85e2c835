import { annotations, edgeFlowSchema, edgeNamespace, labels, names, type EdgeCluster } from '@isochrone/api';
import {
  core,
  Informer,
  type ApiClient,
  type Clock,
  type FlowSchema,
  type Lease,
  type Logger,
  type Metrics,
  type Namespace,
  type Resource,
  type KubeObject,
  type ResourceQuota,
  type Role,
  type RoleBinding,
  type Secret,
  type ServiceAccount,
} from '@isochrone/kube';
import { viewCredential, type CredentialView } from './credential-secret.ts';
import type { ActualObjects } from './objects.ts';

interface Deps {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export interface NamespaceView {
  readonly ownerUID: string | undefined;
  readonly terminating: boolean;
}
export interface LeaseView {
  readonly renewTime: string | undefined;
  readonly leaseDurationSeconds: number | undefined;
  /** UID of the EdgeJoinRequest that the member says its credential came by. */
  readonly joinedBy: string | undefined;
}

/** Live copies of the objects that the operator keeps for members, cut down to what is compared. */
export class MemberObjectViews {
  readonly namespaces: Informer<Namespace, NamespaceView>;
  readonly serviceAccounts: Informer<ServiceAccount, { uid: string }>;
  readonly roles: Informer<Role, { rules: NonNullable<Role['rules']> }>;
  readonly roleBindings: Informer<RoleBinding, Pick<RoleBinding, 'roleRef' | 'subjects'>>;
  readonly leases: Informer<Lease, LeaseView>;
  readonly credentials: Informer<Secret, CredentialView>;
  readonly quotas: Informer<ResourceQuota, Pick<ResourceQuota, 'spec'>>;
  readonly flowSchemas: Informer<FlowSchema, NonNullable<ActualObjects['flowSchema']>>;
  /** Holds one object or none. */
  readonly priorityLevels: Informer<KubeObject, true>;

  constructor(deps: Deps) {
    const named = <T extends KubeObject, P>(resource: Resource<T>, name: string, project: (object: T) => P) =>
      new Informer<T, P>({ ...deps, resource, fieldSelector: `metadata.name=${name}`, project });
    this.namespaces = new Informer({
      ...deps,
      resource: core.namespaces,
      project: ({ metadata, status }) => ({
        ownerUID: metadata.annotations?.[annotations.originUID],
        terminating: metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating',
      }),
    });
    this.serviceAccounts = named(core.serviceAccounts, names.edgeServiceAccount, ({ metadata }) => ({
      uid: metadata.uid ?? '',
    }));
    this.roles = named(core.roles, names.edgeServiceAccount, ({ rules }) => ({ rules: rules ?? [] }));
    this.roleBindings = named(core.roleBindings, names.edgeServiceAccount, ({ roleRef, subjects }) => ({
      roleRef,
      ...(subjects === undefined ? {} : { subjects }),
    }));
    this.leases = named(core.leases, names.edgeLease, ({ metadata, spec }) => ({
      joinedBy: metadata.annotations?.[annotations.joinedBy],
      renewTime: spec?.renewTime,
      leaseDurationSeconds: spec?.leaseDurationSeconds,
    }));
    this.credentials = named(core.secrets, names.edgeCredential, viewCredential);
    this.quotas = named(core.resourceQuotas, names.edgeQuota, ({ spec }) => (spec === undefined ? {} : { spec }));
    this.flowSchemas = new Informer({
      ...deps,
      resource: core.flowSchemas,
      labelSelector: labels.cluster,
      project: ({ metadata, spec }) => ({
        ...(spec === undefined ? {} : { spec }),
        ownerUID: metadata.ownerReferences?.[0]?.uid,
      }),
    });
    this.priorityLevels = named(core.priorityLevelConfigurations, names.edgePriorityLevel, () => true as const);
  }

  /** All of them by name, to be run and asked whether they are synced. */
  get informers() {
    const { namespaces, serviceAccounts, roles, roleBindings, leases, credentials } = this;
    const { quotas, flowSchemas, priorityLevels } = this;
    return {
      ...{ namespaces, serviceAccounts, roles, roleBindings, leases, credentials },
      ...{ quotas, flowSchemas, priorityLevels },
    };
  }

  actual(cluster: EdgeCluster): ActualObjects {
    const at = (name: string): string => `${edgeNamespace(cluster.metadata.name)}/${name}`;
    return {
      serviceAccount: this.serviceAccounts.get(at(names.edgeServiceAccount)),
      role: this.roles.get(at(names.edgeServiceAccount)),
      roleBinding: this.roleBindings.get(at(names.edgeServiceAccount)),
      lease: this.leases.get(at(names.edgeLease)),
      credential: this.credentials.get(at(names.edgeCredential)),
      quota: this.quotas.get(at(names.edgeQuota)),
      flowSchema: this.flowSchemas.get(edgeFlowSchema(cluster.metadata.name)),
    };
  }
}
