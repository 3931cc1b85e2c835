import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from './fake-clock.ts';
import { Metrics } from './metrics.ts';
import { WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  test('collapses equal keys', async () => {
    const queue = new WorkQueue({ name: 'q' });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    assert.equal(queue.length, 2);
    assert.equal((await queue.take())?.key, 'a');
    assert.equal((await queue.take())?.key, 'b');
    assert.equal(queue.length, 0);
  });

  test('a key added while it is worked on comes again, and only after done', async () => {
    const queue = new WorkQueue({ name: 'q' });
    queue.add('a');
    await queue.take();
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(queue.length, 1);
  });

  test('higher priority first, arrival order within one; adding again raises', async () => {
    const queue = new WorkQueue({ name: 'q' });
    queue.add('old', { priority: -100 });
    queue.add('older', { priority: -100 });
    queue.add('new');
    queue.add('older', { priority: 5 });
    queue.add('new', { priority: -100 });
    const order = [await queue.take(), await queue.take(), await queue.take()].map((item) => item?.key);
    assert.deepEqual(order, ['older', 'new', 'old']);
  });

  test('a delay that is no number is refused instead of losing the key', () => {
    const queue = new WorkQueue({ name: 'q' });
    assert.throws(() => queue.addAfter('a', NaN), /delay of key a is NaN/);
  });

  test('a failure is retried after its backoff, or after the span that is asked for where that is longer', () => {
    const queue = new WorkQueue({ name: 'q', clock: new FakeClock() });
    assert.equal(queue.addRateLimited('a', { atLeastMilliseconds: 1 }), 5);
    assert.equal(queue.addRateLimited('a', { atLeastMilliseconds: 3000 }), 3000);
    assert.equal(queue.failures('a'), 2);
  });

  test('of two delays the earlier wins, and an immediate add cancels both', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ name: 'q', clock });
    queue.addAfter('a', 5000);
    queue.addAfter('a', 1000);
    await clock.advance(999);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    assert.equal(queue.length, 1);
    await clock.advance(10_000);
    assert.equal(queue.length, 1, 'the later delay must not add it again');
    queue.addAfter('b', 1000);
    queue.add('b');
    queue.done((await queue.take())!.key);
    queue.done((await queue.take())!.key);
    await clock.advance(10_000);
    assert.equal(queue.length, 0);
  });

  test('a delayed key keeps its priority', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ name: 'q', clock });
    queue.addAfter('low', 10, { priority: -5 });
    queue.addAfter('high', 20, { priority: 7 });
    await clock.advance(30);
    assert.deepEqual(await queue.take(), { key: 'high', priority: 7 });
    assert.deepEqual(await queue.take(), { key: 'low', priority: -5 });
  });

  test('close wakes takers and ignores later adds', async () => {
    const queue = new WorkQueue({ name: 'q' });
    const taking = [queue.take(), queue.take()];
    queue.close();
    assert.deepEqual(await Promise.all(taking), [undefined, undefined]);
    queue.add('a');
    assert.equal(await queue.take(), undefined);
  });

  test('metrics: depth, adds, retries, durations, longest running; two queues of one name share them', async () => {
    const clock = new FakeClock();
    const registry = new Registry();
    const first = new WorkQueue({ name: 'q', clock, metrics: new Metrics(registry) });
    const second = new WorkQueue({ name: 'q', clock, metrics: new Metrics(registry) });
    first.add('a');
    second.add('a');
    second.add('b');
    const value = async (name: string): Promise<number | undefined> =>
      (await registry.getSingleMetric(name)!.get()).values.at(-1)?.value;
    assert.equal(await value('workqueue_depth'), 3);
    assert.equal(await value('workqueue_adds_total'), 3);
    await first.take();
    await clock.advance(4000);
    await second.take();
    assert.equal(await value('workqueue_longest_running_processor_seconds'), 4);
    second.addRateLimited('a');
    assert.equal(await value('workqueue_retries_total'), 1);
    first.done('a');
    const text = await registry.metrics();
    assert.match(text, /workqueue_queue_duration_seconds_count\{name="q"\} 2/);
    assert.match(text, /workqueue_work_duration_seconds_sum\{name="q"\} 4\n/);
    second.close();
    assert.equal(await value('workqueue_depth'), 0);
  });

  test('property: backoff never shrinks, starts at the base, ends at the most, and forget starts anew', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 1e6 }), (base, most) => {
        const clock = new FakeClock();
        const queue = new WorkQueue({
          name: 'q',
          clock,
          backoff: { baseMilliseconds: base, maxMilliseconds: most },
        });
        const delays = Array.from({ length: 40 }, () => queue.addRateLimited('a'));
        assert.equal(delays[0], base);
        assert.equal(delays.at(-1), most);
        for (const [index, delay] of delays.entries()) assert.ok(delay >= (delays[index - 1] ?? 0));
        queue.forget('a');
        assert.equal(queue.addRateLimited('a'), base);
      }),
    );
  });

  test('property: no key is lost, and no key is ever with two workers', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const command = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, priority: fc.integer({ min: -2, max: 2 }) }),
      fc.record({ do: fc.constant('after' as const), key, milliseconds: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ do: fc.constant('retry' as const), key }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('done' as const), index: fc.nat(10) }),
      fc.record({ do: fc.constant('advance' as const), milliseconds: fc.integer({ min: 0, max: 60 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const clock = new FakeClock();
        const queue = new WorkQueue({ name: 'q', clock });
        // Keys that must still be taken once: every add sets the key, a take clears it.
        const owed = new Set<string>();
        const working = new Set<string>();
        let takers = 0;
        const take = (): void => {
          takers += 1;
          void queue.take().then((item) => {
            takers -= 1;
            assert.ok(item !== undefined);
            assert.ok(!working.has(item.key), `${item.key} is with two workers`);
            working.add(item.key);
            owed.delete(item.key);
          });
        };
        for (const step of commands) {
          switch (step.do) {
            case 'add':
              owed.add(step.key);
              queue.add(step.key, { priority: step.priority });
              break;
            case 'after':
              owed.add(step.key);
              queue.addAfter(step.key, step.milliseconds);
              break;
            case 'retry':
              owed.add(step.key);
              queue.addRateLimited(step.key);
              break;
            case 'take':
              take();
              break;
            case 'done': {
              const busy = [...working][step.index % Math.max(1, working.size)];
              if (busy !== undefined) {
                working.delete(busy);
                queue.done(busy);
              }
              break;
            }
            case 'advance':
              await clock.advance(step.milliseconds);
              break;
          }
          await clock.advance(0);
        }
        // All workers finish and everything falls due: whatever was owed is taken.
        for (let round = 0; round < 10; round++) {
          for (const busy of [...working]) {
            working.delete(busy);
            queue.done(busy);
          }
          if (takers === 0 && owed.size > 0) take();
          await clock.advance(2_000_000);
        }
        assert.deepEqual([...owed], []);
      }),
      { numRuns: 300 },
    );
  });
});
