import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
} from '@isochrone/api';
import { core, findCondition, isConditionTrue } from '@isochrone/kube';
import { eventually } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { batchTask, createProvider, createTask, playAgent, putStatus, withMember } from './member.ts';

const federation = await withFederation();
const { admin } = federation;
const operator = await federation.startOperator();
await createProvider(admin, 'alpha');
const member = await withMember(federation, 'frankfurt');
const edge = await member.startEdge();
const namespace = edgeNamespace('frankfurt');

test('a member becomes Ready when its edge operator renews the Lease', async () => {
  const cluster = await eventually(async () => {
    const found = await admin.get(edgeClusterResource, { name: 'frankfurt' });
    return isConditionTrue(found.status?.conditions, 'Ready') && found;
  });
  assert.equal(cluster.status?.namespace, namespace);
  assert.ok(isConditionTrue(cluster.status?.conditions, 'Registered'));
  assert.ok(isConditionTrue(cluster.status?.conditions, 'CredentialValid'));
  assert.ok(cluster.status?.lastContactTime);
  assert.ok(Date.parse(cluster.status?.credential?.expirationTime ?? '') > Date.now());
});

test('the agents are granted at most the term', async () => {
  const grant = await eventually(() =>
    member.client.find(core.leases, { name: names.grantLease, namespace: SYSTEM_NAMESPACE }),
  );
  const { leaseDurationSeconds = 0 } = grant.spec ?? {};
  assert.ok(leaseDurationSeconds >= 37 && leaseDurationSeconds <= 40, String(leaseDurationSeconds));
});

test('a node of the member is accepted', async () => {
  await playAgent(member, 'node-1');
  const node = await eventually(async () => {
    const found = await admin.find(inferenceNodeResource, { namespace, name: 'node-1' });
    return isConditionTrue(found?.status?.conditions, 'Ready') && found;
  });
  assert.equal(node.spec.providerName, 'alpha');
  assert.equal(node.spec.clusterName, 'frankfurt');
  assert.equal(findCondition(node.status?.conditions, 'Trusted')?.reason, 'NoEvidenceAgainst');
  await eventually(async () => {
    const found = await admin.get(edgeClusterResource, { name: 'frankfurt' });
    return found.status?.nodes?.ready === 1;
  });
});

test('a task and its Secret go down, its status comes up, and both vanish when it is settled', async () => {
  const task = await createTask(admin, batchTask('frankfurt', 'task-1'));
  const copy = await eventually(() =>
    member.client.find(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE, name: 'task-1' }),
  );
  assert.deepEqual(copy.spec, task.spec);
  const secret = await member.client.get(core.secrets, { namespace: SYSTEM_NAMESPACE, name: 'task-1' });
  assert.ok(secret.data?.[STORAGE_ACCESS_KEY]);

  await putStatus(member, 'task-1', { phase: 'Running', attempt: 1, recordsDone: 3 });
  await eventually(async () => {
    const found = await admin.get(inferenceTaskResource, { namespace, name: 'task-1' });
    return found.status?.phase === 'Running';
  });
  const outputs = [{ shardIndex: 0, sha256: 'b'.repeat(64), sizeBytes: 10, records: 10 }];
  await putStatus(member, 'task-1', { phase: 'Succeeded', attempt: 1, recordsDone: 10, outputs, receipt: 'e30=' });
  await eventually(async () => {
    const found = await admin.get(inferenceTaskResource, { namespace, name: 'task-1' });
    return found.status?.phase === 'Succeeded' && found.status.receipt === 'e30=';
  });

  const challenge = { indices: [1, 2] };
  await admin.mergePatch(
    inferenceTaskResource,
    { namespace, name: 'task-1' },
    { spec: { acknowledgedAttempt: 1, challenge } },
  );
  await eventually(async () => {
    const found = await member.client.get(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE, name: 'task-1' });
    return found.spec.acknowledgedAttempt === 1 && found.spec.challenge?.indices.length === 2;
  });
  await putStatus(member, 'task-1', { openings: [{ index: 1, proof: 'AA==' }] });
  await eventually(async () => {
    const found = await admin.get(inferenceTaskResource, { namespace, name: 'task-1' });
    return found.status?.openings?.length === 1;
  });

  await admin.delete(inferenceTaskResource, { namespace, name: 'task-1' });
  await eventually(async () => {
    const ref = { namespace: SYSTEM_NAMESPACE, name: 'task-1' };
    const left = [await member.client.find(inferenceTaskResource, ref), await member.client.find(core.secrets, ref)];
    return left.every((object) => object === undefined);
  });
});

test('both programs are ready', () => {
  for (const { health } of [operator, edge]) assert.ok(health.isReady().ok, health.isReady().text);
});
