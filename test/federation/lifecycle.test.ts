import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  names,
  nodeReportResource,
  providerResource,
} from '@isochrone/api';
import { ApiClient, core, findCondition, isConditionTrue } from '@isochrone/kube';
import { openLedger } from '@isochrone/ledger';
import { eventually } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { batchTask, createProvider, createTask, edgeCluster, edgeKubeconfig, reportSpec } from './member.ts';

// Namespaces are emptied by the controller manager.
const federation = await withFederation({ withControllerManager: true });
const { admin } = federation;
let operator = await federation.startOperator();

async function condition(cluster: string, type: string, reason: string): Promise<string> {
  return eventually(
    async () => {
      const { status } = await admin.get(edgeClusterResource, { name: cluster });
      const found = findCondition(status?.conditions, type);
      assert.equal(found?.reason, reason, found?.message);
      return found.message;
    },
    { describe: `${cluster} is ${reason}` },
  );
}

test('a member waits for its provider', async () => {
  await admin.create(edgeClusterResource, edgeCluster('early'));
  assert.match(await condition('early', 'Registered', 'ProviderNotFound'), /no Provider alpha/);
  assert.equal(await admin.find(core.namespaces, { name: edgeNamespace('early') }), undefined);
  await createProvider(admin, 'alpha');
  await condition('early', 'Registered', 'Registered');
  await edgeKubeconfig(federation, 'early');
});

test('the namespace of a stranger is neither used nor removed', async () => {
  const name = edgeNamespace('taken');
  await admin.create(core.namespaces, { metadata: { name } });
  await admin.create(edgeClusterResource, edgeCluster('taken'));
  await condition('taken', 'Registered', 'NamespaceConflict');
  assert.equal(await admin.find(core.serviceAccounts, { namespace: name, name: names.edgeServiceAccount }), undefined);
  await admin.delete(edgeClusterResource, { name: 'taken' });
  await eventually(async () => (await admin.find(edgeClusterResource, { name: 'taken' })) === undefined);
  assert.equal((await admin.get(core.namespaces, { name })).metadata.deletionTimestamp, undefined);
});

test('rights that somebody widened, and a binding that somebody removed, are set right', async () => {
  const ref = { namespace: edgeNamespace('early'), name: names.edgeServiceAccount };
  const before = await admin.get(core.roles, ref);
  await admin.mergePatch(core.roles, ref, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
  await admin.delete(core.roleBindings, ref);
  await eventually(async () => {
    assert.deepEqual((await admin.get(core.roles, ref)).rules, before.rules);
    return admin.find(core.roleBindings, ref);
  });
});

test('balances are shown on providers and in namespaces with jobs', async () => {
  const ledger = openLedger(join(federation.directory, 'ledger.sqlite'), { now: Date.now });
  await ledger.deposit({ namespace: 'default', amount: 5_000_000n, idempotencyKey: 'test' });
  await ledger.close();
  await admin.create(inferenceJobResource, {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceJob',
    metadata: { name: 'job', namespace: 'default' },
    spec: {
      modelRef: { name: 'none', version: '1' },
      input: { uri: 's3://a/b.npy' },
      output: { uri: 's3://a/c/' },
      budget: { total: '1' },
    } as never,
  });
  const ref = { namespace: 'default', name: names.accountStatement };
  const statement = await eventually(() => admin.find(core.configMaps, ref));
  assert.equal(statement.data?.['balance'], '5.00');
  assert.match(statement.data?.['postings'] ?? '', /"Deposit"/);
  await admin.delete(core.configMaps, ref);
  await eventually(() => admin.find(core.configMaps, ref));
  const provider = await admin.get(providerResource, { name: 'alpha' });
  assert.equal(provider.status?.balance, '0.00');
  assert.ok(isConditionTrue(provider.status?.conditions, 'Active'));
});

test('a standby is ready, and takes over', async () => {
  const standby = await federation.startOperator();
  await eventually(() => standby.health.isReady().ok);
  await operator.stop();
  federation.running.delete(operator);
  operator = standby;
  await createProvider(admin, 'beta');
  await eventually(async () => (await admin.get(providerResource, { name: 'beta' })).status?.balance === '0.00', {
    timeout: 30_000,
  });
  assert.ok(standby.health.isReady().ok, standby.health.isReady().text);
});

test('a deleted member keeps its namespace until its tasks are settled, and cannot hold it up', async () => {
  const namespace = edgeNamespace('early');
  const edge = await ApiClient.fromKubeconfig({ path: await edgeKubeconfig(federation, 'early') });
  const holding = { finalizers: ['edge.example/mine'] };
  await edge.create(nodeReportResource, {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'NodeReport',
    metadata: { name: 'stay', namespace, ...holding },
    spec: reportSpec(),
  });
  await edge.mergePatch(core.leases, { namespace, name: names.edgeLease }, { metadata: holding });
  await edge.close();
  await createTask(admin, batchTask('early', 'open'));
  await admin.delete(edgeClusterResource, { name: 'early' });
  await eventually(async () => /1 task\(s\)/.test(await condition('early', 'Registered', 'Deleting')));
  await condition('early', 'Ready', 'NotRegistered');
  assert.equal((await admin.get(core.namespaces, { name: namespace })).metadata.deletionTimestamp, undefined);
  await admin.delete(inferenceTaskResource, { namespace, name: 'open' });
  await eventually(async () => (await admin.find(edgeClusterResource, { name: 'early' })) === undefined, {
    timeout: 60_000,
  });
  assert.equal(await admin.find(core.namespaces, { name: namespace }), undefined);
});
