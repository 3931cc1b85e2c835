import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Registry } from 'prom-client';
import { Controller, done, requeueAfter, type ControllerOptions, type Reconcile } from './controller.ts';
import { TerminalError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import type { Change, ChangeSource } from './informer.ts';
import { Metrics } from './metrics.ts';
import { RecordingLogger } from './recording-logger.ts';

class ManualSource implements ChangeSource<string> {
  readonly handlers = new Set<(change: Change<string>) => void>();
  readonly ready = Promise.withResolvers<undefined>();
  onChange(handler: (change: Change<string>) => void): () => void {
    this.handlers.add(handler);
    return () => void this.handlers.delete(handler);
  }
  async synced(): Promise<void> {
    await this.ready.promise;
  }
  emit(change: Change<string>): void {
    for (const handler of this.handlers) handler(change);
  }
}

function start(reconcile: Reconcile, options: Partial<ControllerOptions> = {}, source?: ManualSource) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const stop = new AbortController();
  const metrics = new Metrics(registry);
  const controller = new Controller({ name: 'jobs', reconcile, clock, logger, metrics, ...options });
  if (source !== undefined) controller.watches(source, (item, key) => [key, ...(item === '' ? [] : [`owner/${item}`])]);
  let finished = false;
  const running = controller.run(stop.signal).then(() => (finished = true));
  return { clock, logger, registry, controller, stop, running, isFinished: () => finished };
}

describe('Controller', () => {
  test('reconciles nothing before the first sync; then maps changes to keys, and updates to the keys of both states', async () => {
    const source = new ManualSource();
    const keys: string[] = [];
    const run = start(async (key) => (keys.push(key), done), {}, source);
    source.emit({ type: 'Added', key: 'ns/a', current: 'x', initial: true });
    await run.clock.advance(1);
    assert.deepEqual(keys, []);
    source.ready.resolve(undefined);
    await run.clock.advance(1);
    assert.deepEqual(keys.splice(0), ['ns/a', 'owner/x']);
    source.emit({ type: 'Updated', key: 'ns/a', current: 'y', previous: 'x' });
    await run.clock.advance(1);
    assert.deepEqual(keys.splice(0), ['ns/a', 'owner/y', 'owner/x']);
    source.emit({ type: 'Deleted', key: 'ns/a', previous: 'y' });
    await run.clock.advance(1);
    assert.deepEqual(keys, ['ns/a', 'owner/y']);
    run.stop.abort();
    await run.running;
    assert.equal(source.handlers.size, 0);
  });

  test('a key that asks to run again at once leaves the event loop its turns', async () => {
    let runs = 0;
    let turned = false;
    const controller = new Controller({
      name: 'eager',
      logger: new RecordingLogger(),
      metrics: new Metrics(new Registry()),
      reconcile: async () => {
        runs += 1;
        return turned || runs > 1000 ? done : requeueAfter(0);
      },
    });
    const stop = new AbortController();
    controller.enqueue('a');
    const running = controller.run(stop.signal);
    setTimeout(() => {
      turned = true;
      stop.abort();
    }, 20);
    await running;
    assert.ok(runs < 1000, `${runs} runs before another timer`);
  });

  test('a span that is no number fails the reconcile, which is retried', async () => {
    let attempts = 0;
    const run = start(async (_key, { attempt }) => ((attempts = attempt), requeueAfter(attempt === 1 ? NaN : 60_000)));
    run.controller.enqueue('a');
    await run.clock.advance(10);
    assert.equal(attempts, 2);
    assert.match(String(run.logger.lines.find((line) => line.level === 'error')?.fields['err']), /requeueAfter is NaN/);
    run.stop.abort();
    await run.running;
  });

  test('what changes now goes before the first sync', async () => {
    const source = new ManualSource();
    const keys: string[] = [];
    const run = start(async (key) => (keys.push(key), done), {}, source);
    source.emit({ type: 'Added', key: 'ns/old', current: '', initial: true });
    source.emit({ type: 'Added', key: 'ns/new', current: '', initial: false });
    source.ready.resolve(undefined);
    await run.clock.advance(1);
    assert.deepEqual(keys, ['ns/new', 'ns/old']);
    run.stop.abort();
    await run.running;
  });

  test('retries an error with growing delays and the number of the attempt; success forgets', async () => {
    const at: [number, number][] = [];
    const clock = new FakeClock();
    const run = start(
      async (_key, { attempt }) => {
        at.push([clock.monotonic(), attempt]);
        if (attempt < 4) throw new Error('not yet');
        return done;
      },
      { clock, backoff: { baseMilliseconds: 100 } },
    );
    run.controller.enqueue('a');
    await clock.advance(5_000);
    assert.deepEqual(at, [
      [0, 1],
      [100, 2],
      [300, 3],
      [700, 4],
    ]);
    const text = await run.registry.metrics();
    assert.match(text, /controller_runtime_reconcile_total\{controller="jobs",result="error"\} 3/);
    assert.match(text, /controller_runtime_reconcile_total\{controller="jobs",result="success"\} 1/);
    assert.match(text, /controller_runtime_reconcile_errors_total\{controller="jobs"\} 3/);
    assert.match(text, /workqueue_retries_total\{name="jobs"\} 3/);
    const line = run.logger.lines.find((entry) => entry.level === 'error');
    assert.equal(line?.fields['key'], 'a');
    assert.match(String(line?.fields['reconcileID']), /^[0-9a-f-]{36}$/);
    run.controller.enqueue('a');
    await clock.advance(1);
    assert.equal(at.at(-1)?.[1], 1);
    run.stop.abort();
    await run.running;
  });

  test('a TerminalError is counted and not retried', async () => {
    let runs = 0;
    const run = start(async () => {
      runs += 1;
      throw new TerminalError('spec.model does not exist');
    });
    run.controller.enqueue('a');
    await run.clock.advance(3_600_000);
    assert.equal(runs, 1);
    assert.match(await run.registry.metrics(), /terminal_reconcile_errors_total\{controller="jobs"\} 1/);
    run.controller.enqueue('a');
    await run.clock.advance(1);
    assert.equal(runs, 2, 'a change runs it again');
    run.stop.abort();
    await run.running;
  });

  test('requeueAfter runs again after the span; enqueue takes one too', async () => {
    const at: number[] = [];
    const clock = new FakeClock();
    const run = start(async () => (at.push(clock.monotonic()), at.length < 3 ? requeueAfter(60_000) : done), { clock });
    run.controller.enqueue('a', { afterMilliseconds: 500 });
    await clock.advance(300_000);
    assert.deepEqual(at, [500, 60_500, 120_500]);
    run.stop.abort();
    await run.running;
  });

  test('a key is never reconciled twice at once; other keys run beside it', async () => {
    const active: string[] = [];
    const log: string[] = [];
    const gates = new Map<string, () => void>();
    const run = start(
      async (key) => {
        assert.ok(!active.includes(key));
        active.push(key);
        log.push(key);
        await new Promise<void>((resolve) => gates.set(key, resolve));
        active.splice(active.indexOf(key), 1);
        return done;
      },
      { concurrency: 3 },
    );
    for (const key of ['a', 'b', 'a', 'a']) run.controller.enqueue(key);
    await run.clock.advance(1);
    run.controller.enqueue('a');
    await run.clock.advance(1);
    assert.deepEqual(log, ['a', 'b']);
    gates.get('a')!();
    await run.clock.advance(1);
    assert.deepEqual(log, ['a', 'b', 'a']);
    gates.get('a')!();
    gates.get('b')!();
    run.stop.abort();
    await run.running;
  });

  test('stops when running reconciles have finished, and starts no waiting one', async () => {
    const gate = Promise.withResolvers<undefined>();
    const keys: string[] = [];
    const run = start(async (key) => {
      keys.push(key);
      await gate.promise;
      return done;
    });
    run.controller.enqueue('a');
    run.controller.enqueue('b');
    await run.clock.advance(1);
    run.stop.abort();
    await run.clock.advance(10_000);
    assert.equal(run.isFinished(), false);
    gate.resolve(undefined);
    await run.running;
    assert.deepEqual(keys, ['a']);
    assert.equal(run.clock.waiting, 0, 'no timer is left');
  });

  test('after the grace period running reconciles are aborted and left', async () => {
    let aborted = false;
    const run = start(
      async (_key, { signal }) => {
        signal.addEventListener('abort', () => (aborted = true));
        await new Promise(() => undefined);
        return done;
      },
      { graceMilliseconds: 5_000 },
    );
    run.controller.enqueue('stuck');
    await run.clock.advance(1);
    run.stop.abort();
    await run.clock.advance(4_999);
    assert.equal(run.isFinished(), false);
    await run.clock.advance(1);
    await run.running;
    assert.equal(aborted, true);
    const warning = run.logger.lines.find((line) => line.level === 'warn');
    assert.deepEqual(warning?.fields['keys'], ['stuck']);
  });

  test('a reconcile that takes too long is aborted and retried', async () => {
    const attempts: number[] = [];
    const run = start(
      async (_key, { signal, attempt }) => {
        attempts.push(attempt);
        if (attempt > 1) return done;
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
        return done;
      },
      { reconcileTimeoutMilliseconds: 1_000 },
    );
    run.controller.enqueue('a');
    await run.clock.advance(2_000);
    assert.deepEqual(attempts, [1, 2]);
    run.stop.abort();
    await run.running;
  });

  test('stopping before the first sync resolves', async () => {
    const run = start(async () => done, {}, new ManualSource());
    await run.clock.advance(1);
    run.stop.abort();
    await run.running;
  });
});
