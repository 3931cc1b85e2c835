import {
  edgeClusterResource,
  edgeJoinRequestResource,
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
  JOIN_NAMESPACE,
  labels,
  names,
  SYSTEM_NAMESPACE,
} from '@isochrone/api';
import { ApiError, core, type ApiClient, type KubeObject, type ListOptions, type Resource } from '@isochrone/kube';
import { lackingRights } from './rights.ts';
import { componentOf, type Claim, type ObservedPod, type Snapshot } from './snapshot.ts';

const claims: Resource<Claim> = {
  ...{ group: '', version: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true },
};
const storageClasses: Resource = {
  ...{ group: 'storage.k8s.io', version: 'v1', kind: 'StorageClass', plural: 'storageclasses', namespaced: false },
};

const ours = { labelSelector: 'app.kubernetes.io/part-of=isochrone' };
const inSystem = { namespace: SYSTEM_NAMESPACE };
const timeoutMilliseconds = 10_000;
const limit = 500;
const mostPodsAsked = 20;
const podTimeoutMilliseconds = 5000;

/** Looks at a cluster once: one bounded list of each kind. What may not be read or is not there is empty. @param now milliseconds since 1970 */
export async function collect(client: ApiClient, now: number): Promise<Snapshot> {
  const forbidden: string[] = [];
  const list = async <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<T[]> => {
    try {
      return [...(await client.list(resource, { limit, timeoutMilliseconds, ...options })).items];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A member does not have every kind.
      if (error.isNotFound) return [];
      if (!error.isForbidden) throw error;
      forbidden.push(resource.plural);
      return [];
    }
  };
  const base = { now, server: client.server };
  let version: NonNullable<Snapshot['version']>;
  try {
    version = await client.request({ method: 'GET', path: '/version', timeoutMilliseconds });
  } catch (error) {
    return { ...base, ...nothing, unreachable: error instanceof Error ? error.message : String(error) };
  }
  const crds = await list(core.customResourceDefinitions);
  const pods = await list(core.pods as Resource<ObservedPod>, ours);
  let lacking: Snapshot['lacking'] = [];
  try {
    const components = new Set(pods.map((pod) => componentOf(pod) ?? ''));
    lacking = await lackingRights(client, components, timeoutMilliseconds);
  } catch (error) {
    if (!(error instanceof ApiError && error.isForbidden)) throw error;
    forbidden.push('subjectaccessreviews');
  }
  const isHub = crds.some(({ spec }) => spec.names.plural === edgeClusterResource.plural);
  return {
    ...base,
    version,
    crds,
    pods,
    readiness: await readinessOf(client, pods),
    lacking,
    claims: await list(claims, inSystem),
    storageClasses: await list(storageClasses),
    events: await list(core.events, inSystem),
    leases: await list(core.leases, inSystem),
    secrets: await list(core.secrets, inSystem),
    accounts: await list(core.configMaps, { fieldSelector: `metadata.name=${names.accountStatement}` }),
    machines: await list(core.nodes),
    clusters: await list(edgeClusterResource),
    requests: await list(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE }),
    nodes: await list(inferenceNodeResource, isHub ? { labelSelector: labels.cluster } : inSystem),
    models: await list(inferenceModelResource),
    jobs: await list(inferenceJobResource),
    forbidden,
  };
}

/** Asks Pods that run and are not ready. The kubelet's events have the status of the answer, and not what it says. */
async function readinessOf(client: ApiClient, pods: readonly ObservedPod[]): Promise<Record<string, string>> {
  const unready = pods.filter(
    ({ status }) =>
      status?.phase === 'Running' &&
      status.conditions?.some(({ type, status: is }) => type === 'Ready' && is !== 'True'),
  );
  const answers = unready.slice(0, mostPodsAsked).map(async ({ metadata, spec }) => {
    const ports = spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
    const port = ports.find(({ name }) => name === 'metrics')?.containerPort;
    if (port === undefined) return [];
    const { namespace = '', name = '', uid = '' } = metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/http:${name}:${port}/proxy/readyz`;
    try {
      await client.request({ method: 'GET', path, timeoutMilliseconds: podTimeoutMilliseconds });
      return [];
    } catch (error) {
      // Forbidden, kept away by a NetworkPolicy, or not listening: then the kubelet's word has to do.
      const said = /\[-\]\S+ failed: .*/.exec(error instanceof Error ? error.message : '')?.[0];
      return said === undefined ? [] : [[uid, said] as const];
    }
  });
  return Object.fromEntries((await Promise.all(answers)).flat());
}

const nothing = {
  ...{
    forbidden: [],
    crds: [],
    pods: [],
    readiness: {},
    lacking: [],
    requests: [],
    claims: [],
    storageClasses: [],
    events: [],
    leases: [],
    secrets: [],
  },
  ...{ accounts: [], machines: [], clusters: [], nodes: [], models: [], jobs: [] },
};
