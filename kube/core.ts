import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

/** The fields of the built-in kinds that this runtime and the programs on it read or write; not complete schemas. */
export interface Namespace extends KubeObject {
  status?: { phase?: 'Active' | 'Terminating' };
}
export interface Secret extends KubeObject {
  type?: string;
  /** Values are base64. */
  data?: Record<string, string>;
  /** Write only: the API server moves it into `data`. */
  stringData?: Record<string, string>;
  immutable?: boolean;
}
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    leaseTransitions?: number;
    /** `metav1.MicroTime`: RFC 3339 with six fractional digits. */
    acquireTime?: string;
    renewTime?: string;
  };
}
export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}
/** `events.k8s.io/v1`. */
export interface Event extends KubeObject {
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  regarding?: ObjectReference;
  related?: ObjectReference;
  note?: string;
  type: 'Normal' | 'Warning';
  series?: { count: number; lastObservedTime: string };
}
export interface ServiceAccount extends KubeObject {
  automountServiceAccountToken?: boolean;
}
export interface PolicyRule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}
export interface Role extends KubeObject {
  rules?: readonly PolicyRule[];
}
export interface RoleBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects?: readonly { kind: string; name: string; namespace?: string; apiGroup?: string }[];
}
export interface ResourceQuota extends KubeObject {
  spec?: { hard?: Readonly<Record<string, string>> };
}
/** `flowcontrol.apiserver.k8s.io/v1`. */
export interface FlowSchema extends KubeObject {
  spec?: {
    priorityLevelConfiguration: { name: string };
    matchingPrecedence?: number;
    distinguisherMethod?: { type: 'ByUser' | 'ByNamespace' };
    rules?: readonly {
      subjects: readonly { kind: 'Group'; group: { name: string } }[];
      resourceRules?: readonly {
        verbs: readonly string[];
        apiGroups: readonly string[];
        resources: readonly string[];
        namespaces?: readonly string[];
        clusterScope?: boolean;
      }[];
      nonResourceRules?: readonly { verbs: readonly string[]; nonResourceURLs: readonly string[] }[];
    }[];
  };
}
export interface Taint {
  key: string;
  value?: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}
export interface Node extends KubeObject {
  spec?: { taints?: readonly Taint[]; unschedulable?: boolean; providerID?: string };
  status?: {
    capacity?: Record<string, string>;
    allocatable?: Record<string, string>;
    conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    addresses?: readonly { type: string; address: string }[];
  };
}
export interface Pod extends KubeObject {
  spec?: { nodeName?: string; serviceAccountName?: string; containers?: readonly { name: string; image?: string }[] };
  status?: { phase?: string; podIP?: string; conditions?: readonly { type: string; status: string }[] };
}
export interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    scope: 'Namespaced' | 'Cluster';
    names: { plural: string; singular?: string; kind: string; listKind?: string; shortNames?: readonly string[] };
    versions: readonly { name: string; served: boolean; storage: boolean; schema?: unknown; subresources?: unknown }[];
  };
  status?: { conditions?: readonly { type: string; status: string; reason?: string; message?: string }[] };
}

function define<T extends KubeObject>(
  group: string,
  version: string,
  kind: string,
  plural: string,
  namespaced: boolean,
): Resource<T> {
  return { group, version, kind, plural, namespaced };
}

const rbac = 'rbac.authorization.k8s.io';
const flowControl = 'flowcontrol.apiserver.k8s.io';

/** Resources built into every cluster. */
export const core = {
  namespaces: define<Namespace>('', 'v1', 'Namespace', 'namespaces', false),
  secrets: define<Secret>('', 'v1', 'Secret', 'secrets', true),
  configMaps: define<ConfigMap>('', 'v1', 'ConfigMap', 'configmaps', true),
  serviceAccounts: define<ServiceAccount>('', 'v1', 'ServiceAccount', 'serviceaccounts', true),
  nodes: define<Node>('', 'v1', 'Node', 'nodes', false),
  pods: define<Pod>('', 'v1', 'Pod', 'pods', true),
  events: define<Event>('events.k8s.io', 'v1', 'Event', 'events', true),
  leases: define<Lease>('coordination.k8s.io', 'v1', 'Lease', 'leases', true),
  roles: define<Role>(rbac, 'v1', 'Role', 'roles', true),
  roleBindings: define<RoleBinding>(rbac, 'v1', 'RoleBinding', 'rolebindings', true),
  resourceQuotas: define<ResourceQuota>('', 'v1', 'ResourceQuota', 'resourcequotas', true),
  flowSchemas: define<FlowSchema>(flowControl, 'v1', 'FlowSchema', 'flowschemas', false),
  priorityLevelConfigurations: define<KubeObject>(
    flowControl,
    'v1',
    'PriorityLevelConfiguration',
    'prioritylevelconfigurations',
    false,
  ),
  clusterRoles: define<Role>(rbac, 'v1', 'ClusterRole', 'clusterroles', false),
  clusterRoleBindings: define<RoleBinding>(rbac, 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
  customResourceDefinitions: define<CustomResourceDefinition>(
    'apiextensions.k8s.io',
    'v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
} as const;
