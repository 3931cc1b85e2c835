import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { test } from 'node:test';
import {
  edgeClusterResource,
  edgeFlowSchema,
  edgeNamespace,
  inferenceTaskResource,
  JOIN_NAMESPACE,
  names,
} from '@isochrone/api';
import { ApiClient, core } from '@isochrone/kube';
import { parseJoinToken } from '@isochrone/operator/join';
import { eventually, kubectl } from '../harness/index.ts';
import { withFederation, type RunningProgram } from '../federation/federation.ts';
import { batchTask, createProvider, createTask } from '../federation/member.ts';
import {
  clusterReason,
  counted,
  eventsOf,
  joinReason,
  newCluster,
  pluginOf,
  requestOf,
  withInstallation,
} from './joining-world.ts';

const federation = await withFederation({ withControllerManager: true });
const { admin, hub } = federation;
const operator = await federation.startOperator();
await createProvider(admin, 'alpha');
const member = await withInstallation(federation, 'member');
const plugin = pluginOf(hub);
const slow = { timeout: 60_000 };
const namespace = edgeNamespace('frankfurt');
let edge: RunningProgram;

const readinessOf = (): string => edge.health.isReady().text;

async function says(reason: string): Promise<void> {
  await eventually(
    () => {
      assert.ok(readinessOf().includes(reason), readinessOf());
      return true;
    },
    { ...slow, describe: `the edge operator says ${reason}` },
  );
}

async function createToken(...flags: string[]): Promise<string> {
  const outcome = await plugin('edge', 'token', 'create', 'frankfurt', ...flags);
  assert.equal(outcome.status, 0, outcome.stderr);
  const text = outcome.stdout.trim();
  assert.match(text, /^isochrone-join-v1\.[\w-]+$/);
  await member.putToken(text);
  return text;
}

async function accept(): Promise<string> {
  const outcome = await eventually(async () => {
    const tried = await plugin('edge', 'accept', 'frankfurt');
    return tried.status === 0 && tried;
  }, slow);
  return outcome.stdout;
}

async function untilReady(): Promise<void> {
  await eventually(() => edge.health.isReady().ok, { ...slow, describe: 'the edge operator is ready' });
  await eventually(async () => (await clusterReason(admin, 'frankfurt', 'Ready')) === 'LeaseRenewed', {
    ...slow,
    describe: 'the EdgeCluster is Ready',
  });
  // A renewal of before may still count for the Lease; this one is of the new credential.
  const { name } = (await requestOf(admin, 'frankfurt')).metadata;
  await eventually(async () => (await joinReason(admin, name, 'Joined')) === 'Joined', {
    ...slow,
    describe: 'the hub has seen the credential used',
  });
}

/** With the headers of the answer. */
async function fetchAs(token: string, path: string): Promise<IncomingMessage> {
  const request = get(`${hub.server}${path}`, {
    ca: hub.ca,
    headers: { authorization: `Bearer ${token}` },
    agent: false,
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  return answer;
}

const stateOf = async (name: string): Promise<string> => {
  const { stdout } = await plugin('edge', 'token', 'list', '-o', 'json');
  const { items } = JSON.parse(stdout) as { items: { name: string; state: string }[] };
  return items.find((row) => row.name === name)?.state ?? '';
};

test('a member joins: token, edge operator, acceptance', async () => {
  const early = await plugin('edge', 'accept', 'frankfurt');
  assert.equal(early.status, 4);
  assert.match(early.stderr, /no join token for EdgeCluster frankfurt is open/);
  const { id } = parseJoinToken(await createToken(...newCluster), 'test');
  await eventually(async () => (await stateOf(id)) === 'WaitingForMember');
  const nobody = await plugin('edge', 'accept', 'frankfurt');
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /no edge operator has used the join token of EdgeCluster frankfurt yet/);

  edge = await member.startEdge('frankfurt');
  await eventually(async () => (await stateOf(id)) === 'WaitingForAcceptance', slow);
  await eventually(() => readinessOf().includes('waiting for the hub to accept key SHA256:'));
  const { fingerprint, token: none } = await member.secret();
  assert.equal(none, undefined, 'nothing is given before the acceptance');
  const wrong = await plugin('edge', 'accept', 'frankfurt', '--fingerprint', `SHA256:${'x'.repeat(43)}`);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /accept nothing that your member does not show/);
  assert.equal(await admin.find(edgeClusterResource, { name: 'frankfurt' }), undefined);

  const accepted = await plugin('edge', 'accept', 'frankfurt', '--fingerprint', fingerprint);
  assert.equal(accepted.status, 0, accepted.stderr);
  assert.ok(accepted.stdout.includes(`accepted: ${fingerprint}`));
  assert.match(accepted.stdout, /edgecluster\.isochrone\.dev\/frankfurt created/);
  await untilReady();
  await eventually(async () => (await joinReason(admin, id, 'Joined')) === 'Joined', slow);
  assert.equal(await stateOf(id), 'Joined');

  const request = await requestOf(admin, 'frankfurt');
  assert.equal(request.status?.credential, undefined, 'the sealed credential goes once it is used');
  await eventually(async () => (await admin.find(core.secrets, { namespace: JOIN_NAMESPACE, name: id })) === undefined);
  const stored = await member.secret();
  assert.deepEqual(Object.keys(stored).sort(), [
    ...['ca.crt', 'cluster', 'fingerprint', 'join-id', 'joined-by', 'private-key', 'server', 'token'],
  ]);
  assert.equal(stored['joined-by'], request.metadata.uid);
  assert.equal(stored.fingerprint, '', 'nothing waits to be accepted');
  await eventually(async () => (await eventsOf(admin, 'Joined', id)).length > 0);
  await eventually(async () => (await eventsOf(admin, 'Joined', 'frankfurt')).length > 0);
  await eventually(async () => (await eventsOf(member.client, 'Joined')).length > 0);
  const { status } = await admin.get(edgeClusterResource, { name: 'frankfurt' });
  const { expirationTime = '' } = status?.credential ?? {};
  assert.ok(Date.parse(expirationTime) > Date.now());
  const wide = await kubectl(hub.adminKubeconfig, ['get', 'edgecluster', 'frankfurt', '-o', 'wide']);
  assert.match(wide, /CREDENTIAL EXPIRES/);
  assert.ok(wide.includes(expirationTime), wide);
  assert.equal(await counted(operator, 'isochrone_edge_joins_total', 'Joined'), 1);
  assert.equal(await counted(edge, 'isochrone_sync_joins_total', 'Joined'), 1);
});

test('the hub keeps a quota and a flow of requests for the member', async () => {
  const quota = await admin.get(core.resourceQuotas, { namespace, name: names.edgeQuota });
  assert.equal(quota.spec?.hard?.['pods'], '0');
  const flow = await admin.get(core.flowSchemas, { name: edgeFlowSchema('frankfurt') });
  assert.equal(flow.spec?.priorityLevelConfiguration.name, names.edgePriorityLevel);
  assert.equal(await clusterReason(admin, 'frankfurt', 'FlowControlled'), 'PriorityLevelMissing');
  const level = {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name: names.edgePriorityLevel },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 20,
        limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
      },
    },
  };
  await kubectl(hub.adminKubeconfig, ['apply', '-f', '-'], JSON.stringify(level));
  await eventually(async () => (await clusterReason(admin, 'frankfurt', 'FlowControlled')) === 'PriorityLevelFound');
  // The API server tells in the answer by which schema and level it let the request in.
  const { uid } = flow.metadata;
  await eventually(
    async () => {
      const { token = '' } = await member.secret();
      const answer = await fetchAs(
        token,
        `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${names.edgeLease}`,
      );
      return answer.headers['x-kubernetes-pf-flowschema-uid'] === uid;
    },
    { describe: 'requests of the member count in its flow', ...slow },
  );
});

test('a member that was joined starts again without a token', async () => {
  await rm(member.tokenFile);
  federation.running.delete(edge);
  await edge.stop();
  edge = await member.startEdge('frankfurt');
  await untilReady();
});

test('a revoked member is out at once, and comes back by a new token', async () => {
  const { token: old = '' } = await member.secret();
  const outcome = await plugin('edge', 'revoke', 'frankfurt');
  assert.equal(outcome.stdout, 'edgecluster.isochrone.dev/frankfurt revoked\n');
  assert.match((await plugin('edge', 'revoke', 'frankfurt')).stdout, /already revoked/);
  await eventually(async () => (await clusterReason(admin, 'frankfurt', 'CredentialValid')) === 'Revoked');
  assert.equal(await clusterReason(admin, 'frankfurt', 'Ready'), 'CredentialRevoked');
  await says('CredentialRefused');
  await eventually(async () => (await eventsOf(member.client, 'CredentialRefused')).length > 0);
  assert.equal(await counted(edge, 'isochrone_sync_joins_total', 'CredentialRefused'), 1);
  assert.equal((await edge.registry.getSingleMetric('isochrone_sync_credential_valid')?.get())?.values[0]?.value, 0);
  assert.equal(await admin.find(core.secrets, { namespace, name: names.edgeCredential }), undefined);

  await createToken();
  assert.match(await accept(), /edgecluster\.isochrone\.dev\/frankfurt reinstated/);
  await untilReady();
  assert.notEqual((await member.secret())['token'], old);
  assert.equal(await clusterReason(admin, 'frankfurt', 'CredentialValid'), 'Issued');
});

test('a used token is refused, and a member that lost everything joins by another', async () => {
  const { token: lost = '' } = await member.secret();
  await member.reset(edge);
  edge = await member.startEdge('frankfurt');
  // For some seconds the API server may still know the token; then the request tells that it was used.
  await says('Token');
  const [, reason = ''] = /(TokenUsed|TokenRefused): .*create another token/.exec(readinessOf()) ?? [];
  assert.ok(reason, readinessOf());
  await eventually(async () => (await eventsOf(member.client, reason)).length > 0);
  assert.equal(await counted(edge, 'isochrone_sync_joins_total', reason), 1);

  await createToken();
  await accept();
  await untilReady();
  // What was lost may be in somebody else's hands: it ended with the acceptance.
  const finder = ApiClient.fromOptions({ server: hub.server, ca: hub.ca, token: lost });
  await eventually(
    async () => {
      await assert.rejects(finder.list(inferenceTaskResource, { namespace }), { status: 401 });
      return true;
    },
    { ...slow, describe: 'the lost credential is refused' },
  );
  await finder.close();
});

test('a member leaves when its work is done, and nothing of it stays', async () => {
  await createTask(admin, batchTask('frankfurt', 'open'));
  const busy = await plugin('edge', 'leave', 'frankfurt', '--timeout', '1s');
  assert.equal(busy.status, 1);
  assert.match(busy.stderr, /1 task is left.*or give --force to have its tasks placed elsewhere/);
  assert.equal((await admin.get(edgeClusterResource, { name: 'frankfurt' })).spec.unschedulable, true);
  await admin.delete(inferenceTaskResource, { namespace, name: 'open' });
  const outcome = await plugin('edge', 'leave', 'frankfurt', '--timeout', '60s');
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(outcome.stdout, 'edgecluster.isochrone.dev/frankfurt left\n');
  assert.equal(await admin.find(core.namespaces, { name: namespace }), undefined);
  await eventually(
    async () => (await admin.find(core.flowSchemas, { name: edgeFlowSchema('frankfurt') })) === undefined,
    { ...slow, describe: 'the FlowSchema is collected with its owner' },
  );
  await says('CredentialRefused');
  assert.equal((await plugin('edge', 'leave', 'frankfurt')).status, 4);
});

test('a member that left comes back', async () => {
  await createToken(...newCluster);
  assert.match(await accept(), /frankfurt created/);
  await untilReady();
});

test('a member that never answers is taken out by force', async () => {
  await createTask(admin, batchTask('frankfurt', 'stuck'));
  federation.running.delete(edge);
  await edge.stop();
  const outcome = await plugin('edge', 'leave', 'frankfurt', '--force', '--timeout', '60s');
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(await admin.find(core.namespaces, { name: namespace }), undefined);
  assert.equal(await admin.find(edgeClusterResource, { name: 'frankfurt' }), undefined);
});
