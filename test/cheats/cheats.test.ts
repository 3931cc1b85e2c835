import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceNodeResource,
  inferenceTaskResource,
  names,
  SYSTEM_NAMESPACE,
  type InferenceNode,
  type InferenceTask,
} from '@isochrone/api';
import { ApiClient, ApiError, core, findCondition, isConditionTrue } from '@isochrone/kube';
import { eventually, ProcessSupervisor } from '@isochrone/tools/local';
import { inputNpy, inputRows, linear, linearModel } from '../e2e/models.ts';
import { member, providerOf } from '../harness/members.ts';
import { assertBooksBalance, assertPaidOnce, eventuallyNothingLeft, resultOf } from '../harness/settled.ts';
import { NAMESPACE, withFederation } from '../harness/test-federation.ts';

const RECORDS = 64;
const expected = Buffer.from(linear(inputRows(RECORDS)).buffer);

/** alpha and beta are honest. The agents of gamma are programs of ours, and so cheap that they get the work. */
const world = await withFederation({
  members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24'), member('gamma', '0.01', [])],
});
const { federation, hub, ledger } = world;
await world.put('input.npy', inputNpy(RECORDS));
await world.deposit('10.00');
await world.createModel('linear', linearModel());

const cheaters = await ProcessSupervisor.create({ name: 'cheaters' });
after(() => cheaters.stopAll());

async function startCheater(node: string, strategy: string): Promise<void> {
  const kubeconfig = await federation.members.get('gamma')!.kubeconfigFor('isochrone-agent');
  const program = join(import.meta.dirname, 'dishonest-agent.ts');
  const args = [program, '--kubeconfig', kubeconfig, '--node', node, '--price', '0.01', '--strategy', strategy];
  await cheaters.start({ name: node, command: process.execPath, args });
  await eventually(async () => isConditionTrue((await gammaNode(node)).status?.conditions, 'Ready'), {
    timeout: 60_000,
    describe: `${node} is Ready`,
  });
}

async function gammaNode(name: string): Promise<InferenceNode> {
  return hub.get(inferenceNodeResource, { namespace: edgeNamespace('gamma'), name });
}

/** Nobody but the named nodes stands accused. */
async function assertOnlyAccused(...accused: readonly string[]): Promise<void> {
  const found = (await world.nodes())
    .filter(({ status }) => findCondition(status?.conditions, 'Trusted')?.status === 'False')
    .map(({ metadata }) => metadata.name);
  assert.deepEqual(found.sort(), [...accused].sort());
}

const convicted: string[] = [];

for (const strategy of ['wrong-outputs', 'garbage-delivered']) {
  test(`${strategy}: caught, not paid, rerun elsewhere`, { timeout: 180_000 }, async () => {
    // Given a cheap node that cheats, and a job that goes for the price
    const node = `gamma-${strategy}`;
    await startCheater(node, strategy);
    await world.createJob(strategy, { placement: { strategy: 'Cost' }, recordsPerShard: 16, parallelism: 2 });

    // When its work was judged
    await eventually(async () => isConditionFalse(await gammaNode(node), 'Trusted'), {
      timeout: 60_000,
      describe: `${node} is not trusted any more`,
    });
    convicted.push(node);

    // Then the job completes with right outputs from honest nodes, who alone are paid, and who are not accused
    const job = await world.completed(strategy);
    assert.deepEqual(Buffer.from(await resultOf(world, job)), expected);
    await assertPaidOnce(world, job);
    const attempts = await ledger.attempts(job.metadata.uid!);
    const its = attempts.filter((attempt) => attempt.node === `gamma/${node}`);
    assert.ok(its.length > 0, 'it had work');
    assert.ok(
      its.every(({ state }) => state === 'Refunded'),
      'none of it was paid',
    );
    assert.equal(await ledger.balance(`provider/${providerOf('gamma')}`), 0n);
    assert.equal(findCondition((await gammaNode(node)).status?.conditions, 'Trusted')?.reason, 'Quarantined');
    await assertOnlyAccused(...convicted);
    await assertBooksBalance(world);
    await eventuallyNothingLeft(world);
    await cheaters.kill9(node);
  });
}

describe('a compromised edge with its real credential', () => {
  test('cannot make its nodes trusted or ready, nor touch what is not its own', { timeout: 60_000 }, async () => {
    const edge = await edgeClient('gamma');
    const own = edgeNamespace('gamma');
    const node = convicted[0] ?? 'gamma-wrong-outputs';
    const patches: readonly (() => Promise<unknown>)[] = [
      () =>
        edge.mergePatch(
          inferenceNodeResource,
          { namespace: own, name: node },
          { status: { conditions: [] } },
          { subresource: 'status' },
        ),
      () => edge.mergePatch(inferenceNodeResource, { namespace: own, name: node }, { spec: { providerName: 'other' } }),
      () => edge.delete(inferenceNodeResource, { namespace: own, name: node }),
      () => edge.mergePatch(edgeClusterResource, { name: 'gamma' }, { spec: { class: 'Trusted' } }),
      () =>
        edge.mergePatch(
          edgeClusterResource,
          { name: 'gamma' },
          { status: { conditions: [] } },
          { subresource: 'status' },
        ),
      () => edge.list(inferenceTaskResource, { namespace: edgeNamespace('alpha') }),
      () => edge.list(core.secrets, { namespace: NAMESPACE }),
      () => edge.get(core.secrets, { namespace: edgeNamespace('alpha'), name: names.edgeCredential }),
      () => edge.delete(inferenceTaskResource, { namespace: own, name: 'any' }),
    ];
    for (const attack of patches) {
      await assert.rejects(attack(), (error) => error instanceof ApiError && error.isForbidden, attack.toString());
    }
    await assertOnlyAccused(...convicted);
  });

  test('is not paid for a replayed receipt, of another attempt or an old one', { timeout: 180_000 }, async () => {
    // Given an honest node of gamma whose receipts its edge has seen, and a job whose work goes there
    await startCheater('gamma-honest', 'honest');
    const edge = await edgeClient('gamma');
    const namespace = edgeNamespace('gamma');
    await world.createJob('seen', { placement: { strategy: 'Cost' }, parallelism: 1 });
    const seen = await eventually(
      async () => (await hub.list(inferenceTaskResource, { namespace })).items.find(({ status }) => status?.receipt),
      { timeout: 60_000, interval: 20, describe: 'a receipt is on the hub' },
    );
    await assertPaidOnce(world, await world.completed('seen'));
    const earned = await ledger.balance(`provider/${providerOf('gamma')}`);
    assert.ok(earned > 0n, 'honest work is paid');

    // When the agent is gone and the edge answers new tasks with the old receipt
    await cheaters.kill9('gamma-honest');
    await world.createJob('replayed', { placement: { strategy: 'Cost' }, parallelism: 1 });
    const victim = await eventually(
      async () =>
        (await hub.list(inferenceTaskResource, { namespace })).items.find(
          ({ spec, metadata }) => spec.type === 'Batch' && metadata.uid !== seen.metadata.uid,
        ),
      { timeout: 60_000, interval: 50, describe: 'a new task for gamma' },
    );
    await edge.mergePatch(
      inferenceTaskResource,
      { namespace, name: victim.metadata.name },
      { status: replayOf(seen, victim) },
      { subresource: 'status' },
    );

    // Then it is not paid, and the job completes elsewhere
    const job = await world.completed('replayed', { timeout: 120_000 });
    assert.deepEqual(Buffer.from(await resultOf(world, job)), expected);
    await assertPaidOnce(world, job);
    const its = (await ledger.attempts(job.metadata.uid!)).filter(({ provider }) => provider === providerOf('gamma'));
    assert.ok(its.length > 0 && its.every(({ state }) => state === 'Refunded'), 'the replay is not paid');
    assert.equal(await ledger.balance(`provider/${providerOf('gamma')}`), earned);
    await assertBooksBalance(world);
    for (const { metadata, spec, status } of await world.nodes()) {
      if (spec.clusterName === 'gamma') continue;
      assert.ok(isConditionTrue(status?.conditions, 'Trusted'), `${metadata.name} is accused`);
    }
  });
});

/** With the very token that the hub gave to the member, as the member keeps it. */
async function edgeClient(cluster: string): Promise<ApiClient> {
  const ref = { namespace: SYSTEM_NAMESPACE, name: names.hubCredential };
  const secret = await world.members.get(cluster)!.get(core.secrets, ref);
  const token = Buffer.from(secret.data!['token']!, 'base64').toString('utf8');
  const { server, ca } = federation.hub;
  const client = ApiClient.fromOptions({ name: `edge-${cluster}`, server, ca, token });
  after(() => client.close());
  return client;
}

function replayOf(seen: InferenceTask, victim: InferenceTask): NonNullable<InferenceTask['status']> {
  const { receipt, outputs } = seen.status!;
  return { phase: 'Succeeded', attempt: victim.spec.attempt, ...(receipt && { receipt }), ...(outputs && { outputs }) };
}

function isConditionFalse({ status }: InferenceNode, type: string): boolean {
  return findCondition(status?.conditions, type)?.status === 'False';
}
