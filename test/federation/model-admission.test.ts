import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  edgeNamespace,
  inferenceModelResource,
  inferenceTaskResource,
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
  type InferenceModel,
  type InferenceTask,
  type StorageAccess,
} from '@isochrone/api';
import { core, findCondition, isConditionTrue } from '@isochrone/kube';
import { S3Client } from '@isochrone/operator/storage';
import { eventually, withObjectStore } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { createProvider, playAgent, putStatus, withMember } from './member.ts';

const store = await withObjectStore();
const federation = await withFederation();
const { admin } = federation;
await federation.startOperator();
await createProvider(admin, 'alpha');
// The hub itself, as in the demo: copies of tasks lie beside nothing that may be taken for a task of the hub.
const trusted = await withMember(federation, 'hub', { class: 'Trusted', isHub: true });
await trusted.startEdge();

const bytes = Buffer.from('an ONNX file');
const sha256 = createHash('sha256').update(bytes).digest('hex');
const storage = new S3Client({ ...store });
await storage.put({ bucket: 'models', key: '' }, new Uint8Array());
await storage.put({ bucket: 'models', key: 'model.onnx' }, bytes);

function model(name: string, key = 'model.onnx'): InferenceModel {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceModel',
    metadata: { name },
    spec: {
      versions: [
        {
          version: '1',
          uri: `s3://models/${key}`,
          credentialsSecretRef: { name: 'models-s3' },
          sha256,
          numericProfile: 'FP32Strict',
          deviceMemory: '1Gi',
          maxBatchSize: 8,
        },
      ],
    },
  };
}

async function admitted(name: string, reason: string) {
  return eventually(
    async () => {
      const found = await admin.get(inferenceModelResource, { name });
      const [version] = found.status?.versions ?? [];
      const condition = findCondition(version?.conditions, 'Admitted');
      assert.equal(condition?.reason, reason, condition?.message);
      return { found, version: version!, condition: condition };
    },
    { describe: `model ${name} is ${reason}` },
  );
}

async function taskOf(name: string): Promise<InferenceTask> {
  return eventually(async () => {
    const { items } = await trusted.client.list(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE });
    const { items: hubTasks } = await admin.list(inferenceTaskResource, { namespace: edgeNamespace('hub') });
    const hubTask = hubTasks.find(({ metadata }) => metadata.annotations?.['isochrone.dev/model'] === name);
    return items.find(({ metadata }) => metadata.name === hubTask?.metadata.name);
  });
}

const tensors = {
  inputs: [{ name: 'x', dataType: 'FP32', shape: [-1, 4] }],
  outputs: [{ name: 'y', dataType: 'FP32', shape: [-1, 2] }],
};

test('without a trusted node the model waits and says so', async () => {
  await admin.create(inferenceModelResource, model('good'));
  const { condition } = await admitted('good', 'NoTrustedNode');
  assert.match(condition.message, /EdgeCluster of class Trusted/);
});

test('without the Secret the model says which', async () => {
  await playAgent(trusted, 'node-1');
  const { condition } = await admitted('good', 'ModelUnavailable');
  assert.match(condition.message, /Secret isochrone-system\/models-s3 does not exist/);
});

test('a trusted node admits the model, and its task goes', async () => {
  const { accessKeyId, secretAccessKey, endpoint, region } = store;
  await admin.create(core.secrets, {
    metadata: { name: 'models-s3', namespace: SYSTEM_NAMESPACE },
    stringData: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
    },
  });
  await admin.create(inferenceModelResource, model('fresh'));
  const task = await taskOf('fresh');
  assert.equal(task.spec.type, 'ModelAdmission');
  assert.equal(task.spec.model.sizeBytes, bytes.length);
  const ref = { namespace: SYSTEM_NAMESPACE, name: task.spec.storageSecretName };
  const secret = await trusted.client.get(core.secrets, ref);
  const text = Buffer.from(secret.data?.[STORAGE_ACCESS_KEY] ?? '', 'base64').toString('utf8');
  const access = JSON.parse(text) as StorageAccess;
  assert.deepEqual(Buffer.from(await (await fetch(access.modelURL)).arrayBuffer()), bytes);

  await putStatus(trusted, task.metadata.name, {
    phase: 'Succeeded',
    attempt: task.spec.attempt,
    model: { ...tensors, nanosecondsPerRecord: 1234 },
  });
  const { version } = await admitted('fresh', 'Admitted');
  assert.equal(version.sha256, sha256);
  assert.equal(version.sizeBytes, bytes.length);
  assert.deepEqual(version.inputs, tensors.inputs);
  assert.equal(version.proposedReferenceNanosecondsPerRecord, 1234);
  const approved = findCondition(version.conditions, 'Approved');
  assert.equal(approved?.reason, 'ReferenceCostMissing');
  assert.match(approved?.message ?? '', /1234/);
  await eventually(async () => {
    const { items } = await admin.list(inferenceTaskResource);
    return items.every(({ metadata }) => metadata.name !== task.metadata.name);
  });
});

test('the administrator approves', async () => {
  const { versions } = model('fresh').spec;
  const approved = [{ ...versions[0]!, referenceNanosecondsPerRecord: 1234 }];
  await admin.mergePatch(inferenceModelResource, { name: 'fresh' }, { spec: { versions: approved } });
  await eventually(async () => {
    const found = await admin.get(inferenceModelResource, { name: 'fresh' });
    return isConditionTrue(found.status?.versions?.[0]?.conditions, 'Approved');
  });
});

test('an object that is missing is ModelUnavailable', async () => {
  await admin.create(inferenceModelResource, model('missing', 'no-such.onnx'));
  const { condition } = await admitted('missing', 'ModelUnavailable');
  assert.match(condition.message, /no-such\.onnx/);
});

test('a model that cannot be loaded is ModelInvalid, for good', async () => {
  await admin.create(inferenceModelResource, model('broken'));
  const task = await taskOf('broken');
  const failure = { class: 'Model', reason: 'ModelInvalid', message: 'no graph' } as const;
  await putStatus(trusted, task.metadata.name, { phase: 'Failed', attempt: task.spec.attempt, failure });
  const { condition } = await admitted('broken', 'ModelInvalid');
  assert.match(condition.message, /no graph/);
  await eventually(async () => {
    const { items } = await admin.list(inferenceTaskResource);
    return (
      items.length === 0 || items.every(({ metadata }) => metadata.annotations?.['isochrone.dev/model'] !== 'broken')
    );
  });
  await admitted('broken', 'ModelInvalid');
});
