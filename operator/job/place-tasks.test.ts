import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLedger } from '@isochrone/ledger';
import { Registry } from 'prom-client';
import type { Placement, TaskRequest } from '../scheduler-client.ts';
import { JobMemory } from './job-memory.ts';
import { JobShell, type ShellContext } from './job-shell.ts';
import { JobMetrics } from './metrics.ts';
import { defaultJobOptions } from './options.ts';
import { placeWork } from './place-tasks.ts';
import { makeJob, makeModel } from './testing/objects.ts';
import { admitted, now } from './testing/observe.ts';

const binding = {
  cluster: 'beta',
  node: 'beta-1',
  provider: 'acme',
  price: '100000',
  device: 'cpu',
  executionProvider: 'CPU',
};
const explanation = { message: '0/3 nodes fit', nodesEvaluated: 3, resolvable: true, rejects: [], candidates: [] };

test('a group that found a node is held although one before it found none', async () => {
  // Given a scheduler that has a node for the second of two groups, and keeps it for that key
  const ledger = openLedger(':memory:', { now: () => now });
  const token = await ledger.acquireLeadership('test');
  await ledger.deposit({ namespace: 'vision', amount: 1_000_000_000n, idempotencyKey: 'd' });
  const place = async (tasks: readonly TaskRequest[]): Promise<Placement[]> =>
    tasks.map(({ attempt }) => ({ attempt, explanation, binding: attempt === 2 ? binding : null }) as never);
  const model = makeModel();
  const context = {
    deps: {
      ledger,
      token,
      scheduler: { place, close: () => undefined },
      models: { get: () => model },
      clock: { now: () => now, monotonic: () => 0 },
      options: defaultJobOptions,
    },
    secret: { names: Buffer.alloc(32) },
    metrics: new JobMetrics(new Registry()),
    claimWork: () => undefined,
  } as unknown as ShellContext;
  const job = makeJob({}, { input: admitted });
  const memory = new JobMemory(job);
  memory.attempts = [];
  const shell = new JobShell(context, 'vision/job', job, memory);

  // When both are placed
  const group = (index: number): object => ({ shards: [{ index, records: 8 }], excludedNodes: [] });
  const action = { type: 'Place', groups: [group(0), group(1)], available: 1_000_000_000n } as never;
  const held = await placeWork(shell, action, AbortSignal.timeout(10_000));

  // Then the second is held, and the first is told
  assert.equal(held, true);
  assert.deepEqual(
    (await ledger.heldAttempts()).map(({ attempt, shards }) => [attempt, shards.map(({ index }) => index)]),
    [[2, [1]]],
  );
  assert.equal(memory.placement?.reason, 'NoNodeFits');
  assert.equal(shell.nextAttempt(), 3);
  await ledger.close();
});
