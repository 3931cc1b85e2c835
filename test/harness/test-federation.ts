import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import {
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
  edgeNamespace,
  SYSTEM_NAMESPACE,
  type InferenceJob,
  type InferenceJobSpec,
  type InferenceModel,
  type InferenceNode,
} from '@isochrone/api';
import { createBucket, startFederation, storageClient } from '@isochrone/cli/demo';
import type { Federation, FederationOptions, MemberSpecification } from '@isochrone/cli/demo';
import { ApiClient, core, findCondition, isConditionTrue } from '@isochrone/kube';
import { openLedger, parseMoney, type Ledger } from '@isochrone/ledger';
import { parseS3URI, type S3Client } from '@isochrone/operator/storage';
import { eventually, storageSecret, type EventuallyOptions } from '@isochrone/tools/local';
import { withManifests } from './members.ts';

/** Where the jobs of the tests are, and their bucket. */
export const NAMESPACE = 'work';
export const BUCKET = 'data';
/** Secret with the storage credentials, in the namespace of the jobs and in that of the operator. */
export const STORAGE_SECRET = 'storage';

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Hexadecimal. */
  readonly sha256: string;
}

type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T;

type Version = InferenceModel['spec']['versions'][number];
/** `undefined` leaves a field out. */
export type VersionOptions = { readonly [K in keyof Version]?: Version[K] | undefined };
export type JobOptions = DeepPartial<InferenceJobSpec>;

/** A federation of real processes, with a look at everything that is in it. */
export interface TestFederation {
  readonly federation: Federation;
  /** The hub, as its administrator. */
  readonly hub: ApiClient;
  /** The members by name, each as its administrator. */
  readonly members: ReadonlyMap<string, ApiClient>;
  readonly objects: S3Client;
  /** The operator's books, on a connection of our own. */
  readonly ledger: Ledger;
  /** @param amount decimal */
  deposit(amount: string, namespace?: string): Promise<void>;
  /** Uploads the file and creates an InferenceModel whose one version is `1`. */
  createModel(name: string, file: ModelFile, version?: VersionOptions): Promise<InferenceModel>;
  model(name: string): Promise<InferenceModel>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  get(uri: string): Promise<Uint8Array>;
  /** Whether the object exists. */
  has(uri: string): Promise<boolean>;
  /** Creates an InferenceJob that reads `input.npy` and writes under `<name>/`, where `spec` says nothing else. */
  createJob(name: string, spec?: JobOptions): Promise<InferenceJob>;
  job(name: string): Promise<InferenceJob>;
  /** The job once `holds` is truthy of it. */
  eventuallyJob(
    name: string,
    holds: (job: InferenceJob) => unknown,
    options?: EventuallyOptions,
  ): Promise<InferenceJob>;
  /** The job once it is complete; at once an error when it failed. */
  completed(name: string, options?: EventuallyOptions): Promise<InferenceJob>;
  nodes(): Promise<InferenceNode[]>;
}

export interface TestFederationOptions extends Omit<FederationOptions, 'manifests' | 'members'> {
  readonly members: readonly MemberSpecification[];
}

/** A federation for the tests of one file, stopped after them: `const world = await withFederation({...});` at the top of the file. */
export async function withFederation(options: TestFederationOptions): Promise<TestFederation> {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  return startTestFederation(options, stack);
}

/** @param stack ends the federation, and what is connected to it before */
export async function startTestFederation(
  options: TestFederationOptions,
  stack: AsyncDisposableStack,
): Promise<TestFederation> {
  const federation = await withManifests(options.members, (manifests) => startFederation({ ...options, manifests }));
  stack.use(federation);
  const connect = async (name: string, path: string): Promise<ApiClient> => {
    const client = await ApiClient.fromKubeconfig({ name, path });
    stack.defer(() => client.close());
    return client;
  };
  const hub = await connect('hub', federation.hub.adminKubeconfig);
  const members = new Map<string, ApiClient>();
  for (const [name, plane] of federation.members) members.set(name, await connect(name, plane.adminKubeconfig));
  const ledger = openLedger(federation.ledger, { now: Date.now });
  stack.defer(() => ledger.close());
  const objects = storageClient(federation.objects);
  await createBucket(objects, BUCKET);
  await hub.create(core.namespaces, { metadata: { name: NAMESPACE } });
  for (const namespace of [NAMESPACE, SYSTEM_NAMESPACE]) {
    await federation.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify(storageSecret(federation.objects, { namespace, name: STORAGE_SECRET })),
    );
  }
  return new World(federation, hub, members, objects, ledger);
}

class World implements TestFederation {
  readonly federation: Federation;
  readonly hub: ApiClient;
  readonly members: ReadonlyMap<string, ApiClient>;
  readonly objects: S3Client;
  readonly ledger: Ledger;
  #deposits = 0;

  constructor(
    federation: Federation,
    hub: ApiClient,
    members: ReadonlyMap<string, ApiClient>,
    objects: S3Client,
    ledger: Ledger,
  ) {
    this.federation = federation;
    this.hub = hub;
    this.members = members;
    this.objects = objects;
    this.ledger = ledger;
  }

  async deposit(amount: string, namespace = NAMESPACE): Promise<void> {
    this.#deposits += 1;
    const idempotencyKey = `test-${this.#deposits}`;
    await this.ledger.deposit({ namespace, amount: parseMoney(amount), idempotencyKey });
  }

  async createModel(name: string, file: ModelFile, version: VersionOptions = {}): Promise<InferenceModel> {
    await this.put(`models/${name}.onnx`, file.bytes);
    return this.hub.create(inferenceModelResource, {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'InferenceModel',
      metadata: { name },
      spec: {
        versions: [
          {
            version: '1',
            uri: `s3://${BUCKET}/models/${name}.onnx`,
            credentialsSecretRef: { name: STORAGE_SECRET },
            sha256: file.sha256,
            numericProfile: 'FP32Strict',
            deviceMemory: '64Mi',
            maxBatchSize: 8,
            referenceNanosecondsPerRecord: 100_000_000,
            ...version,
          } as Version,
        ],
      },
    });
  }

  async model(name: string): Promise<InferenceModel> {
    return this.hub.get(inferenceModelResource, { name });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.objects.put({ bucket: BUCKET, key }, bytes);
  }

  async get(uri: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of await this.objects.getStream(parseS3URI(uri))) parts.push(part);
    return Buffer.concat(parts);
  }

  async has(uri: string): Promise<boolean> {
    for await (const object of this.objects.list(parseS3URI(uri))) if (object.key === parseS3URI(uri).key) return true;
    return false;
  }

  async createJob(name: string, spec: JobOptions = {}): Promise<InferenceJob> {
    const credentialsSecretRef = { name: STORAGE_SECRET };
    const { input, output, modelRef, ...rest } = spec;
    return this.hub.create(inferenceJobResource, {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'InferenceJob',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        modelRef: { name: 'linear', version: '1', ...modelRef },
        input: {
          uri: `s3://${BUCKET}/input.npy`,
          ...(input?.uri?.startsWith('http') === true ? {} : { credentialsSecretRef }),
          ...input,
        },
        output: { uri: `s3://${BUCKET}/${name}/`, credentialsSecretRef, ...output },
        recordsPerShard: 16,
        parallelism: 4,
        budget: { total: '1.00' },
        ...rest,
      } as InferenceJobSpec,
    });
  }

  async job(name: string): Promise<InferenceJob> {
    return this.hub.get(inferenceJobResource, { name, namespace: NAMESPACE });
  }

  async eventuallyJob(
    name: string,
    holds: (job: InferenceJob) => unknown,
    options: EventuallyOptions = {},
  ): Promise<InferenceJob> {
    let last: InferenceJob | undefined;
    const probe = async (): Promise<InferenceJob | undefined> => {
      last = await this.job(name);
      return holds(last) ? last : undefined;
    };
    const { describe = `job ${name}: ${holds.toString()}` } = options;
    try {
      return await eventually(probe, { timeout: 60_000, interval: 100, ...options, describe });
    } catch (cause) {
      const status = JSON.stringify(last?.status, undefined, 1);
      throw new Error(`${describe}; it stands at ${status}; the operator complained: ${await this.#complaints()}`, {
        cause,
      });
    }
  }

  /** The last warnings and errors of the operator, which nobody can read once the federation is gone. */
  async #complaints(): Promise<string> {
    const lines = (await readFile(this.federation.programs.logOf('operator'), 'utf8')).split('\n');
    return (
      lines
        .filter((line) => /"level":"(warn|error)"/.test(line))
        .slice(-8)
        .join('\n') || 'nothing'
    );
  }

  async completed(name: string, options: EventuallyOptions = {}): Promise<InferenceJob> {
    const describe = `job ${name} is Complete`;
    const ended = ({ status }: InferenceJob): boolean =>
      isConditionTrue(status?.conditions, 'Complete') || isConditionTrue(status?.conditions, 'Failed');
    const job = await this.eventuallyJob(name, ended, { timeout: 90_000, describe, ...options });
    const failed = findCondition(job.status?.conditions, 'Failed');
    if (failed?.status === 'True') throw new Error(`job ${name} failed: ${failed.reason}: ${failed.message}`);
    return job;
  }

  async nodes(): Promise<InferenceNode[]> {
    const found: InferenceNode[] = [];
    for (const cluster of this.members.keys()) {
      found.push(...(await this.hub.list(inferenceNodeResource, { namespace: edgeNamespace(cluster) })).items);
    }
    return found;
  }
}
