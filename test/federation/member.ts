import { join } from 'node:path';
import { after } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  nodeLease,
  providerResource,
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
  type EdgeCluster,
  type InferenceNode,
  type InferenceTask,
  type NodeReport,
} from '@isochrone/api';
import {
  ApiClient,
  core,
  formatMicroTime,
  formatTime,
  issueBoundToken,
  systemClock,
  type Clock,
} from '@isochrone/kube';
import { joinMember } from '@isochrone/cli/demo';
import { edgeOptions, runEdge } from '@isochrone/operator/edge';
import { loadOptions } from '@isochrone/service';
import { eventually, type ControlPlane } from '../harness/index.ts';
import {
  applyRights,
  kubeconfigOf,
  startProgram,
  withPlane,
  type RunningProgram,
  type TestFederation,
} from './federation.ts';

/** A member with its own control plane; its agents are played by the test. */
export interface TestMember {
  readonly cluster: string;
  readonly plane: ControlPlane;
  /** Administrator of the member. */
  readonly client: ApiClient;
  /** Where its edge operator looks for a join token. */
  readonly joinTokenFile: string;
  /** Makes a token for it, and accepts who asks with it. */
  join(): Promise<void>;
  /** The first start joins. */
  startEdge(options?: Record<string, string>, clock?: Clock): Promise<RunningProgram>;
}

export function edgeCluster(name: string, spec: Partial<EdgeCluster['spec']> = {}): EdgeCluster {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'EdgeCluster',
    metadata: { name },
    spec: {
      class: 'Edge',
      providerRef: { name: 'alpha' },
      location: { latitude: '50.11', longitude: '8.68', country: 'DE', region: 'eu-central' },
      ...spec,
    },
  };
}

export async function createProvider(admin: ApiClient, name: string): Promise<void> {
  await admin.create(providerResource, {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'Provider',
    metadata: { name },
    spec: { displayName: name, suspended: false },
  });
}

/** A kubeconfig with a token like that of the member, bound to its credential, once the operator has made what it needs. */
export async function edgeKubeconfig({ admin, hub }: TestFederation, cluster: string): Promise<string> {
  const namespace = edgeNamespace(cluster);
  const account = { namespace, name: names.edgeServiceAccount };
  const secret = await eventually(
    async () => {
      const found = await admin.find(core.secrets, { namespace, name: names.edgeCredential });
      const isBound = (await admin.find(core.roleBindings, account)) !== undefined;
      return isBound && found;
    },
    { describe: `EdgeCluster ${cluster} has a credential` },
  );
  return hub.kubeconfigForToken(`edge-${cluster}`, await issueBoundToken(admin, account, 3600, secret.metadata));
}

/**
 * Registers the cluster on the hub and gives it a control plane, for the tests of one file.
 * @param isHub the hub is a member of itself, as the federation's own trusted cluster may be
 */
export async function withMember(
  federation: TestFederation,
  cluster: string,
  { isHub = false, ...spec }: Partial<EdgeCluster['spec']> & { isHub?: boolean } = {},
): Promise<TestMember> {
  const plane = isHub ? federation.hub : await withPlane(cluster);
  await applyRights(plane, 'edge');
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  await federation.admin.create(edgeClusterResource, edgeCluster(cluster, spec));
  const memberKubeconfig = await kubeconfigOf(plane, 'isochrone-edge');
  const joinTokenFile = join(federation.directory, `join-token-${cluster}`);
  const joinHub = (): Promise<void> => joinMember(federation.hub, cluster, joinTokenFile, undefined);
  let hasJoined = false;
  after(() => client.close());
  return {
    cluster,
    plane,
    client,
    joinTokenFile,
    join: joinHub,
    async startEdge(options = {}, clock = systemClock) {
      const values = loadOptions(edgeOptions, {
        flags: { cluster, joinTokenFile, memberKubeconfig, ...options },
      });
      const program = startProgram('edge', (context) => runEdge(values, context, clock));
      federation.running.add(program);
      if (!hasJoined) await joinHub();
      hasJoined = true;
      return program;
    },
  };
}

export function nodeSpec(overrides: Partial<InferenceNode['spec']> = {}): InferenceNode['spec'] {
  return {
    publicKey: Buffer.alloc(32, 1).toString('base64'),
    inventory: {
      architecture: 'amd64',
      onnxruntimeVersion: '1.23.0',
      devices: [
        {
          uuid: 'cpu-1',
          type: 'cpu',
          productName: 'A CPU',
          memory: '4Gi',
          executionProviders: ['CPU'],
          slots: 1,
        },
      ],
    },
    ask: { pricePerThousandReferenceSeconds: '0.18' },
    ...overrides,
  };
}

/** What an edge reports of that node. */
export function reportSpec(overrides: Partial<NodeReport['spec']> = {}): NodeReport['spec'] {
  const { publicKey, inventory, ask } = nodeSpec();
  return { publicKey, inventory, ask, ready: true, observedTime: formatTime(Date.now()), ...overrides };
}

/** Plays the agent of a node: its InferenceNode, Ready, and a renewal of its Lease. */
export async function playAgent(
  { client }: Pick<TestMember, 'client'>,
  name: string,
  spec = nodeSpec(),
  leaseDurationSeconds = 3600,
): Promise<void> {
  const metadata = { name, namespace: SYSTEM_NAMESPACE };
  await client.apply(inferenceNodeResource, { metadata, spec }, { force: true });
  const lastTransitionTime = formatTime(Date.now());
  const ready = { type: 'Ready', status: 'True', reason: 'AgentReady', message: 'alive', lastTransitionTime } as const;
  await client.mergePatch(
    inferenceNodeResource,
    metadata,
    { status: { conditions: [ready], runningTasks: 0 } },
    { subresource: 'status' },
  );
  await renewAgent({ client }, name, leaseDurationSeconds);
}

export async function renewAgent(
  { client }: Pick<TestMember, 'client'>,
  name: string,
  leaseDurationSeconds: number,
): Promise<void> {
  const metadata = { name: nodeLease(name), namespace: SYSTEM_NAMESPACE };
  const spec = { holderIdentity: name, leaseDurationSeconds, renewTime: formatMicroTime(Date.now()) };
  await client.apply(core.leases, { metadata, spec }, { force: true });
}

export function batchTask(
  cluster: string,
  name: string,
  overrides: Partial<InferenceTask['spec']> = {},
): InferenceTask {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: { name, namespace: edgeNamespace(cluster) },
    spec: {
      type: 'Batch',
      workUID: '11111111-2222-4333-8444-555555555555',
      attempt: 1,
      nodeName: 'node-1',
      deviceUUID: 'cpu-1',
      executionProvider: 'CPU',
      timeoutSeconds: 600,
      storageSecretName: name,
      model: {
        sha256: 'a'.repeat(64),
        sizeBytes: 1000,
        numericProfile: 'FP32Strict',
        maxBatchSize: 8,
        deviceMemory: '1Gi',
      },
      input: {
        etag: '"e"',
        dataOffset: 128,
        recordBytes: 16,
        fields: [{ name: 'x', dataType: 'FP32', shape: [4], offset: 0 }],
      },
      shards: [{ index: 0, firstRecord: 0, records: 10 }],
      ...overrides,
    },
  };
}

/** Creates a task with its storage Secret on the hub, as the operator does. */
export async function createTask(admin: ApiClient, task: InferenceTask): Promise<InferenceTask> {
  const created = await admin.create(inferenceTaskResource, task);
  const { name, namespace = '', uid = '' } = created.metadata;
  const owner = { apiVersion: task.apiVersion, kind: task.kind, name, uid };
  await admin.create(core.secrets, {
    metadata: { name: task.spec.storageSecretName, namespace, ownerReferences: [owner] },
    stringData: { [STORAGE_ACCESS_KEY]: '{"modelURL":"https://s3.example/model"}' },
  });
  return created;
}

/** Plays the agent of a task: writes the status of the copy. */
export async function putStatus(
  member: TestMember,
  name: string,
  status: NonNullable<InferenceTask['status']>,
): Promise<void> {
  const ref = { name, namespace: SYSTEM_NAMESPACE };
  await member.client.mergePatch(inferenceTaskResource, ref, { status }, { subresource: 'status' });
}
