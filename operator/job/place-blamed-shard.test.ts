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

/** @returns which of the shards are held, when only acme has nodes for the shards that acme blamed; `resolvable`: others may come */
async function heldShards(resolvable: boolean): Promise<number[]> {
  const ledger = openLedger(':memory:', { now: () => now });
  const token = await ledger.acquireLeadership('test');
  await ledger.deposit({ namespace: 'vision', amount: 1_000_000_000n, idempotencyKey: 'd' });
  const explanation = { message: '0/1 nodes fit', nodesEvaluated: 1, resolvable, rejects: [], candidates: [] };
  const place = async (tasks: readonly TaskRequest[]): Promise<Placement[]> =>
    tasks.map(
      ({ attempt, excludedProviders }) =>
        ({ attempt, explanation, binding: excludedProviders?.includes('acme') ? null : binding }) as never,
    );
  const model = makeModel();
  const context = {
    deps: {
      ledger,
      token,
      scheduler: { place, close: () => undefined },
      models: { get: () => model },
      clusters: { get: () => undefined },
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
  const group = (index: number, excludedProviders: string[]): object => ({
    shards: [{ index, records: 8 }],
    excludedNodes: [],
    excludedProviders,
  });
  const groups = [group(0, ['acme']), group(1, [])];
  const action = { type: 'Place', groups, available: 1_000_000_000n } as never;
  await placeWork(new JobShell(context, 'vision/job', job, memory), action, AbortSignal.timeout(10_000));
  const held = (await ledger.heldAttempts()).flatMap(({ shards }) => shards.map(({ index }) => index));
  await ledger.close();
  return held;
}

test('a shard that a provider blamed waits for another provider', async () => {
  assert.deepEqual(await heldShards(true), [1]);
});

test('a shard that a provider blamed goes there again when nobody else has such a node', async () => {
  assert.deepEqual((await heldShards(false)).toSorted(), [0, 1]);
});
