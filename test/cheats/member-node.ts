import type { KeyObject } from 'node:crypto';
import {
  inferenceNodeResource,
  inferenceTaskResource,
  nodeLease,
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
  type InferenceTask,
  type InferenceTaskStatus,
  type StorageAccess,
} from '@isochrone/api';
import { core, formatMicroTime, formatTime, type ApiClient } from '@isochrone/kube';

const namespace = SYSTEM_NAMESPACE;
const renewMilliseconds = 3_000;

/** A node on its member cluster, as far as an agent may write there. */
export class MemberNode {
  readonly name: string;
  readonly #client: ApiClient;
  #renewedAt = -Infinity;

  constructor(client: ApiClient, name: string) {
    this.#client = client;
    this.name = name;
  }

  async register(publicKey: KeyObject, price: string): Promise<void> {
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64');
    const ref = { namespace, name: this.name };
    await this.#client.create(inferenceNodeResource, {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'InferenceNode',
      metadata: ref,
      spec: {
        publicKey: raw,
        inventory: {
          architecture: 'amd64',
          onnxruntimeVersion: '1.30.0',
          devices: [
            {
              uuid: `CPU-of-${this.name}`,
              type: 'cpu',
              productName: 'Cheap CPU',
              memory: '8Gi',
              executionProviders: ['CPU'],
              slots: 1,
            },
          ],
        },
        ask: { pricePerThousandReferenceSeconds: price },
      },
    });
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'AgentReady',
      message: 'takes tasks',
      lastTransitionTime: formatTime(Date.now()),
    } as const;
    const status = { conditions: [ready], runningTasks: 0 };
    await this.#client.mergePatch(inferenceNodeResource, ref, { status }, { subresource: 'status' });
  }

  async renewLease(): Promise<void> {
    if (performance.now() - this.#renewedAt < renewMilliseconds) return;
    this.#renewedAt = performance.now();
    const spec = { holderIdentity: this.name, leaseDurationSeconds: 15, renewTime: formatMicroTime(Date.now()) };
    await this.#client.apply(
      core.leases,
      { metadata: { namespace, name: nodeLease(this.name) }, spec },
      { force: true },
    );
  }

  async tasks(): Promise<InferenceTask[]> {
    const { items } = await this.#client.list(inferenceTaskResource, { namespace });
    return items.filter(
      ({ spec, metadata }) => spec.nodeName === this.name && metadata.deletionTimestamp === undefined,
    );
  }

  async access({ spec }: InferenceTask): Promise<StorageAccess> {
    const secret = await this.#client.get(core.secrets, { namespace, name: spec.storageSecretName });
    const json = Buffer.from(secret.data?.[STORAGE_ACCESS_KEY] ?? '', 'base64').toString('utf8');
    return JSON.parse(json) as StorageAccess;
  }

  async report({ metadata }: InferenceTask, status: InferenceTaskStatus): Promise<void> {
    await this.#client.mergePatch(
      inferenceTaskResource,
      { namespace, name: metadata.name },
      { status },
      { subresource: 'status' },
    );
  }
}
