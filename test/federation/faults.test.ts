import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  nodeReportResource,
  SYSTEM_NAMESPACE,
  type InferenceTask,
} from '@isochrone/api';
import { core, findCondition, formatTime } from '@isochrone/kube';
import { tokenClaims } from '@isochrone/operator/join';
import { eventually } from '../harness/index.ts';
import { issuedTimeOf, rotateCredential, withFederation, type RunningProgram } from './federation.ts';
import {
  batchTask,
  createProvider,
  createTask,
  nodeSpec,
  playAgent,
  putStatus,
  renewAgent,
  withMember,
} from './member.ts';

const federation = await withFederation();
const { admin, hub } = federation;
await federation.startOperator({ edgeLeaseSeconds: '3' });
await createProvider(admin, 'alpha');
const member = await withMember(federation, 'frankfurt');
const edgeFlags = { reportSeconds: '1', outboxSeconds: '2', progressMilliseconds: '0' };
let edge: RunningProgram = await member.startEdge(edgeFlags);
const namespace = edgeNamespace('frankfurt');

const onHub = (name: string) => admin.find(inferenceTaskResource, { namespace, name });
const onMember = (name: string) => member.client.find(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE, name });
const slow = { timeout: 40_000 };

const issuedTime = (): Promise<string> => issuedTimeOf(admin, 'frankfurt');
const stored = async (): Promise<string> => {
  const { data } = await member.client.get(core.secrets, { namespace: SYSTEM_NAMESPACE, name: names.hubCredential });
  return Buffer.from(data?.['token'] ?? '', 'base64').toString('utf8');
};

async function clusterReady(reason: string): Promise<void> {
  await eventually(
    async () => {
      const { status } = await admin.get(edgeClusterResource, { name: 'frankfurt' });
      const ready = findCondition(status?.conditions, 'Ready');
      assert.equal(ready?.reason, reason, ready?.message);
      return true;
    },
    { ...slow, describe: `the cluster is ${reason}` },
  );
}

/** A task on both sides. */
async function synced(name: string, overrides: Partial<InferenceTask['spec']> = {}): Promise<void> {
  await createTask(admin, batchTask('frankfurt', name, overrides));
  await eventually(() => onMember(name), slow);
}

test('a stranger with the name of a task is left alone, and the hub is told', async () => {
  const { metadata, ...rest } = batchTask('frankfurt', 'taken');
  await member.client.create(inferenceTaskResource, {
    ...rest,
    metadata: { name: metadata.name, namespace: SYSTEM_NAMESPACE },
  });
  const before = await onMember('taken');
  await createTask(admin, batchTask('frankfurt', 'taken', { attempt: 7 }));
  const told = await eventually(async () => {
    const found = await onHub('taken');
    return found?.status?.phase === 'Failed' && found;
  });
  assert.equal(told.status?.failure?.class, 'Provider');
  assert.match(told.status?.failure?.message ?? '', /did not come from the hub/);
  await admin.delete(inferenceTaskResource, { namespace, name: 'taken' });
  await synced('after-taken');
  assert.deepEqual(await onMember('taken'), before);
});

test('a stranger with the name of a Secret is left alone, and the hub is told', async () => {
  const ref = { namespace: SYSTEM_NAMESPACE, name: 'taken-secret' };
  await member.client.create(core.secrets, { metadata: ref, stringData: { mine: 'yes' } });
  await createTask(admin, batchTask('frankfurt', 'taken-secret'));
  await eventually(async () => (await onHub('taken-secret'))?.status?.phase === 'Failed');
  await admin.delete(inferenceTaskResource, { namespace, name: 'taken-secret' });
  await admin.delete(core.secrets, { namespace, name: 'taken-secret' });
  await synced('after-taken-secret');
  assert.deepEqual(Object.keys((await member.client.get(core.secrets, ref)).data ?? {}), ['mine']);
});

test('the credential Secret is not copied to the member', async () => {
  const found = await member.client.find(core.secrets, { namespace: SYSTEM_NAMESPACE, name: names.edgeCredential });
  assert.equal(found, undefined);
});

test('deleting a task on the hub stops it on the member', async () => {
  await synced('stopped');
  await putStatus(member, 'stopped', { phase: 'Running', attempt: 1 });
  await admin.delete(inferenceTaskResource, { namespace, name: 'stopped' });
  await eventually(async () => (await onMember('stopped')) === undefined);
});

test('a task that the hub made anew under its old name replaces the copy', async () => {
  await synced('again');
  const first = await onMember('again');
  await admin.delete(inferenceTaskResource, { namespace, name: 'again' });
  await admin.delete(core.secrets, { namespace, name: 'again' });
  await createTask(admin, batchTask('frankfurt', 'again', { attempt: 2 }));
  const second = await eventually(async () => {
    const found = await onMember('again');
    return found?.spec.attempt === 2 && found;
  });
  assert.notEqual(second.metadata.uid, first?.metadata.uid);
});

test('a status only goes forward', async () => {
  await synced('forward');
  await putStatus(member, 'forward', { phase: 'Running', attempt: 1, recordsDone: 5 });
  await eventually(async () => (await onHub('forward'))?.status?.recordsDone === 5);
  await putStatus(member, 'forward', { recordsDone: 2 });
  await putStatus(member, 'forward', { phase: 'Pending' });
  await synced('forward-after');
  const { status } = (await onHub('forward'))!;
  assert.equal(status?.phase, 'Running');
  assert.equal(status?.recordsDone, 5);
});

test('a result that the hub has not acknowledged outlives the task on the hub, for a while', async () => {
  await synced('outbox');
  await putStatus(member, 'outbox', { phase: 'Failed', attempt: 1 });
  await eventually(async () => (await onHub('outbox'))?.status?.phase === 'Failed');
  await admin.delete(inferenceTaskResource, { namespace, name: 'outbox' });
  const orphan = await eventually(async () => {
    const found = await onMember('outbox');
    assert.ok(found, 'the copy is still there');
    return found.metadata.annotations?.['isochrone.dev/orphaned-time'] !== undefined && found;
  });
  assert.equal(orphan.status?.phase, 'Failed');
  await eventually(async () => (await onMember('outbox')) === undefined, slow);
});

test('the restart of the API server of the hub is survived', async () => {
  await synced('hub-restart');
  await hub.restartApiServer();
  await putStatus(member, 'hub-restart', { phase: 'Succeeded', attempt: 1 });
  await eventually(async () => (await onHub('hub-restart'))?.status?.phase === 'Succeeded', slow);
  await clusterReady('LeaseRenewed');
});

test('the restart of the API server of the member is survived, and what happened meanwhile is caught up with', async () => {
  await synced('member-restart');
  await member.plane.stopApiServer();
  await createTask(admin, batchTask('frankfurt', 'meanwhile'));
  await admin.delete(inferenceTaskResource, { namespace, name: 'member-restart' });
  await member.plane.startApiServer();
  await eventually(async () => (await onMember('meanwhile')) !== undefined, slow);
  await eventually(async () => (await onMember('member-restart')) === undefined, slow);
});

test('a node whose agent is lost is not ready, and a node that is removed neither', async () => {
  const nodeReady = (expected: boolean, meanwhile = async (): Promise<void> => undefined) =>
    eventually(async () => {
      await meanwhile();
      const found = await admin.find(inferenceNodeResource, { namespace, name: 'node-1' });
      const ready = findCondition(found?.status?.conditions, 'Ready');
      assert.equal(ready?.status === 'True', expected, `${ready?.reason}: ${ready?.message}`);
      return true;
    }, slow);
  await playAgent(member, 'node-1', nodeSpec(), 3);
  await nodeReady(true, () => renewAgent(member, 'node-1', 3));
  await nodeReady(false);
  const report = await admin.get(nodeReportResource, { namespace, name: 'node-1' });
  assert.equal(report.spec.readyReason, 'AgentLost');
  await playAgent(member, 'node-1');
  await nodeReady(true);
  await member.client.delete(inferenceNodeResource, { namespace: SYSTEM_NAMESPACE, name: 'node-1' });
  await nodeReady(false);
});

/** When the token that the member uses was issued. */
const usedSince = async (): Promise<string> => formatTime(tokenClaims(await stored())?.issuedAt ?? 0);

test('a token is rotated, used from then on, and enough to start with', async () => {
  const first = await issuedTime();
  assert.equal(await usedSince(), first);
  await rotateCredential(admin, 'frankfurt');
  await eventually(async () => (await usedSince()) === (await issuedTime()), slow);
  await clusterReady('LeaseRenewed');

  await edge.stop();
  federation.running.delete(edge);
  // The token that it joined by is worth nothing any more.
  await rm(member.joinTokenFile);
  edge = await member.startEdge(edgeFlags);
  await eventually(() => edge.health.isReady().ok, slow);
  await synced('after-rotation');
});

test('a deleted credential ends the member, which joins by a new token without a restart', async () => {
  await synced('kept');
  await admin.delete(core.secrets, { namespace, name: names.edgeCredential });
  await clusterReady('Unreachable');
  const { status } = await admin.get(edgeClusterResource, { name: 'frankfurt' });
  assert.equal(findCondition(status?.conditions, 'Ready')?.status, 'Unknown');
  assert.ok(!edge.health.isReady().ok);
  assert.ok(await onMember('kept'), 'unreachable deletes nothing');
  await member.join();
  await clusterReady('LeaseRenewed');
  await putStatus(member, 'kept', { phase: 'Running', attempt: 1 });
  await eventually(async () => (await onHub('kept'))?.status?.phase === 'Running', slow);
});

test('a member whose edge operator has stopped becomes unreachable', async () => {
  await edge.stop();
  federation.running.delete(edge);
  await clusterReady('Unreachable');
});
