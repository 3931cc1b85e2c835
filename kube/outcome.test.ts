import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { done, requeueAfter } from './controller.ts';
import { ApiError, ClusterNotConnectedError, RequeueError, TerminalError } from './errors.ts';
import { dispositionOf, type Disposition, type Outcome } from './outcome.ts';

describe('dispositionOf', () => {
  const after = (milliseconds: number): Disposition['queue'] => ({ action: 'after', milliseconds });
  const cases: [string, Outcome, Disposition['queue'], Disposition['result'], Disposition['failure'], string][] = [
    ['done', { result: done }, { action: 'forget' }, 'success', 'none', 'debug'],
    ['requeueAfter', { result: requeueAfter(2500) }, after(2500), 'requeue_after', 'none', 'debug'],
    ['an error', { error: new Error('x') }, { action: 'backoff' }, 'error', 'retried', 'error'],
    ['something thrown that is no Error', { error: 'x' }, { action: 'backoff' }, 'error', 'retried', 'error'],
    ['TerminalError', { error: new TerminalError('x') }, { action: 'forget' }, 'error', 'terminal', 'error'],
    ['RequeueError', { error: new RequeueError('x', 70) }, after(70), 'requeue_after', 'none', 'debug'],
    [
      'a member that is not connected',
      { error: new ClusterNotConnectedError('edge', 5000) },
      after(5000),
      'requeue_after',
      'none',
      'debug',
    ],
    [
      'a conflict',
      { error: new ApiError('x', { status: 409, reason: 'Conflict' }) },
      { action: 'backoff' },
      'requeue',
      'none',
      'debug',
    ],
    [
      'already exists',
      { error: new ApiError('x', { status: 409, reason: 'AlreadyExists' }) },
      { action: 'backoff' },
      'error',
      'retried',
      'error',
    ],
    [
      'throttled',
      { error: new ApiError('x', { status: 429, retryAfterSeconds: 3 }) },
      { action: 'backoff', atLeastMilliseconds: 3000 },
      'error',
      'retried',
      'error',
    ],
    [
      'throttled for a day',
      { error: new ApiError('x', { status: 429, retryAfterSeconds: 86_400 }) },
      { action: 'backoff', atLeastMilliseconds: 60_000 },
      'error',
      'retried',
      'error',
    ],
    ['forbidden', { error: new ApiError('x', { status: 403 }) }, { action: 'backoff' }, 'error', 'retried', 'error'],
  ];
  for (const [name, outcome, queue, result, failure, level] of cases) {
    test(name, () => {
      const disposition = dispositionOf(outcome);
      assert.deepEqual(disposition.queue, queue);
      assert.equal(disposition.result, result);
      assert.equal(disposition.failure, failure);
      assert.equal(disposition.level, level);
    });
  }
});
