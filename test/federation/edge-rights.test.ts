import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceModelResource,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  nodeReportResource,
  providerResource,
  SYSTEM_NAMESPACE,
} from '@isochrone/api';
import { ApiClient, ApiError, core, findCondition, formatTime, isConditionTrue } from '@isochrone/kube';
import { eventually } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { batchTask, createProvider, createTask, edgeCluster, edgeKubeconfig, nodeSpec, reportSpec } from './member.ts';

const federation = await withFederation();
const { admin } = federation;
await federation.startOperator();
await createProvider(admin, 'alpha');
for (const name of ['mallory', 'victim']) await admin.create(edgeClusterResource, edgeCluster(name));
await edgeKubeconfig(federation, 'victim');
// The credential that the operator issued, in the hands of an attacker.
const edge = await ApiClient.fromKubeconfig({ path: await edgeKubeconfig(federation, 'mallory') });
const own = edgeNamespace('mallory');
const other = edgeNamespace('victim');

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

interface Target {
  group: string;
  resource: string;
  subresource?: string;
  name?: string;
  clusterScoped?: true;
}
const isochrone = (resource: string, subresource?: string): Target => ({
  group: 'isochrone.dev',
  resource,
  ...(subresource === undefined ? {} : { subresource }),
});

const targets: Target[] = [
  isochrone('inferencetasks'),
  isochrone('inferencetasks', 'status'),
  isochrone('nodereports'),
  isochrone('inferencenodes'),
  isochrone('inferencenodes', 'status'),
  isochrone('inferencejobs'),
  isochrone('inferencejobs', 'status'),
  { ...isochrone('edgeclusters'), clusterScoped: true },
  { ...isochrone('edgeclusters', 'status'), clusterScoped: true },
  { ...isochrone('providers'), clusterScoped: true },
  { ...isochrone('inferencemodels'), clusterScoped: true },
  { group: '', resource: 'secrets' },
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'pods' },
  { group: '', resource: 'serviceaccounts' },
  { group: '', resource: 'serviceaccounts', subresource: 'token', name: names.edgeServiceAccount },
  { group: '', resource: 'namespaces', clusterScoped: true },
  { group: '', resource: 'nodes', clusterScoped: true },
  { group: 'coordination.k8s.io', resource: 'leases', name: names.edgeLease },
  { group: 'coordination.k8s.io', resource: 'leases', name: 'another' },
  { group: 'events.k8s.io', resource: 'events' },
  { group: 'rbac.authorization.k8s.io', resource: 'roles' },
  { group: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', clusterScoped: true },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings', clusterScoped: true },
  { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', clusterScoped: true },
];

/** docs/architecture.md, "What an edge may do on the hub". Nothing else. */
const allowed = new Set([
  ...['get', 'list', 'watch'].map((verb) => `${verb} inferencetasks`),
  'patch inferencetasks/status',
  ...['get', 'create', 'patch'].map((verb) => `${verb} nodereports`),
  ...['get', 'list', 'watch'].map((verb) => `${verb} secrets`),
  ...['get', 'patch', 'update'].map((verb) => `${verb} leases ${names.edgeLease}`),
]);

const described = (verb: string, { resource, subresource, name }: Target): string =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${name === undefined || subresource !== undefined ? '' : ` ${name}`}`;

async function canI(verb: string, target: Target, namespace: string): Promise<boolean> {
  const { clusterScoped, ...rest } = target;
  const resourceAttributes = { verb, ...rest, ...(clusterScoped === true ? {} : { namespace }) };
  const review = await edge.request<{ status: { allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
  });
  return review.status.allowed;
}

test('an edge may do what is written, in its namespace, and nothing else', async () => {
  const granted = new Set<string>();
  for (const target of targets) {
    for (const verb of verbs) if (await canI(verb, target, own)) granted.add(described(verb, target));
  }
  assert.deepEqual([...granted].sort(), [...allowed].sort());
});

for (const namespace of [other, SYSTEM_NAMESPACE, 'default', 'kube-system', '']) {
  test(`an edge may do nothing in namespace ${JSON.stringify(namespace)}`, async () => {
    for (const target of targets) {
      for (const verb of verbs) assert.equal(await canI(verb, target, namespace), false, described(verb, target));
    }
  });
}

async function refused(work: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, 403, `${what}: ${error.message}`);
    return true;
  });
}

test('a real edge token is refused every write that is not its own', async () => {
  await createTask(admin, batchTask('mallory', 'task-1'));
  await createTask(admin, batchTask('victim', 'task-1'));
  await admin.create(inferenceNodeResource, {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceNode',
    metadata: { name: 'accepted', namespace: own, labels: { 'isochrone.dev/cluster': 'mallory' } },
    spec: nodeSpec({ providerName: 'alpha', clusterName: 'mallory' }),
  });
  const task = { namespace: own, name: 'task-1' };
  const node = { namespace: own, name: 'accepted' };
  const trusted = {
    type: 'Trusted',
    status: 'True',
    reason: 'Mine',
    message: 'me',
    lastTransitionTime: formatTime(0),
  } as const;
  const attacks: [string, () => Promise<unknown>][] = [
    [
      'acknowledging its own result',
      () => edge.mergePatch(inferenceTaskResource, task, { spec: { acknowledgedAttempt: 1 } }),
    ],
    [
      'choosing its own sample',
      () => edge.mergePatch(inferenceTaskResource, task, { spec: { challenge: { indices: [0] } } }),
    ],
    ['deleting a task', () => edge.delete(inferenceTaskResource, task)],
    ['making a task', () => edge.create(inferenceTaskResource, batchTask('mallory', 'task-2'))],
    [
      'the status of a task of another',
      () =>
        edge.mergePatch(
          inferenceTaskResource,
          { namespace: other, name: 'task-1' },
          { status: { phase: 'Failed' } },
          { subresource: 'status' },
        ),
    ],
    [
      'an assessment',
      () =>
        edge.mergePatch(inferenceNodeResource, node, { status: { conditions: [trusted] } }, { subresource: 'status' }),
    ],
    [
      'a pinned key',
      () => edge.mergePatch(inferenceNodeResource, node, { spec: { publicKey: Buffer.alloc(32).toString('base64') } }),
    ],
    [
      'the provider of a node',
      () => edge.mergePatch(inferenceNodeResource, node, { spec: { providerName: 'mallory' } }),
    ],
    ['deleting an assessment', () => edge.delete(inferenceNodeResource, node)],
    [
      'its location',
      () => edge.mergePatch(edgeClusterResource, { name: 'mallory' }, { spec: { location: { country: 'FR' } } }),
    ],
    ['its class', () => edge.mergePatch(edgeClusterResource, { name: 'mallory' }, { spec: { class: 'Trusted' } })],
    [
      'making itself Ready',
      () =>
        edge.mergePatch(
          edgeClusterResource,
          { name: 'mallory' },
          { status: { nodes: { ready: 9 } } },
          { subresource: 'status' },
        ),
    ],
    ['a provider', () => edge.mergePatch(providerResource, { name: 'alpha' }, { spec: { displayName: 'mine' } })],
    [
      'a balance',
      () =>
        edge.mergePatch(providerResource, { name: 'alpha' }, { status: { balance: '9' } }, { subresource: 'status' }),
    ],
    ['a model', () => edge.delete(inferenceModelResource, { name: 'any' })],
    [
      'a report of another',
      () =>
        edge.apply(
          nodeReportResource,
          { metadata: { name: 'n', namespace: other }, spec: reportSpec() },
          { force: true },
        ),
    ],
    [
      'the Lease of another',
      () =>
        edge.mergePatch(core.leases, { namespace: other, name: names.edgeLease }, { spec: { holderIdentity: 'me' } }),
    ],
    ['a second Lease', () => edge.create(core.leases, { metadata: { name: 'mine', namespace: own } })],
    [
      'its rights',
      () =>
        edge.mergePatch(
          core.roles,
          { namespace: own, name: names.edgeServiceAccount },
          { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
        ),
    ],
    [
      'a binding of its own',
      () =>
        edge.create(core.roleBindings, {
          metadata: { name: 'mine', namespace: own },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        }),
    ],
    [
      'a longer token',
      () =>
        edge.createSubresource(core.serviceAccounts, { namespace: own, name: names.edgeServiceAccount }, 'token', {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 86_400 },
        }),
    ],
    ['the credential of another', () => edge.get(core.secrets, { namespace: other, name: names.edgeCredential })],
    ['the Secrets of the operator', () => edge.list(core.secrets, { namespace: SYSTEM_NAMESPACE })],
    ['every Secret', () => edge.list(core.secrets)],
    [
      'its own credential',
      () => edge.mergePatch(core.secrets, { namespace: own, name: names.edgeCredential }, { data: {} }),
    ],
    ['its namespace', () => edge.delete(core.namespaces, { name: own })],
  ];
  for (const [what, attack] of attacks) await refused(attack(), what);
});

test('a spec that comes with a status is not written', async () => {
  const task = { namespace: own, name: 'task-1' };
  const before = await admin.get(inferenceTaskResource, task);
  const patch = { spec: { acknowledgedAttempt: 1, nodeName: 'another' }, status: { phase: 'Running' as const } };
  await edge.mergePatch(inferenceTaskResource, task, patch, { subresource: 'status' });
  const after = await admin.get(inferenceTaskResource, task);
  assert.deepEqual(after.spec, before.spec);
  assert.equal(after.status?.phase, 'Running');
});

test('a terminal phase stays', async () => {
  const task = { namespace: own, name: 'task-1' };
  const put = (phase: 'Failed' | 'Succeeded') =>
    edge.mergePatch(inferenceTaskResource, task, { status: { phase } }, { subresource: 'status' });
  await put('Failed');
  await assert.rejects(put('Succeeded'), /status\.phase is terminal/);
});

test('nothing of an assessment or a provider comes from a report, and a pinned key stays', async () => {
  await edge.mergePatch(
    core.leases,
    { namespace: own, name: names.edgeLease },
    { spec: { renewTime: '2030-01-01T00:00:00.000000Z' } },
  );
  const metadata = { name: 'forged', namespace: own };
  const devices = (uuid: string) => ({
    ...nodeSpec().inventory,
    devices: [{ ...nodeSpec().inventory.devices[0]!, uuid }],
  });
  const forged = { ...reportSpec({ inventory: devices('forged-1') }), providerName: 'victim', clusterName: 'victim' };
  // An unknown field of a report is refused by the API server, or dropped where the writer asks for it.
  await assert.rejects(edge.apply(nodeReportResource, { metadata, spec: forged }, { force: true }), ApiError);
  await edge.apply(
    nodeReportResource,
    { metadata, spec: reportSpec({ inventory: devices('forged-1') }) },
    { force: true },
  );
  const node = await eventually(async () => {
    const found = await admin.find(inferenceNodeResource, metadata);
    return isConditionTrue(found?.status?.conditions, 'Ready') && found;
  });
  assert.equal(node.spec.providerName, 'alpha');
  assert.equal(node.spec.clusterName, 'mallory');

  const conditions = (node.status?.conditions ?? []).map((condition) =>
    condition.type === 'Trusted' ? { ...condition, status: 'False' as const, reason: 'Quarantined' } : condition,
  );
  await admin.mergePatch(inferenceNodeResource, metadata, { status: { conditions } }, { subresource: 'status' });
  const key = Buffer.alloc(32, 7).toString('base64');
  const swapped = reportSpec({ inventory: devices('forged-2'), publicKey: key });
  await edge.apply(nodeReportResource, { metadata, spec: swapped }, { force: true });
  const after = await eventually(async () => {
    const found = await admin.get(inferenceNodeResource, metadata);
    return findCondition(found.status?.conditions, 'Ready')?.reason === 'KeyChanged' && found;
  });
  assert.equal(after.spec.publicKey, node.spec.publicKey);
  assert.equal(after.spec.inventory.devices[0]?.uuid, 'forged-1');
  assert.equal(findCondition(after.status?.conditions, 'Trusted')?.reason, 'Quarantined');
});

test('a device of another provider is not taken over', async () => {
  const honest = await ApiClient.fromKubeconfig({ path: await edgeKubeconfig(federation, 'victim') });
  const device = { ...nodeSpec().inventory.devices[0]!, uuid: 'GPU-contested' };
  const spec = reportSpec({ inventory: { ...nodeSpec().inventory, devices: [device] } });
  await honest.mergePatch(
    core.leases,
    { namespace: other, name: names.edgeLease },
    { spec: { renewTime: '2030-01-01T00:00:00.000000Z' } },
  );
  await honest.apply(nodeReportResource, { metadata: { name: 'owner', namespace: other }, spec }, { force: true });
  await eventually(async () => {
    const found = await admin.find(inferenceNodeResource, { namespace: other, name: 'owner' });
    return isConditionTrue(found?.status?.conditions, 'Ready');
  });
  await edge.apply(nodeReportResource, { metadata: { name: 'thief', namespace: own }, spec }, { force: true });
  const thief = await eventually(async () => {
    const found = await admin.find(inferenceNodeResource, { namespace: own, name: 'thief' });
    return findCondition(found?.status?.conditions, 'Ready')?.reason === 'DeviceClaimedTwice' && found;
  });
  assert.match(findCondition(thief.status?.conditions, 'Ready')?.message ?? '', /edge-victim\/owner/);
  const owner = await admin.get(inferenceNodeResource, { namespace: other, name: 'owner' });
  assert.ok(isConditionTrue(owner.status?.conditions, 'Ready'));
  await honest.close();
});

test('deleting the credential revokes every token that was in it', async () => {
  await admin.delete(core.secrets, { namespace: own, name: names.edgeCredential });
  await eventually(
    async () => {
      await assert.rejects(edge.list(inferenceTaskResource, { namespace: own }), { status: 401 });
      return true;
    },
    { timeout: 30_000 },
  );
  await edgeKubeconfig(federation, 'mallory');
  await edge.close();
});
