import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  edgeNamespace,
  inferenceTaskResource,
  labels,
  names,
  SYSTEM_NAMESPACE,
  type InferenceJob,
} from '@isochrone/api';
import { core } from '@isochrone/kube';
import { decodeNpy } from '@isochrone/tensor';
import { eventually } from '@isochrone/tools/local';
import { providerOf } from './members.ts';
import { NAMESPACE, type TestFederation } from './test-federation.ts';

/** Of manifest.json: what a reader needs. */
interface ManifestShard {
  readonly index: number;
  readonly firstRecord: number;
  /** Under the output prefix. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly records: number;
}

/** Reads all that the manifest names, and checks each object against it. @returns the rows of the whole result, in order */
export async function resultOf(world: TestFederation, job: InferenceJob): Promise<Uint8Array> {
  const { uri, sha256 } = job.status?.manifest ?? {};
  assert.ok(uri !== undefined && sha256 !== undefined, 'status.manifest names the manifest');
  const document = await world.get(uri);
  assert.equal(digest(document), sha256, 'status.manifest.sha256');
  const { shards } = JSON.parse(Buffer.from(document).toString('utf8')) as { shards: ManifestShard[] };
  const { records = 0 } = job.status?.input ?? {};
  const { recordsPerShard } = job.spec;
  assert.deepEqual(
    shards.map((shard) => [shard.index, shard.firstRecord, shard.records]),
    Array.from({ length: Math.ceil(records / recordsPerShard) }, (_, index) => [
      index,
      index * recordsPerShard,
      Math.min(recordsPerShard, records - index * recordsPerShard),
    ]),
    'the manifest names each record once',
  );
  const parts: Uint8Array[] = [];
  for (const shard of shards) {
    const object = await world.get(`${job.spec.output.uri}${shard.path}`);
    assert.equal(object.byteLength, shard.sizeBytes, shard.path);
    assert.equal(digest(object), shard.sha256, shard.path);
    const { shape, data } = decodeNpy(object);
    assert.equal(shape[0], shard.records, shard.path);
    parts.push(data);
  }
  return Buffer.concat(parts);
}

/** Each shard was paid once, the books add up, and nothing is on hold for the job. */
export async function assertPaidOnce(world: TestFederation, job: InferenceJob): Promise<void> {
  const { ledger } = world;
  await ledger.check();
  const uid = job.status?.uid ?? job.metadata.uid!;
  const attempts = await ledger.attempts(uid);
  const paid = attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');
  const total = Math.ceil((job.status?.input?.records ?? 0) / job.spec.recordsPerShard);
  assert.deepEqual(
    paid.map(({ shardIndex }) => shardIndex).sort((a, b) => a - b),
    Array.from({ length: total }, (_, index) => index),
    'each shard is paid once',
  );
  assert.deepEqual(
    attempts.filter(({ state }) => state === 'Held'),
    [],
    'nothing is on hold',
  );
}

/** No money came from nowhere or went nowhere: what was deposited is in the account, on hold, or with providers. */
export async function assertBooksBalance(world: TestFederation): Promise<void> {
  const { ledger } = world;
  const { balance, held, spent } = await ledger.namespaceAccount(NAMESPACE);
  const providers = await Promise.all(
    [...world.members.keys()].map((name) => ledger.balance(`provider/${providerOf(name)}`)),
  );
  const earned = providers.reduce((sum, one) => sum + one, 0n);
  const accounts = [await ledger.balance('external'), await ledger.balance('hold'), balance, ...providers];
  assert.equal(
    accounts.reduce((sum, one) => sum + one, 0n),
    0n,
    'the ledger sums to zero',
  );
  assert.equal(earned, spent, 'providers have what the namespace spent');
  assert.equal(await ledger.balance('hold'), held);
}

/** Waits until neither the hub nor a member holds a task or a Secret of one. */
export async function eventuallyNothingLeft(world: TestFederation): Promise<void> {
  await eventually(
    async () => isDeepStrictEqual(await leftovers(world), []) || assert.deepEqual(await leftovers(world), []),
    {
      timeout: 30_000,
      interval: 200,
      describe: 'no task or Secret of one is left',
    },
  );
}

/** Tasks and Secrets of tasks that the hub or a member holds, for people. */
export async function leftovers({ hub, members }: TestFederation): Promise<string[]> {
  const found: string[] = [];
  for (const [name, client] of members) {
    const namespace = edgeNamespace(name);
    const tasks = await hub.list(inferenceTaskResource, { namespace });
    found.push(...tasks.items.map(({ metadata }) => `hub: InferenceTask ${namespace}/${metadata.name}`));
    const secrets = await hub.list(core.secrets, { namespace });
    found.push(
      ...secrets.items
        .filter(({ metadata }) => metadata.name !== names.edgeCredential)
        .map(({ metadata }) => `hub: Secret ${namespace}/${metadata.name ?? ''}`),
    );
    const inSystem = { namespace: SYSTEM_NAMESPACE };
    const copies = await client.list(inferenceTaskResource, inSystem);
    found.push(...copies.items.map(({ metadata }) => `${name}: InferenceTask ${metadata.name}`));
    const copied = await client.list(core.secrets, { ...inSystem, labelSelector: labels.origin });
    found.push(...copied.items.map(({ metadata }) => `${name}: Secret ${metadata.name ?? ''}`));
  }
  return found;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
