import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYSTEM_NAMESPACE, inferenceTaskResource, type StorageAccess } from '@isochrone/api';
import { doublingModel, slowModel } from '@isochrone/node-agent/testing/models';
import { tensorOf, encodeNpy } from '@isochrone/tensor';
import { verifyReceipt } from '@isochrone/verification';
import { eventually, withFaultProxy } from '@isochrone/test/harness';
import { childrenOf, isDead } from '@isochrone/tools/local';
import { integerBetween, seeded } from '../chaos/random.ts';
import { agentWorld, outputKey, publicKeyOf, receiptOf, type Program } from './agent-world.ts';

const world = await agentWorld();
const proxy = await withFaultProxy(world.store.endpoint);
let verifier = await world.startVerifier();
let agent = await world.startAgent();
await world.grant(3600);
const node = await world.readyNode();
const endless = slowModel(2 ** 50);
const namespace = SYSTEM_NAMESPACE;
const input = (records: number): ReturnType<typeof tensorOf> =>
  tensorOf(
    'FP32',
    [records, 4],
    Float32Array.from({ length: records * 4 }, (_, index) => index),
  );

/** The agent's process in which the task's model runs. */
async function runtimeOf(program: Program): Promise<number> {
  return eventually(() => childrenOf(program.child.pid!)[0], { timeout: 20_000, describe: 'a runtime process' });
}

async function running(name: string): Promise<void> {
  await eventually(async () => (await world.task(name)).status?.phase === 'Running', {
    timeout: 20_000,
    describe: `${name} runs`,
  });
}

test('a task that is deleted is stopped, and nothing of it remains', async () => {
  await world.createTask({ name: 'deleted', model: endless, input: input(1) });
  await running('deleted');
  const pid = await runtimeOf(agent);
  await world.client.delete(inferenceTaskResource, { namespace, name: 'deleted' });
  await eventually(() => isDead(pid), { describe: 'the runtime process is gone' });
  await eventually(async () => (await readdir(join(world.directory, 'agent', 'attempts'))).length === 0, {
    describe: 'its files are gone',
  });
  await eventually(async () => (await world.node()).status?.runningTasks === 0, { describe: 'the node is idle' });
});

test('work stops with the grant, and goes on with the next', async () => {
  await world.grant(2);
  await world.createTask({
    name: 'granted',
    model: slowModel(300_000),
    input: input(24),
    modelSpec: { maxBatchSize: 1 },
  });
  await running('granted');
  const pid = await runtimeOf(agent);
  await eventually(() => isDead(pid), { describe: 'the runtime process is gone' });
  assert.equal((await world.task('granted')).status?.phase, 'Running');
  await world.grant(3600);
  const { status } = await world.ended('granted', 60_000);
  assert.equal(status?.phase, 'Succeeded', JSON.stringify(status?.failure));
});

test('an agent that is killed leaves no runtime process behind, even in the middle of a run without end', async () => {
  await world.createTask({ name: 'orphan', model: endless, input: input(1) });
  await running('orphan');
  const pid = await runtimeOf(agent);
  await agent.kill9();
  await eventually(() => isDead(pid), { describe: 'the runtime process is gone' });
  await world.client.delete(inferenceTaskResource, { namespace, name: 'orphan' });
  agent = await world.startAgent();
  await eventually(async () => (await readdir(join(world.directory, 'agent', 'attempts'))).length === 0, {
    timeout: 20_000,
    describe: 'what it left is removed',
  });
});

test('a second agent on the same state is refused', async () => {
  const second = await world.startAgent();
  const exited = new Promise<number | null>((resolve) => second.child.once('exit', resolve));
  assert.equal(await exited, 1);
});

test('a sidecar that is killed and comes back costs no work', async () => {
  await world.createTask({
    name: 'sidecar',
    model: slowModel(300_000),
    input: input(12),
    modelSpec: { maxBatchSize: 1 },
  });
  await running('sidecar');
  await verifier.kill9();
  await eventually(async () => (await world.node()).status?.conditions?.[0]?.status === 'False', {
    timeout: 30_000,
    describe: 'the node is not ready',
  });
  verifier = await world.startVerifier();
  const task = await world.ended('sidecar', 60_000);
  assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
  verifyReceipt(receiptOf(task), publicKeyOf(node));
});

/** By way of the proxy: the test sees what the agent asks of the store. */
const throughProxy = (access: StorageAccess): StorageAccess => ({
  ...access,
  inputURL: proxy.through(access.inputURL!),
  outputs: access.outputs.map((output) => ({ ...output, url: proxy.through(output.url) })),
});

/** Kills the agent at its `at`-th request of the method, before it is answered or when the store has answered. */
function killAt(at: number, method: 'GET' | 'PUT', when: 'asked' | 'answered'): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let asked = 0;
  const isDue = (request: IncomingMessage): boolean => {
    if (request.method === method) asked += 1;
    if (request.method !== method || asked !== at) return false;
    agent.child.kill('SIGKILL');
    resolve(`${method} ${at} ${when}`);
    return true;
  };
  proxy.fault = (request, response) => {
    if (when === 'answered' || !isDue(request)) return false;
    response.destroy();
    return true;
  };
  proxy.loseAnswer = (request) => when === 'answered' && isDue(request);
  return promise;
}

for (const seed of [1, 2, 3, 4]) {
  test(`killed at random requests (seed ${seed}) the agent ends the task with one receipt and the right bytes`, async (context) => {
    const random = seeded(seed);
    const name = `kill-${seed}`;
    await world.readyNode();
    await world.createTask({ name: `${name}-before`, model: doublingModel('FP32', ['n', 4]), input: input(1) });
    const { sequence } = receiptOf(await world.ended(`${name}-before`)).receipt;
    const shards = [5, 3, 4];
    // While it reads and runs, then while it delivers; every run makes at least two requests of the kind that is left to it.
    const whileReading = integerBetween(random, 1, 2);
    for (let kill = 0; kill < 3; kill += 1) {
      const method = kill < whileReading ? 'GET' : 'PUT';
      const killed = killAt(integerBetween(random, 1, 2), method, random() < 0.5 ? 'asked' : 'answered');
      if (kill === 0) {
        await world.createTask({
          name,
          model: slowModel(100_000),
          input: input(12),
          shards,
          modelSpec: { maxBatchSize: 2 },
          spec: { timeoutSeconds: 120 },
          access: throughProxy,
        });
      }
      context.diagnostic(await killed);
      await agent.kill9();
      agent = await world.startAgent();
    }
    const task = await world.ended(name, 90_000);
    assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
    const signed = receiptOf(task);
    verifyReceipt(signed, publicKeyOf(node));
    assert.equal(signed.receipt.sequence, sequence + 1);
    let first = 0;
    for (const [shard, records] of shards.entries()) {
      const expected = encodeNpy(
        tensorOf(
          'FP32',
          [records, 4],
          Float32Array.from({ length: records * 4 }, (_, index) => first * 4 + index),
        ),
      );
      first += records;
      assert.deepEqual(Buffer.from(await world.get(outputKey(name, shard))), Buffer.from(expected));
      const digest = createHash('sha256').update(expected).digest('hex');
      assert.equal(task.status.outputs!.find(({ shardIndex }) => shardIndex === shard)!.sha256, digest);
      assert.equal(Buffer.from(signed.receipt.outputs[shard]!.sha256).toString('hex'), digest);
    }
    // One more commitment shows that no second receipt was signed for the task.
    await world.createTask({ name: `${name}-after`, model: doublingModel('FP32', ['n', 4]), input: input(1) });
    assert.equal(receiptOf(await world.ended(`${name}-after`)).receipt.sequence, sequence + 2);
  });
}

test('killed when an output is stored but nobody was told, it takes the output for its own', async () => {
  const stored = Promise.withResolvers<undefined>();
  proxy.loseAnswer = ({ method }) => {
    if (method !== 'PUT') return false;
    agent.child.kill('SIGKILL');
    stored.resolve(undefined);
    return true;
  };
  await world.createTask({
    name: 'stored',
    model: doublingModel('FP32', ['n', 4]),
    input: input(2),
    access: (access) => ({
      ...access,
      outputs: access.outputs.map((output) => ({ ...output, url: proxy.through(output.url) })),
    }),
  });
  await stored.promise;
  await agent.kill9();
  proxy.loseAnswer = () => false;
  agent = await world.startAgent();
  const { status } = await world.ended('stored');
  assert.equal(status?.phase, 'Succeeded', JSON.stringify(status?.failure));
});

test('stops within its time when it is asked to, and says that the node is not ready', async () => {
  await world.createTask({ name: 'stopping', model: endless, input: input(1) });
  await running('stopping');
  const pid = await runtimeOf(agent);
  const since = performance.now();
  assert.equal(await agent.stop(), 0);
  assert.ok(performance.now() - since < 10_000);
  assert.ok(isDead(pid));
  assert.equal((await world.node()).status?.conditions?.[0]?.status, 'False');
  assert.equal((await world.task('stopping')).status?.phase, 'Running');
  assert.equal(await verifier.stop(), 0);
});
