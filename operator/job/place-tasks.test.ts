import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openLedger, type Ledger } from '@isochrone/ledger';
import { Registry } from 'prom-client';
import { OperatorError } from '../errors.ts';
import type { AttemptKey, Placement, SchedulerClient, TaskRequest } from '../scheduler-client.ts';
import { executeAll } from './execute.ts';
import { JobMemory } from './job-memory.ts';
import { JobShell, type ShellContext } from './job-shell.ts';
import { JobMetrics } from './metrics.ts';
import type { PlacementProblem } from './observed.ts';
import { defaultJobOptions } from './options.ts';
import { placeVerification, placeWork } from './place-tasks.ts';
import { makeJob, makeModel } from './testing/objects.ts';
import { admitted, makeTask, now } from './testing/observe.ts';

const explanation = { message: '0/3 nodes fit', nodesEvaluated: 3, resolvable: true, rejects: [], candidates: [] };
const enough = 1_000_000_000n;
const signal = AbortSignal.timeout(30_000);

function bindingTo(cluster: string): object {
  const price = '100000';
  return { cluster, node: `${cluster}-1`, provider: cluster, price, deviceUuid: 'cpu', executionProvider: 'CPU' };
}

interface World {
  readonly shell: JobShell;
  readonly ledger: Ledger;
  readonly withdrawn: AttemptKey[];
  readonly clock: { now: number };
}

/** A job of the federation alpha, beta and the trusted court, whose scheduler answers as told. */
async function setUp(
  t: TestContext,
  { answer, deposit = enough }: { answer: (task: TaskRequest) => object; deposit?: bigint },
): Promise<World> {
  const ledger = openLedger(':memory:', { now: () => now });
  t.after(() => ledger.close());
  const token = await ledger.acquireLeadership('test');
  await ledger.deposit({ namespace: 'vision', amount: deposit, idempotencyKey: 'd' });
  const withdrawn: AttemptKey[] = [];
  const clock = { now };
  const scheduler: SchedulerClient = {
    place: async (tasks) =>
      tasks.map((task) => ({ binding: null, explanation, ...answer(task) }) as unknown as Placement),
    withdraw: async (attempts) => void withdrawn.push(...attempts),
    close: () => undefined,
  };
  const model = makeModel();
  const context = {
    deps: {
      ledger,
      token,
      scheduler,
      models: { get: () => model },
      tasks: { get: () => undefined },
      clusters: { get: (name: string) => ({ spec: { class: name === 'court' ? 'Trusted' : 'Edge' } }) },
      clock: { now: () => clock.now, monotonic: () => 0 },
      events: { record: () => undefined },
      logger: { warn: () => undefined },
      options: defaultJobOptions,
    },
    secret: { names: Buffer.alloc(32) },
    metrics: new JobMetrics(new Registry()),
    claimWork: () => undefined,
  } as unknown as ShellContext;
  const job = makeJob({}, { input: admitted });
  const memory = new JobMemory(job);
  memory.attempts = [];
  return { shell: new JobShell(context, 'vision/job', job, memory), ledger, withdrawn, clock };
}

/** @param blamedBy providers that the first group is kept from */
function place(groups: number, available = enough, blamedBy: readonly string[] = []): Parameters<typeof placeWork>[1] {
  const group = (_: unknown, index: number) => ({
    shards: [{ index, firstRecord: 0, records: 8 }],
    excludedNodes: [],
    excludedProviders: index === 0 ? blamedBy : [],
  });
  return { type: 'Place', groups: Array.from({ length: groups }, group), available };
}

/** Work of one shard that is held on a node of the cluster. */
async function hold({ shell, ledger }: World, attempt: number, cluster: string): Promise<void> {
  const { token } = shell.deps;
  const shards = [{ index: attempt, records: 8, amount: 1n }];
  const where = { provider: cluster, node: `${cluster}/${cluster}-1` };
  await ledger.hold({
    ...{ token, namespace: 'vision', jobUID: shell.memory.uid, attempt, purpose: 'Work', shards },
    ...where,
  });
  await shell.reload(attempt);
}

function verification(
  primary: number,
  cluster: string,
  fields: Partial<Parameters<typeof placeVerification>[1]> = {},
): Parameters<typeof placeVerification>[1] {
  const excluded = { excludedClusters: [cluster], excludedProviders: [cluster], excludedNodes: [] };
  return {
    type: 'PlaceVerification',
    primary,
    records: 8,
    needs: 'Independent',
    available: enough,
    ...excluded,
    ...fields,
  };
}

test('a group that found a node is held although one before it found none', async (t) => {
  // Given a scheduler that has a node for the second of two groups, and keeps it for that key
  const { shell, ledger } = await setUp(t, {
    answer: ({ attempt }) => (attempt === 2 ? { binding: bindingTo('beta') } : {}),
  });

  // When both are placed
  await placeWork(shell, place(2), signal);

  // Then the second is held, and the first is told
  assert.deepEqual(
    (await ledger.heldAttempts()).map(({ attempt, shards }) => [attempt, shards.map(({ index }) => index)]),
    [[2, [1]]],
  );
  assert.equal(shell.memory.placement?.reason, 'NoNodeFits');
  assert.equal(shell.nextAttempt(), 3);
});

test('work that nobody can pay for gives its nodes back', async (t) => {
  const { shell, ledger, withdrawn } = await setUp(t, {
    answer: () => ({ binding: { ...bindingTo('beta'), price: '10000000000' } }),
    deposit: 1n,
  });
  await placeWork(shell, place(3), signal);
  assert.deepEqual(await ledger.heldAttempts(), []);
  assert.equal(shell.memory.placement?.reason, 'InsufficientFunds');
  const { uid } = shell.memory;
  assert.deepEqual(
    withdrawn,
    [1, 2, 3].map((attempt) => ({ workUid: uid, attempt })),
  );
});

test('a re-execution that nobody can pay for gives its node back, and leaves no answer for another one', async (t) => {
  const asked: TaskRequest[] = [];
  const world = await setUp(t, {
    answer: (task) => (asked.push(task), { binding: bindingTo('court') }),
    deposit: 2n,
  });
  const { shell, withdrawn } = world;
  await hold(world, 1, 'alpha');
  await hold(world, 2, 'beta');
  for (const [primary, cluster] of [
    [1, 'alpha'],
    [2, 'beta'],
  ] as const) {
    await placeVerification(shell, verification(primary, cluster, { needs: 'Trusted' }), signal);
    assert.equal(shell.memory.verificationPlacement.get(primary)?.reason, 'InsufficientFunds');
  }
  assert.deepEqual(
    withdrawn,
    asked.map(({ workUid, attempt }) => ({ workUid, attempt })),
  );
  assert.deepEqual(
    asked.map(({ attempt }) => attempt),
    [3, 3],
  );
  assert.notEqual(asked[0]!.workUid, asked[1]!.workUid);
});

const offers: { name: string; offer: string; action: Parameters<typeof verification>[2] }[] = [
  { name: 'the cluster that did the work', offer: 'beta', action: { excludedProviders: [] } },
  { name: 'the provider that did the work', offer: 'beta', action: { excludedClusters: [] } },
  { name: 'a node that failed at it', offer: 'alpha', action: { excludedNodes: ['alpha/alpha-1'] } },
  { name: 'an edge cluster as the reference', offer: 'alpha', action: { needs: 'Trusted' } },
  { name: 'a trusted cluster as a peer', offer: 'court', action: {} },
];
for (const { name, offer, action } of offers) {
  test(`a node that may not re-execute is not held, whatever the scheduler answers: ${name}`, async (t) => {
    // Given a scheduler that never lets go of its answer while a node is excluded
    const world = await setUp(t, {
      answer: ({ excludedNodes }) =>
        action?.excludedNodes === undefined || excludedNodes!.length > 0 ? { binding: bindingTo(offer) } : {},
    });
    const { shell, ledger, withdrawn } = world;
    await hold(world, 1, 'beta');
    await placeVerification(shell, verification(1, 'beta', action), signal);
    assert.deepEqual(
      (await ledger.heldAttempts()).map(({ attempt }) => attempt),
      [1],
    );
    assert.equal(shell.memory.verificationPlacement.get(1)?.reason, 'NoNodeFits');
    if (action?.excludedNodes === undefined) assert.equal(withdrawn.length, 1);
  });
}

for (const [what, action] of [
  ['work', place(1)],
  ['a re-execution', verification(1, 'beta')],
] as const) {
  test(`${what} that finds no node again is decided about again, for nothing else may wake the job`, async (t) => {
    const world = await setUp(t, { answer: () => ({}) });
    const { shell, clock } = world;
    await hold(world, 1, 'beta');
    const problem = (): PlacementProblem | undefined =>
      shell.memory.placement ?? shell.memory.verificationPlacement.get(1);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await executeAll(shell, [action], signal), { changed: true, failure: undefined });
      assert.equal(problem()?.reason, 'NoNodeFits');
      assert.equal(problem()?.retryAt, clock.now + defaultJobOptions.retrySeconds * 1000);
      clock.now = problem()!.retryAt;
    }
  });
}

test('an attempt that got no task gives its place back with its pay; what a task holds ends with the task', async (t) => {
  const world = await setUp(t, { answer: () => ({}) });
  const { shell, ledger, withdrawn } = world;
  for (const attempt of [1, 2]) await hold(world, attempt, 'beta');
  shell.remember(2, makeTask(2));
  const refund = (attempt: number) => ({ type: 'Refund', attempt, reason: 'NeverStarted', charged: false }) as const;
  await executeAll(shell, [refund(1), refund(2)], signal);
  assert.deepEqual(await ledger.heldAttempts(), []);
  assert.deepEqual(withdrawn, [{ workUid: shell.identity(1).workUID, attempt: 1 }]);
});

test('an answer that only repeats a binding does not replace the reasons of the decision', async (t) => {
  const decided = { ...explanation, message: '3/3 nodes fit' };
  const repeated = { ...explanation, message: 'attempt 2 is bound already', nodesEvaluated: 0 };
  const { shell } = await setUp(t, {
    answer: ({ attempt }) => ({ binding: bindingTo('beta'), explanation: attempt === 1 ? decided : repeated }),
  });
  await placeWork(shell, place(2), signal);
  assert.equal(shell.memory.lastExplanation?.explanation.message, '3/3 nodes fit');
});

test('a request that the scheduler cannot read is not told as a scheduler that is away', async (t) => {
  const { shell } = await setUp(t, {
    answer: () => {
      throw new OperatorError('SCHEDULER_REFUSED', 'tasks[0].origin.region is "EU"');
    },
  });
  await placeWork(shell, place(1), signal);
  assert.equal(shell.memory.placement?.reason, 'PlacementRefused');
  assert.match(shell.memory.placement.message, /origin\.region is "EU"/);
});

for (const [isResolvable, expected] of [
  [true, [1]],
  [false, [0, 1]],
] as const) {
  const where = isResolvable ? 'waits for another provider' : 'goes there again when nobody else has such a node';
  test(`a shard that a provider blamed ${where}`, async (t) => {
    const { shell, ledger } = await setUp(t, {
      answer: ({ excludedProviders = [] }) =>
        excludedProviders.includes('beta')
          ? { explanation: { ...explanation, resolvable: isResolvable } }
          : { binding: bindingTo('beta') },
    });
    await placeWork(shell, place(2, enough, ['beta']), signal);
    const held = (await ledger.heldAttempts()).flatMap(({ shards }) => shards.map(({ index }) => index));
    assert.deepEqual(held.toSorted(), expected);
  });
}
