import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  inferenceTaskResource,
  labels,
  providerResource,
  type InferenceTask,
} from '@isochrone/api';
import { core, formatTime, type ApiClient } from '@isochrone/kube';
import type { Binding__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Binding';

const apiVersion = 'isochrone.dev/v1alpha1';

function condition(type: string, status: 'True' | 'False'): object {
  return { type, status, reason: 'Test', message: '', lastTransitionTime: formatTime(Date.now()) };
}

export interface MemberOptions {
  readonly cluster: string;
  readonly class?: 'Edge' | 'Trusted';
  readonly country?: string;
  readonly price?: string;
}

/** A provider, its cluster, and one ready CPU node `node-1` with two slots and 8 GiB, as the operator would write them. */
export async function createMember(client: ApiClient, options: MemberOptions): Promise<void> {
  const { cluster, country = 'DE', price = '0.10' } = options;
  const provider = `provider-${cluster}`;
  const namespace = edgeNamespace(cluster);
  await client.create(core.namespaces, { metadata: { name: namespace } });
  await client.create(providerResource, {
    ...{ apiVersion, kind: 'Provider', metadata: { name: provider } },
    spec: { displayName: provider, suspended: false },
  });
  await client.create(edgeClusterResource, {
    ...{ apiVersion, kind: 'EdgeCluster', metadata: { name: cluster } },
    spec: {
      class: options.class ?? 'Edge',
      providerRef: { name: provider },
      location: { latitude: '50.11', longitude: '8.68', country, region: 'eu-central' },
    },
  });
  await client.mergePatch(
    edgeClusterResource,
    { name: cluster },
    { status: { conditions: [condition('Ready', 'True')] } } as never,
    { subresource: 'status' },
  );
  await client.create(inferenceNodeResource, {
    ...{ apiVersion, kind: 'InferenceNode', metadata: { name: 'node-1', namespace } },
    spec: {
      publicKey: `${'A'.repeat(43)}=`,
      inventory: {
        architecture: 'amd64',
        onnxruntimeVersion: '1.22.0',
        devices: [
          {
            ...{ uuid: `cpu-${cluster}`, type: 'cpu', productName: 'AMD EPYC', memory: '8Gi', slots: 2 },
            executionProviders: ['CPU'],
          },
        ],
      },
      ask: { pricePerThousandReferenceSeconds: price },
    },
  });
  await setNodeConditions(client, cluster, { Ready: 'True', Trusted: 'True' });
}

export async function setNodeConditions(
  client: ApiClient,
  cluster: string,
  conditions: Readonly<Record<'Ready' | 'Trusted', 'True' | 'False'>>,
): Promise<void> {
  const list = Object.entries(conditions).map(([type, status]) => condition(type, status));
  const ref = { namespace: edgeNamespace(cluster), name: 'node-1' };
  await client.mergePatch(inferenceNodeResource, ref, { status: { conditions: list } } as never, {
    subresource: 'status',
  });
}

/** The task that the operator makes of a binding. */
export async function createTask(
  client: ApiClient,
  { binding, workUid, attempt }: { binding: Binding__Output; workUid: string; attempt: number },
): Promise<{ namespace: string; name: string }> {
  const ref = { namespace: edgeNamespace(binding.cluster), name: `task-${workUid.slice(0, 8)}-${attempt}` };
  const task: InferenceTask = {
    ...{ apiVersion, kind: 'InferenceTask' },
    metadata: { ...ref, labels: { [labels.workUID]: workUid } },
    spec: {
      type: 'Batch',
      workUID: workUid,
      attempt,
      nodeName: binding.node,
      deviceUUID: binding.deviceUuid,
      executionProvider: 'CPU',
      timeoutSeconds: 600,
      storageSecretName: 'storage',
      model: {
        ...{ sha256: 'a'.repeat(64), sizeBytes: 1_000_000, numericProfile: 'FP32Strict' },
        ...{ maxBatchSize: 8, deviceMemory: '1Gi' },
      },
      input: {
        etag: 'e',
        dataOffset: 128,
        recordBytes: 12,
        fields: [{ name: 'x', dataType: 'FP32', shape: [3], offset: 0 }],
      },
      shards: [{ index: 0, firstRecord: 0, records: 100 }],
    },
  };
  await client.create(inferenceTaskResource, task);
  return ref;
}
