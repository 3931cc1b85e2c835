import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inferenceNodeResource, inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import { ApiError, core, type ObjectReference, type Resource } from '@isochrone/kube';
import { LedgerError } from '@isochrone/ledger';
import { Registry } from 'prom-client';
import type { Action } from './actions.ts';
import { Background } from './background.ts';
import { executeAll } from './execute.ts';
import { JobMemory } from './job-memory.ts';
import { JobShell, type ShellContext } from './job-shell.ts';
import { JobMetrics } from './metrics.ts';
import { defaultJobOptions } from './options.ts';
import { makeJob } from './testing/objects.ts';
import { admitted, makeAttempt, makeTask } from './testing/observe.ts';

interface Failing {
  /** Kinds that the API server does not give, with what it answers. */
  readonly find?: (resource: Resource, ref: ObjectReference) => unknown;
  readonly refund?: (attempt: number) => void;
}

/** A job with attempts of its own windows on nodes n1, n2, ..., on a hub where all but what a test says works. */
function world({ find = () => undefined, refund = () => undefined }: Failing, count = 2) {
  const clock = { time: 1_000_000 };
  const refunded: number[] = [];
  const attempts = Array.from({ length: count }, (_, index) =>
    makeAttempt({ attempt: index + 1, node: `n${index + 1}` }),
  );
  const job = makeJob({}, { input: admitted });
  const memory = new JobMemory(job);
  memory.attempts = attempts;
  const reads: string[] = [];
  let wake: () => void = () => undefined;
  const deps = {
    client: {
      find: async (resource: Resource, ref: ObjectReference) => {
        reads.push(`${resource.kind} ${ref.name}`);
        return Promise.resolve(find(resource, ref));
      },
    },
    ledger: {
      refund: async ({ attempt }: { attempt: number }) => {
        refund(attempt);
        refunded.push(attempt);
        return Promise.resolve();
      },
      attempts: async () => Promise.resolve([]),
    },
    clock: { now: () => clock.time, monotonic: () => clock.time },
    options: defaultJobOptions,
    logger: { warn: () => undefined, error: () => undefined },
    events: { record: () => undefined },
    scheduler: { withdraw: async () => Promise.resolve() },
    tasks: { get: (): InferenceTask | undefined => undefined },
    models: { get: () => undefined },
  };
  const context = {
    deps,
    secret: { names: new Uint8Array(32) },
    background: new Background(1),
    metrics: new JobMetrics(new Registry()),
    wake: () => wake(),
    claimWork: () => undefined,
  } as unknown as ShellContext;
  const shell = new JobShell(context, 'vision/job', job, memory);
  const run = (...actions: Action[]) => executeAll(shell, actions, new AbortController().signal);
  const woken = async (): Promise<void> => new Promise<void>((resolve) => (wake = resolve));
  return { shell, memory, clock, reads, refunded, run, woken };
}

const lookUp = (attempt: number): Action => ({ type: 'LookUpTask', attempt });
const refundOf = (attempt: number): Action => ({ type: 'Refund', attempt, reason: 'TaskTimeout', charged: false });
const stranger = (): InferenceTask => makeTask(9);

test('an action that cannot be done is told and left alone for a while; other windows go on', async () => {
  let inTheWay = true;
  const { shell, memory, run, reads, clock, refunded } = world({
    find: (_, ref) => (inTheWay && ref.name === shell.taskRef(1).name ? stranger() : undefined),
  });
  assert.deepEqual(await run(lookUp(1), refundOf(1), lookUp(2), refundOf(2)), { changed: true, failure: undefined });
  assert.equal(memory.stalled.get('LookUpTask/1')?.reason, 'NameTaken');
  assert.deepEqual(refunded, [2], 'what follows in the window builds on it');
  const before = reads.length;
  assert.deepEqual(await run(lookUp(1)), { changed: false, failure: undefined });
  assert.equal(reads.length, before);
  inTheWay = false;
  clock.time = memory.stalled.get('LookUpTask/1')!.retryAt;
  assert.deepEqual(await run(lookUp(1)), { changed: true, failure: undefined });
  assert.equal(memory.stalled.size, 0);
});

test('what is no longer decided is no longer told', async () => {
  const { memory, run } = world({ find: stranger });
  await run(lookUp(1));
  assert.equal(memory.stalled.size, 1);
  await run(refundOf(1));
  assert.equal(memory.stalled.size, 0);
});

test('an error that nothing explains is handed on after the other windows had their turn', async () => {
  const broken = new Error('a bug');
  const { run, refunded, memory } = world({
    refund: (attempt) => {
      if (attempt === 1) throw broken;
    },
  });
  assert.deepEqual(await run(refundOf(1), refundOf(2)), { changed: true, failure: broken });
  assert.deepEqual(refunded, [2]);
  assert.equal(memory.stalled.size, 0);
});

test('no refund before the node that it convicts has lost trust', async () => {
  const unavailable = new Error('the API server does not answer');
  const { run, refunded } = world({
    find: (resource) => {
      if (resource.kind === inferenceNodeResource.kind) throw unavailable;
      return undefined;
    },
  });
  const convict: Action = { type: 'Quarantine', cluster: 'alpha', node: 'n1', message: 'cheated' };
  assert.deepEqual(await run(convict, refundOf(1), refundOf(2)), { changed: true, failure: unavailable });
  assert.deepEqual(refunded, [2]);
});

test('without the ledger nothing more is done', async () => {
  const { run, reads } = world({
    refund: () => {
      throw new LedgerError('LEDGER_UNAVAILABLE', 'away');
    },
  });
  await assert.rejects(run(refundOf(1), lookUp(2)), { code: 'LEDGER_UNAVAILABLE' });
  assert.deepEqual(reads, []);
});

test('a model that was deleted stalls only what needs it', async () => {
  const { run, memory, refunded } = world({});
  memory.pending.set(1, { composition: 'None' } as never);
  await run({ type: 'CreateTask', attempt: 1 }, refundOf(2));
  assert.equal(memory.stalled.get('CreateTask/1')?.reason, 'ModelNotFound');
  assert.deepEqual(refunded, [2]);
});

test('what the API server refuses for good is told too', async () => {
  const { run, memory } = world({
    find: (resource) => {
      if (resource.kind !== inferenceTaskResource.kind) return undefined;
      throw new ApiError('exceeded quota: edge', { status: 403, reason: 'Forbidden' });
    },
  });
  const { failure } = await run(lookUp(1));
  assert.equal(failure, undefined);
  assert.match(memory.stalled.get('LookUpTask/1')!.message, /exceeded quota/);
});

test('work in the background that fails is not started again at once', async () => {
  const { run, memory, reads, clock, woken } = world({});
  const secrets = (): number => reads.filter((read) => read.startsWith(core.secrets.kind)).length;
  const check = async (): Promise<void> => {
    await run({ type: 'CheckInput' });
    if (memory.busy.size > 0) await woken();
  };
  await check();
  assert.equal(memory.stalled.get('CheckInput')?.reason, 'SecretNotFound');
  const once = secrets();
  for (let again = 0; again < 100; again++) await check();
  assert.equal(secrets(), once);
  clock.time += defaultJobOptions.retrySeconds * 1000;
  await check();
  assert.equal(secrets(), 2 * once);
});

test('attempts of one window share their fate', async () => {
  const { run, memory, refunded } = world({ find: stranger });
  memory.attempts = [
    ...memory.attempts!,
    makeAttempt({ attempt: 3, verifies: 1, purpose: 'Verification', node: 'n3' }),
  ];
  await run(lookUp(3), refundOf(1), refundOf(2));
  assert.deepEqual(refunded, [2]);
});
