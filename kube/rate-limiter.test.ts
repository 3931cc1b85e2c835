import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exponentialBackoff, jitteredBackoff } from './backoff.ts';
import { FakeClock } from './fake-clock.ts';
import { RateLimiter } from './rate-limiter.ts';

describe('RateLimiter', () => {
  test('lets a burst through, then the rate, in order; an aborted wait gives its token back', async () => {
    const clock = new FakeClock();
    const limiter = new RateLimiter(10, 2, clock);
    const passed: [string, number][] = [];
    const pass = async (name: string, signal?: AbortSignal): Promise<void> => {
      await limiter.take(signal);
      passed.push([name, clock.monotonic()]);
    };
    const abort = new AbortController();
    const all = [pass('a'), pass('b'), pass('c'), assert.rejects(pass('x', abort.signal)), pass('d')];
    await clock.advance(10);
    abort.abort();
    await clock.advance(1_000);
    await Promise.all(all);
    assert.deepEqual(passed, [
      ['a', 0],
      ['b', 0],
      ['c', 100],
      ['d', 300],
    ]);
    assert.equal(limiter.tryTake(), true);
  });
  test('refuses a rate of nothing', () => {
    assert.throws(() => new RateLimiter(0, 1, new FakeClock()), /rate must be > 0/);
  });
});

describe('backoff', () => {
  test('doubles up to the most, and does not overflow', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 1e9].map((attempt) => exponentialBackoff(attempt, 5, 30)),
      [5, 10, 20, 30, 30],
    );
  });
  test('jitter keeps at least half', () => {
    assert.equal(
      jitteredBackoff(2, 100, 10_000, () => 0),
      200,
    );
    assert.equal(
      jitteredBackoff(2, 100, 10_000, () => 1),
      400,
    );
  });
});
