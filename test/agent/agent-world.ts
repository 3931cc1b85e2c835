import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  type InferenceNode,
  type InferenceTask,
  type InferenceTaskSpec,
  type StorageAccess,
} from '@isochrone/api';
import { ApiClient, core, isConditionTrue } from '@isochrone/kube';
import { S3Client } from '@isochrone/operator/storage';
import {
  decodeBytesElements,
  encodeNpyRecordsHeader,
  layoutOf,
  parseNpyRecords,
  rowCount,
  stringLengthOf,
  textType,
  writeRecords,
  type Tensor,
} from '@isochrone/tensor';
import { parseReceipt, type SignedReceipt } from '@isochrone/verification';
import { eventually, withControlPlane, withObjectStore, type ObjectStore } from '@isochrone/test/harness';

const program = join(import.meta.dirname, 'program.ts');
const bucket = 'data';
export const NODE = 'node-1';

export interface Program {
  readonly child: ChildProcess;
  /** Where standard output and error go. */
  readonly log: string;
  kill9(): Promise<void>;
  /** SIGTERM. @returns the exit status */
  stop(): Promise<number | null>;
}

export interface AgentWorld {
  readonly client: ApiClient;
  readonly store: ObjectStore;
  readonly objects: S3Client;
  /** State of agent and sidecar. */
  readonly directory: string;
  startVerifier(): Promise<Program>;
  startAgent(options?: Record<string, unknown>): Promise<Program>;
  /** Renews the grant. */
  grant(seconds: number): Promise<void>;
  node(): Promise<InferenceNode>;
  readyNode(): Promise<InferenceNode>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  get(key: string): Promise<Uint8Array>;
  /** Uploads model and input and creates Secret and task. */
  createTask(task: TaskRequest): Promise<InferenceTask>;
  task(name: string): Promise<InferenceTask>;
  ended(name: string, timeout?: number): Promise<InferenceTask>;
}

export interface TaskRequest {
  readonly name: string;
  readonly model: Uint8Array;
  /** Absent: a ModelAdmission. */
  /** Named 'x', or by its key. */
  readonly input?: Tensor | Readonly<Record<string, Tensor>>;
  /** Records of each shard. Default: one shard. */
  readonly shards?: readonly number[];
  readonly spec?: Partial<InferenceTaskSpec>;
  readonly modelSpec?: Partial<InferenceTaskSpec['model']>;
  readonly access?: (access: StorageAccess) => StorageAccess;
}

/** One member cluster with its storage, for the tests of one file: `const world = await agentWorld();` at the top of the file. */
export async function agentWorld(): Promise<AgentWorld> {
  const plane = await withControlPlane({ name: 'member' });
  const store = await withObjectStore();
  const directory = await mkdtemp(join(tmpdir(), 'agent-'));
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  const objects = new S3Client(store);
  const programs: Program[] = [];
  after(async () => {
    await Promise.all(programs.map((running) => running.kill9()));
    await client.close();
    await rm(directory, { recursive: true, force: true });
  });
  await client.create(core.namespaces, { metadata: { name: SYSTEM_NAMESPACE } });
  // In path style the PUT of no key makes the bucket.
  await objects.put({ bucket, key: '' }, new Uint8Array());
  const verifierSocket = join(directory, 'verifier.sock');
  const start = (name: string, options: object): Program => {
    const running = startProgram(name, options, directory);
    programs.push(running);
    return running;
  };
  const node = (): Promise<InferenceNode> =>
    client.get(inferenceNodeResource, { namespace: SYSTEM_NAMESPACE, name: NODE });
  const task = (name: string): Promise<InferenceTask> =>
    client.get(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE, name });
  const put = (key: string, bytes: Uint8Array): Promise<void> =>
    objects.put({ bucket, key }, bytes).then(() => undefined);
  const world: AgentWorld = {
    client,
    store,
    objects,
    directory,
    node,
    task,
    put,
    get: async (key) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await objects.getStream({ bucket, key })) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    startVerifier: async () =>
      start('verifier', {
        stateDirectory: join(directory, 'verifier'),
        verifierSocket,
        openingRetentionHours: 1,
        maxRecordMebibytes: 64,
      }),
    startAgent: async (options = {}) =>
      start('agent', {
        kubeconfig: plane.adminKubeconfig,
        namespace: SYSTEM_NAMESPACE,
        nodeName: NODE,
        stateDirectory: join(directory, 'agent'),
        verifierSocket,
        askPricePerThousandReferenceSeconds: '0.18',
        cpuThreads: 1,
        deviceMemory: '1Gi',
        slots: 2,
        modelQuota: '1Gi',
        runtimeIdleSeconds: 60,
        ...options,
      }),
    grant: async (seconds) => {
      const renewTime = new Date().toISOString().replace('Z', '000Z');
      const spec = { holderIdentity: 'edge', leaseDurationSeconds: seconds, renewTime };
      await client.apply(
        core.leases,
        { metadata: { namespace: SYSTEM_NAMESPACE, name: names.grantLease }, spec },
        { force: true },
      );
    },
    readyNode: () =>
      eventually(
        async () => {
          const found = await node();
          return isConditionTrue(found.status?.conditions, 'Ready') && found;
        },
        { timeout: 30_000, describe: 'the node is ready' },
      ),
    createTask: async (request) => createTask(world, request),
    ended: (name, timeout = 30_000) =>
      eventually(
        async () => {
          const found = await task(name);
          return ['Succeeded', 'Failed'].includes(found.status?.phase ?? '') && found;
        },
        { timeout, describe: `task ${name} has ended` },
      ),
  };
  return world;
}

/** What a task reports, read. */
export function receiptOf(task: InferenceTask): SignedReceipt {
  return parseReceipt(JSON.parse(Buffer.from(task.status!.receipt!, 'base64').toString('utf8')));
}

export function publicKeyOf(node: InferenceNode): KeyObject {
  const x = Buffer.from(node.spec.publicKey, 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function startProgram(name: string, options: object, directory: string): Program {
  const log = join(directory, `${name}-${randomUUID()}.log`);
  const child = spawn(process.execPath, [program, name, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const file = createWriteStream(log);
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return exited;
  };
  return {
    child,
    log,
    kill9: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}

async function createTask(world: AgentWorld, request: TaskRequest): Promise<InferenceTask> {
  const { client, objects } = world;
  const { name, model, input } = request;
  const sha256 = createHash('sha256').update(model).digest('hex');
  await world.put(`models/${sha256}`, model);
  const expiresSeconds = 600;
  const access: StorageAccess = {
    modelURL: (await objects.presignGet({ bucket, key: `models/${sha256}` }, { expiresSeconds })).url,
    outputs: [],
    expirationTime: new Date(Date.now() + expiresSeconds * 1000).toISOString(),
  };
  const spec: InferenceTaskSpec = {
    type: 'ModelAdmission',
    workUID: randomUUID(),
    attempt: 1,
    nodeName: NODE,
    executionProvider: 'CPU',
    deviceUUID: (await world.node()).spec.inventory.devices[0]!.uuid,
    timeoutSeconds: 60,
    storageSecretName: name,
    model: {
      sha256,
      sizeBytes: model.byteLength,
      numericProfile: 'FP32Strict',
      maxBatchSize: 4,
      deviceMemory: '64Mi',
      ...request.modelSpec,
    },
    ...request.spec,
  };
  if (input !== undefined) {
    const npy = encodeInput(input);
    const header = parseNpyRecords(npy);
    await world.put(`${name}/input.npy`, npy);
    const { etag } = await objects.head({ bucket, key: `${name}/input.npy` });
    access.inputURL = (
      await objects.presignGet({ bucket, key: `${name}/input.npy` }, { expiresSeconds, ifMatch: etag })
    ).url;
    spec.type = 'Batch';
    spec.input = {
      etag,
      dataOffset: header.dataOffset,
      recordBytes: header.recordBytes,
      fields: header.fields.map((field) => ({ ...field, name: field.name || 'x', shape: [...field.shape] })),
    };
    let firstRecord = 0;
    spec.shards = (request.shards ?? [header.records]).map((records, index) => {
      const shard = { index, firstRecord, records };
      firstRecord += records;
      return shard;
    });
    for (const { index } of spec.shards) {
      const { url, headers } = await objects.presignPut({ bucket, key: outputKey(name, index) }, { expiresSeconds });
      access.outputs.push({ shardIndex: index, url, headers: { ...headers } });
    }
  }
  const namespace = SYSTEM_NAMESPACE;
  const text = JSON.stringify(request.access?.(access) ?? access);
  await client.create(core.secrets, { metadata: { namespace, name }, stringData: { [STORAGE_ACCESS_KEY]: text } });
  return client.create(inferenceTaskResource, {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: { namespace, name },
    spec,
  });
}

/** One tensor as an array, several as the fields of a structured one. */
function encodeInput(input: Tensor | Readonly<Record<string, Tensor>>): Uint8Array {
  const tensors = isTensor(input) ? { '': input } : input;
  const layout = layoutOf(
    Object.entries(tensors).map(([name, tensor]) => ({
      name,
      dataType: tensor.dtype,
      shape: tensor.shape.slice(1),
      ...(tensor.dtype === 'BYTES' ? { stringType: textType(stringLengthOf(decodeBytesElements(tensor))) } : {}),
    })),
  );
  const values = Object.values(tensors);
  return Buffer.concat([encodeNpyRecordsHeader(layout, rowCount(values[0]!)), writeRecords(layout, values)]);
}

function isTensor(input: Tensor | Readonly<Record<string, Tensor>>): input is Tensor {
  return 'dtype' in input;
}

export function outputKey(name: string, shard: number): string {
  return `${name}/attempts/${String(shard).padStart(6, '0')}.npy`;
}
