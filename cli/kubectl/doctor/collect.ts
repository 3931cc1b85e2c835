import {
  edgeClusterResource,
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
  labels,
  names,
  SYSTEM_NAMESPACE,
} from '@isochrone/api';
import { ApiError, core, type ApiClient, type KubeObject, type ListOptions, type Resource } from '@isochrone/kube';
import type { Claim, ObservedPod, Snapshot } from './snapshot.ts';

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
  const isHub = crds.some(({ spec }) => spec.names.plural === edgeClusterResource.plural);
  return {
    ...base,
    version,
    crds,
    pods: await list(core.pods as Resource<ObservedPod>, ours),
    claims: await list(claims, inSystem),
    storageClasses: await list(storageClasses),
    events: await list(core.events, inSystem),
    leases: await list(core.leases, inSystem),
    secrets: await list(core.secrets, inSystem),
    accounts: await list(core.configMaps, { fieldSelector: `metadata.name=${names.accountStatement}` }),
    machines: await list(core.nodes),
    clusters: await list(edgeClusterResource),
    nodes: await list(inferenceNodeResource, isHub ? { labelSelector: labels.cluster } : inSystem),
    models: await list(inferenceModelResource),
    jobs: await list(inferenceJobResource),
    forbidden,
  };
}

const nothing = {
  ...{ forbidden: [], crds: [], pods: [], claims: [], storageClasses: [], events: [], leases: [], secrets: [] },
  ...{ accounts: [], machines: [], clusters: [], nodes: [], models: [], jobs: [] },
};
