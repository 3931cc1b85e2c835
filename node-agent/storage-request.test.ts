import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '@isochrone/kube/testing';
import { TaskFailure } from './errors.ts';
import { TransientStorageError, retryStorage, storageFailure, type StorageContext } from './storage-request.ts';

function context(clock: FakeClock, overrides: Partial<StorageContext> = {}): StorageContext {
  return {
    clock,
    random: () => 1,
    signal: new AbortController().signal,
    deadline: 60_000,
    expires: clock.now() + 60_000,
    ...overrides,
  };
}

describe('what an answer of storage means', () => {
  const clock = new FakeClock();
  for (const [status, text, expired, expected] of [
    [404, '', false, 'InputNotFound'],
    [412, '', false, 'InputChanged'],
    [403, '', false, 'StorageUnavailable'],
    [403, '', true, 'StorageExpired'],
    [400, 'ExpiredToken', true, 'StorageExpired'],
    [404, '', true, 'InputNotFound'],
    [418, '', false, 'StorageUnavailable'],
    [500, '', false, undefined],
    [503, '', true, undefined],
    [429, '', false, undefined],
    [409, '', false, undefined],
    [400, '<Code>BadDigest</Code>', false, undefined],
  ] as const) {
    test(`${status}${text && ` ${text}`}${expired ? ' after the end of access' : ''}: ${expected ?? 'try again'}`, async () => {
      const observed = context(clock, { expires: clock.now() + (expired ? -1 : 1) });
      const failure = await storageFailure('GET', new Response(text, { status }), observed, {
        404: 'InputNotFound',
        412: 'InputChanged',
      });
      if (expected === undefined) assert.ok(failure instanceof TransientStorageError);
      else assert.ok(failure instanceof TaskFailure && failure.reason === expected, failure.message);
    });
  }
});

describe('tries', () => {
  test('wait longer and longer, up to a limit, until the deadline', async () => {
    const clock = new FakeClock();
    const moments: number[] = [];
    const trying = retryStorage('GET', context(clock), async () => {
      moments.push(clock.monotonic());
      throw new TransientStorageError('503');
    });
    const failed = assert.rejects(
      trying,
      (error: unknown) =>
        error instanceof TaskFailure && error.reason === 'StorageUnavailable' && /503/.test(error.message),
    );
    await clock.advance(60_000);
    await failed;
    assert.deepEqual(moments, [0, 200, 600, 1400, 3000, 6200, 12_600, 22_600, 32_600, 42_600, 52_600]);
  });

  test('end with what is no matter of time', async () => {
    let tries = 0;
    const failure = new TaskFailure('InputNotFound', 'gone');
    await assert.rejects(
      retryStorage('GET', context(new FakeClock()), async () => {
        tries += 1;
        throw failure;
      }),
      (error: unknown) => error === failure,
    );
    assert.equal(tries, 1);
  });

  test('end at once when the task is stopped', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const trying = retryStorage('GET', context(clock, { signal: stop.signal }), async () => {
      throw new TransientStorageError('503');
    });
    const reason = new Error('stopped');
    const failed = assert.rejects(trying, (error: unknown) => error === reason);
    await clock.advance(100);
    stop.abort(reason);
    await failed;
  });
});
