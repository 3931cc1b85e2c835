import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { findCondition } from '@isochrone/kube';
import { createTensor, encodeNpy } from '@isochrone/tensor';
import { storageSecret } from '@isochrone/tools/local';
import { encodeOnnxModel } from '@isochrone/node-agent/testing';
import { mixedModel, normalisingModel } from '@isochrone/node-agent/testing/models';
import { eventually } from '../harness/index.ts';
import { member } from '../harness/members.ts';
import { assertPaidOnce } from '../harness/settled.ts';
import { BUCKET, NAMESPACE, withFederation, type JobOptions, type ModelFile } from '../harness/test-federation.ts';
import { inputNpy, linearModel } from './models.ts';

const RECORDS = 32;
const world = await withFederation({ members: [member('hub', '0.30'), member('alpha', '0.20')] });
const npy = (dtype: 'FP32' | 'INT64', shape: readonly number[], bytes: number): Uint8Array =>
  encodeNpy(createTensor(dtype, shape, new Uint8Array(bytes)));
const whole = inputNpy(RECORDS);
await world.put('input.npy', whole);
await world.put('truncated.npy', whole.subarray(0, whole.byteLength - 100));
await world.put('narrow.npy', npy('FP32', [4, 15], 4 * 15 * 4));
await world.put('integers.npy', npy('INT64', [4, 16], 4 * 16 * 8));
await world.put('empty.npy', npy('FP32', [0, 16], 0));
await world.put('text.npy', Buffer.from('not an array'));
const linear = linearModel();
await world.createModel('linear', linear);
await world.createModel('mixed', digested(mixedModel()));

describe('a model that cannot be admitted says why in its condition', () => {
  const stateful = encodeOnnxModel({
    inputs: [
      { name: 'x', dataType: 'FP32', shape: ['n', 4] },
      { name: 'state', dataType: 'FP32', shape: [2, 4] },
    ],
    outputs: [{ name: 'y', dataType: 'FP32', shape: ['n', 4] }],
    operators: [{ type: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
  const cases: readonly { name: string; file: ModelFile; reason: string; cause: RegExp; remedy: RegExp }[] = [
    {
      name: 'other-bytes',
      file: { bytes: linear.bytes, sha256: 'ab'.repeat(32) },
      reason: 'DigestMismatch',
      cause: new RegExp(linear.sha256),
      remedy: /upload the right ones, or add a version with their digest/,
    },
    {
      name: 'corrupt',
      file: digested(linear.bytes.subarray(0, linear.bytes.byteLength / 2)),
      reason: 'ModelInvalid',
      cause: /onnxruntime cannot load it/,
      remedy: /add a version with another file/,
    },
    {
      name: 'stateful',
      file: digested(stateful),
      reason: 'UnsupportedTensor',
      cause: /"state" has a first axis of size 2/,
      remedy: /add a version whose tensors are numbers, booleans or strings/,
    },
    {
      name: 'mixing',
      file: digested(normalisingModel(['n', 4])),
      reason: 'OutputDependsOnBatch',
      cause: /other records of its batch/,
      remedy: /add a version with maxBatchSize: 1/,
    },
  ];
  for (const { name, file, reason, cause, remedy } of cases) {
    test(`${name}: ${reason}, and a job on it waits with the same cause`, { timeout: 60_000 }, async () => {
      await world.createModel(name, file);
      const refused = await eventually(
        async () => {
          const { status } = await world.model(name);
          const condition = findCondition(status?.versions?.[0]?.conditions, 'Admitted');
          return condition?.status === 'False' && condition.reason === reason && condition;
        },
        { timeout: 45_000, describe: `model ${name} is refused with ${reason}` },
      );
      assert.match(refused.message, cause);
      assert.match(refused.message, remedy);
      await world.createJob(`on-${name}`, { modelRef: { name } });
      const waiting = await refusedJob(`on-${name}`, 'Admitted', 'ModelNotAdmitted');
      assert.match(waiting, new RegExp(`${name}.*${reason}`));
    });
  }
});

describe('a job that cannot run says why in its conditions', () => {
  interface Case {
    readonly name: string;
    readonly spec: JobOptions;
    readonly condition: 'Admitted' | 'Placed';
    readonly reason: string;
    /** Each must be in the message: the value at fault, and what to do. */
    readonly says: readonly RegExp[];
  }
  const input = (key: string): JobOptions => ({ input: { uri: `s3://${BUCKET}/${key}` } });
  const cases: readonly Case[] = [
    {
      name: 'unknown-model',
      spec: { modelRef: { name: 'no-such-model' } },
      condition: 'Admitted',
      reason: 'ModelNotFound',
      says: [/no-such-model/, /create it/],
    },
    {
      name: 'unknown-version',
      spec: { modelRef: { version: '2' } },
      condition: 'Admitted',
      reason: 'ModelVersionNotFound',
      says: [/version 2/, /it has 1/],
    },
    {
      name: 'input-missing',
      spec: input('nowhere.npy'),
      condition: 'Admitted',
      reason: 'InputNotFound',
      says: [/nowhere\.npy/, /upload it/],
    },
    {
      name: 'input-truncated',
      spec: input('truncated.npy'),
      condition: 'Admitted',
      reason: 'InputInvalid',
      says: [/truncated\.npy/, /32 records/, /write it again/],
    },
    {
      name: 'input-no-array',
      spec: input('text.npy'),
      condition: 'Admitted',
      reason: 'InputInvalid',
      says: [/text\.npy/, /no \.npy file/],
    },
    {
      name: 'input-shape',
      spec: input('narrow.npy'),
      condition: 'Admitted',
      reason: 'InputShapeMismatch',
      says: [/narrow\.npy/, /\[15\]/, /takes \[16\]/, /reshape it/],
    },
    {
      name: 'input-type',
      spec: input('integers.npy'),
      condition: 'Admitted',
      reason: 'InputTypeMismatch',
      says: [/integers\.npy/, /INT64/, /takes FP32/, /convert it/],
    },
    {
      name: 'input-tensors',
      spec: { ...input('input.npy'), modelRef: { name: 'mixed' } },
      condition: 'Admitted',
      reason: 'InputTensorsMismatch',
      says: [/input\.npy is one array/, /3 inputs \(text, mask, values\)/, /structured array/],
    },
    {
      name: 'input-empty',
      spec: input('empty.npy'),
      condition: 'Admitted',
      reason: 'InputEmpty',
      says: [/empty\.npy/, /no records/, /write an array/],
    },
    {
      name: 'output-nowhere',
      spec: { output: { uri: 's3://no-such-bucket/out/' } },
      condition: 'Admitted',
      reason: 'OutputNotWritable',
      says: [/no-such-bucket/, /create the bucket/],
    },
    {
      name: 'input-file',
      spec: { input: { uri: 'file:///data/input.npy' } },
      condition: 'Admitted',
      reason: 'FileNotShared',
      says: [/file:\/\/\/data\/input\.npy/, /s3:\/\//],
    },
    {
      name: 'hardware-impossible',
      spec: { hardware: { deviceMemory: '900Ti' } },
      condition: 'Placed',
      reason: 'NoNodeFits',
      says: [/HardwareFit|DeviceCapacity/, /deviceMemory/],
    },
    {
      name: 'hardware-cuda',
      spec: { hardware: { executionProviders: ['CUDA'], minCUDAComputeCapability: '9.0' } },
      condition: 'Placed',
      reason: 'NoNodeFits',
      says: [/HardwareFit/, /spec\.hardware/],
    },
    {
      name: 'countries-exclude-all',
      spec: { placement: { allowedCountries: ['NZ'] } },
      condition: 'Placed',
      reason: 'NoNodeFits',
      says: [/AllowedCountries/, /allowedCountries/],
    },
    {
      name: 'price-cap',
      spec: { budget: { total: '1.00', maxPricePerThousandReferenceSeconds: '0.01' } },
      condition: 'Placed',
      reason: 'NoNodeFits',
      says: [/PriceCap/, /maxPricePerThousandReferenceSeconds/],
    },
  ];
  for (const { name, spec, condition, reason, says } of cases) {
    test(`${name}: ${condition}=False, ${reason}`, { timeout: 60_000 }, async () => {
      const { metadata } = await world.createJob(name, spec);
      const message = await refusedJob(name, condition, reason);
      for (const text of says) assert.match(message, text);
      assert.deepEqual(await world.ledger.attempts(metadata.uid!), [], 'it costs nothing');
    });
  }
});

describe('what the user mends goes on by itself', () => {
  test('an empty account, then a deposit', { timeout: 90_000 }, async () => {
    await world.createJob('poor');
    const message = await refusedJob('poor', 'Placed', 'InsufficientFunds');
    assert.match(message, new RegExp(NAMESPACE));
    assert.match(message, /deposit/);
    await world.deposit('1.00');
    await assertPaidOnce(world, await world.completed('poor'));
  });

  test('a missing Secret, then the Secret', { timeout: 90_000 }, async () => {
    await world.createJob('secretless', { input: { credentialsSecretRef: { name: 'mine' } } });
    const message = await refusedJob('secretless', 'Admitted', 'SecretNotFound');
    assert.match(message, /work\/mine/);
    assert.match(message, /create it with AWS_ACCESS_KEY_ID/);
    await apply(storageSecret(world.federation.objects, { namespace: NAMESPACE, name: 'mine' }));
    await assertPaidOnce(world, await world.completed('secretless'));
  });

  test('a Secret without its keys, then with them', { timeout: 90_000 }, async () => {
    const name = 'half';
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: NAMESPACE, name },
      stringData: { user: 'x' },
    });
    await world.createJob('half-secret', { output: { credentialsSecretRef: { name } } });
    assert.match(await refusedJob('half-secret', 'Admitted', 'SecretInvalid'), /work\/half.*AWS_ACCESS_KEY_ID/s);
    await apply(storageSecret(world.federation.objects, { namespace: NAMESPACE, name }));
    await assertPaidOnce(world, await world.completed('half-secret'));
  });

  test('an unknown model, then the model', { timeout: 90_000 }, async () => {
    await world.createJob('early', { modelRef: { name: 'later' } });
    await refusedJob('early', 'Admitted', 'ModelNotFound');
    await world.createModel('later', linearModel());
    await assertPaidOnce(world, await world.completed('early'));
  });

  test('a result in the way, then none', { timeout: 90_000 }, async () => {
    await world.put('taken/manifest.json', Buffer.from('{}'));
    await world.createJob('taken');
    assert.match(await refusedJob('taken', 'Admitted', 'OutputExists'), /taken\/manifest\.json.*delete it/);
    await world.objects.delete({ bucket: BUCKET, key: 'taken/manifest.json' });
    await assertPaidOnce(world, await world.completed('taken'));
  });
});

describe('a model that fails on the records of a job', () => {
  test('ends the job when its shard has failed too often, and nothing is paid', { timeout: 120_000 }, async () => {
    // Records of four pass and are measured; those of the job, sixteen, become four rows each.
    const narrow = encodeOnnxModel({
      inputs: [{ name: 'x', dataType: 'FP32', shape: ['n', 'w'] }],
      outputs: [{ name: 'y', dataType: 'FP32', shape: ['m', 4] }],
      operators: [{ type: 'Reshape', inputs: ['x', 'to'], outputs: ['y'] }],
      constants: [
        { name: 'to', dataType: 'INT64', shape: [2], data: new Uint8Array(new BigInt64Array([-1n, 4n]).buffer) },
      ],
    });
    await world.deposit('1.00');
    await world.createModel('narrow', digested(narrow), { recordShape: [4] });
    const { metadata } = await world.createJob('misshapen', { modelRef: { name: 'narrow' }, backoffLimitPerShard: 1 });
    const { status } = await world.eventuallyJob(
      'misshapen',
      (job) => findCondition(job.status?.conditions, 'Failed')?.status === 'True',
      { timeout: 100_000 },
    );
    const failed = findCondition(status?.conditions, 'Failed');
    assert.equal(failed?.reason, 'BackoffLimitExceeded', failed?.message);
    assert.match(failed.message, /shard \d+ .*OutputNotPerRecord/);
    assert.deepEqual(status?.failedShards?.[0]?.reason, 'BackoffLimitExceeded');
    const attempts = await world.ledger.attempts(metadata.uid!);
    assert.ok(attempts.every(({ state }) => state === 'Refunded'));
    const ofOneShard = attempts.filter(({ shardIndex }) => shardIndex === status.failedShards![0]!.index);
    assert.equal(ofOneShard.filter(({ charged }) => charged).length, 2, 'once, and one retry');
  });
});

describe('what no schema may let in is refused by the API server, with the field', () => {
  const cases: readonly { name: string; spec: JobOptions; says: RegExp }[] = [
    { name: 'no-slash', spec: { output: { uri: 's3://data/out' } }, says: /spec\.output\.uri/ },
    { name: 'negative', spec: { recordsPerShard: 0 }, says: /spec\.recordsPerShard/ },
    { name: 'money', spec: { budget: { total: 'much' } }, says: /spec\.budget\.total/ },
    {
      name: 'country',
      spec: { placement: { allowedCountries: ['Germany'] } },
      says: /spec\.placement\.allowedCountries/,
    },
  ];
  for (const { name, spec, says } of cases) {
    test(name, async () => {
      await assert.rejects(world.createJob(name, spec), says);
    });
  }
});

async function refusedJob(name: string, type: string, reason: string): Promise<string> {
  const describe = `job ${name} has ${type}=False, ${reason}`;
  const job = await world.eventuallyJob(
    name,
    ({ status }) => {
      const condition = findCondition(status?.conditions, type);
      return condition?.status === 'False' && condition.reason === reason;
    },
    { timeout: 45_000, describe },
  );
  return findCondition(job.status?.conditions, type)!.message;
}

async function apply(object: object): Promise<void> {
  await world.federation.kubectl(['apply', '-f', '-'], JSON.stringify(object));
}

function digested(bytes: Uint8Array): ModelFile {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
