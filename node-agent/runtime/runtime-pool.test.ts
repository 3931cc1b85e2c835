import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock, type Clock } from '@isochrone/kube';
import { createTensor } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import { doublingModel, reducingModel, slowModel } from '../testing/models.ts';
import { quietLogger } from '../testing/quiet-logger.ts';
import { RuntimePool, type RuntimeKey, type RuntimeLease } from './runtime-pool.ts';

const folder = await mkdtemp(join(tmpdir(), 'pool-'));
after(() => rm(folder, { recursive: true }));
const forever = new AbortController().signal;
const tensor = createTensor('FP32', [1, 4], new Uint8Array(16));

/** Real time, but no waiting between the tries: delays are told instead. */
function impatientClock(slept: number[]): Clock {
  return { ...systemClock, sleep: async (milliseconds) => void slept.push(Math.round(milliseconds)) };
}

function makePool(slept: number[] = []): { pool: RuntimePool; restarts: () => number } {
  let restarts = 0;
  const pool = new RuntimePool({
    clock: impatientClock(slept),
    logger: quietLogger,
    environment: process.env,
    idleMilliseconds: 60_000,
    onRestart: () => (restarts += 1),
  });
  after(() => pool.close());
  return { pool, restarts: () => restarts };
}

async function model(bytes: Uint8Array): Promise<{ key: RuntimeKey; path: string }> {
  const modelSha256 = createHash('sha256').update(bytes).digest('hex');
  const path = join(folder, modelSha256);
  await writeFile(path, bytes);
  return {
    path,
    key: {
      deviceUUID: 'd',
      gpuUUID: undefined,
      executionProvider: 'CPU',
      numericProfile: 'FP32Strict',
      cpuThreads: 1,
      modelSha256,
    },
  };
}

/** Kills each process that comes, once it is loaded, until it is over. @returns how many */
async function killEach(
  lease: RuntimeLease,
  ended: Promise<void>,
  signal: NodeJS.Signals,
  onKill: (count: number) => void = () => undefined,
): Promise<number> {
  let over = false;
  void ended.then(() => (over = true));
  const killed = new Set<number>();
  while (!over) {
    const { processId, alive } = lease.loaded.runtime;
    if (alive && processId !== undefined && !killed.has(processId)) {
      killed.add(processId);
      process.kill(processId, signal);
      onKill(killed.size);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return killed.size;
}

const later = (): number => systemClock.monotonic() + 30_000;

describe('runtime pool', () => {
  test('a warm process is taken over by the next task with the model', async () => {
    const { pool } = makePool();
    const { key, path } = await model(doublingModel('FP32', ['n', 4]));
    const processes: (number | undefined)[] = [];
    for (let task = 0; task < 2; task += 1) {
      await using lease = await pool.acquire(key, path, later(), forever);
      await lease.run([tensor]);
      processes.push(lease.loaded.runtime.processId);
    }
    assert.equal(processes[0], processes[1]);
  });

  test('a warm process makes way for another model on its device', async () => {
    const { pool } = makePool();
    const [first, second] = [
      await model(doublingModel('FP32', ['n', 4])),
      await model(doublingModel('FP32', ['n', 5])),
    ];
    const lease = await pool.acquire(first.key, first.path, later(), forever);
    const { runtime } = lease.loaded;
    await lease[Symbol.asyncDispose]();
    await using other = await pool.acquire(second.key, second.path, later(), forever);
    assert.deepEqual([runtime.alive, other.loaded.runtime.alive], [false, true]);
  });

  test('a crashed process is replaced and the run repeated', async () => {
    const slept: number[] = [];
    const { pool, restarts } = makePool(slept);
    const { key, path } = await model(doublingModel('FP32', ['n', 4]));
    await using lease = await pool.acquire(key, path, later(), forever);
    process.kill(lease.loaded.runtime.processId!, 'SIGKILL');
    const { outputs } = await lease.run([
      createTensor('FP32', [1, 4], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)),
    ]);
    assert.deepEqual([...new Float32Array(outputs[0]!.data.slice().buffer)], [2, 4, 6, 8]);
    assert.equal(restarts(), 1);
    assert.equal(slept.length, 1);
    assert.ok(slept[0]! > 0 && slept[0]! <= 500);
  });

  test('a model that crashes three times is in quarantine, which says why', async () => {
    const slept: number[] = [];
    const { pool, restarts } = makePool(slept);
    const { key, path } = await model(slowModel(2 ** 50));
    await using lease = await pool.acquire(key, path, later(), forever);
    const isQuarantine = (error: unknown): boolean =>
      error instanceof TaskFailure &&
      error.reason === 'RuntimeCrashed' &&
      /crashed 3 times in a row.*SIGABRT/s.test(error.message);
    const running = lease.run([tensor]);
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    const killed = await killEach(lease, ended, 'SIGABRT');
    await assert.rejects(running, isQuarantine);
    assert.deepEqual([killed, restarts(), slept.length], [3, 3, 2]);
    await assert.rejects(pool.acquire(key, path, later(), forever), isQuarantine);
  });

  test('a model whose process somebody kills again and again is run again and again', async () => {
    const slept: number[] = [];
    const { pool } = makePool(slept);
    const { key, path } = await model(slowModel(2 ** 50));
    const stop = new AbortController();
    await using lease = await pool.acquire(key, path, later(), stop.signal);
    const running = assert.rejects(lease.run([tensor]), /enough/);
    const killed = await killEach(lease, running, 'SIGKILL', (count) => {
      if (count === 5) stop.abort(new Error('enough'));
    });
    assert.equal(killed, 5);
    assert.ok(slept.length >= 4);
  });

  test('a warm process that one task takes over is not ended by another that needs room', async () => {
    const { pool } = makePool();
    const [first, second, third] = [
      await model(doublingModel('FP32', ['n', 6])),
      await model(doublingModel('FP32', ['n', 4])),
      await model(doublingModel('FP32', ['n', 5])),
    ];
    const leases = [
      await pool.acquire(first.key, first.path, later(), forever),
      await pool.acquire(second.key, second.path, later(), forever),
    ];
    for (const lease of leases) await lease[Symbol.asyncDispose]();
    const other = pool.acquire(third.key, third.path, later(), forever);
    await using lease = await pool.acquire(second.key, second.path, later(), forever);
    await using loaded = await other;
    await lease.run([tensor]);
    assert.deepEqual([lease.loaded.runtime.alive, loaded.loaded.runtime.alive], [true, true]);
  });

  test('stopping the task ends its process and its run with the reason', async () => {
    const { pool } = makePool();
    const { key, path } = await model(slowModel(2 ** 50));
    const stop = new AbortController();
    await using lease = await pool.acquire(key, path, later(), stop.signal);
    const running = lease.run([tensor]);
    const reason = new Error('deleted');
    stop.abort(reason);
    await assert.rejects(running, (error: unknown) => error === reason);
    assert.equal(lease.loaded.runtime.alive, false);
  });

  test('a run past the deadline of its task is a TaskTimeout', async () => {
    const { pool } = makePool();
    const { key, path } = await model(slowModel(2 ** 50));
    await using lease = await pool.acquire(key, path, systemClock.monotonic() + 2_000, forever);
    await assert.rejects(
      lease.run([tensor]),
      (error: unknown) => error instanceof TaskFailure && error.reason === 'TaskTimeout',
    );
  });

  test('a model that cannot be run leaves no process', async () => {
    const { pool } = makePool();
    const { key, path } = await model(reducingModel([0, 4]));
    await assert.rejects(
      pool.acquire(key, path, later(), forever),
      (error: unknown) => error instanceof TaskFailure && error.reason === 'UnsupportedTensor',
    );
  });
});
