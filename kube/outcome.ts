import { retryAfterDelay } from './backoff.ts';
import type { ReconcileResult } from './controller.ts';
import { ApiError, RequeueError, TerminalError } from './errors.ts';

/** How a reconcile ended. */
export type Outcome = { result: ReconcileResult } | { error: unknown };

/** What follows from it: for the queue, for `controller_runtime_reconcile_total{result}`, and for the log. */
export interface Disposition {
  queue:
    | { action: 'forget' }
    | { action: 'backoff'; atLeastMilliseconds?: number }
    | { action: 'after'; milliseconds: number };
  result: 'success' | 'requeue_after' | 'requeue' | 'error';
  /** Counted in the error totals; `terminal` ones are not retried. */
  failure: 'none' | 'retried' | 'terminal';
  level: 'debug' | 'error';
  message: string;
}

/**
 * The one place that decides what becomes of a key after its reconcile.
 *
 * A conflict is no failure: the reconcile worked on a copy that trailed the server, and its event is on the way. A
 * throttled request waits as long as the server asked, within bounds.
 */
export function dispositionOf(outcome: Outcome): Disposition {
  if ('result' in outcome) {
    return 'requeueAfterMilliseconds' in outcome.result
      ? after(outcome.result.requeueAfterMilliseconds, 'reconciled; runs again later')
      : {
          queue: { action: 'forget' },
          result: 'success',
          failure: 'none',
          level: 'debug',
          message: 'reconciled',
        };
  }
  const { error } = outcome;
  if (error instanceof TerminalError) {
    return {
      queue: { action: 'forget' },
      result: 'error',
      failure: 'terminal',
      level: 'error',
      message: 'reconcile failed for good; it runs again when something changes',
    };
  }
  if (error instanceof RequeueError) return after(error.requeueAfterMilliseconds, error.message);
  if (error instanceof ApiError && error.isConflict) {
    return {
      queue: { action: 'backoff' },
      result: 'requeue',
      failure: 'none',
      level: 'debug',
      message: 'the object changed meanwhile; runs again',
    };
  }
  const throttledSeconds = error instanceof ApiError && error.isTooManyRequests ? error.retryAfterSeconds : undefined;
  return {
    queue: {
      action: 'backoff',
      ...(throttledSeconds === undefined ? {} : { atLeastMilliseconds: retryAfterDelay(throttledSeconds, 0, () => 0) }),
    },
    result: 'error',
    failure: 'retried',
    level: 'error',
    message: 'reconcile failed; it is retried',
  };
}

function after(milliseconds: number, message: string): Disposition {
  return {
    queue: { action: 'after', milliseconds },
    result: 'requeue_after',
    failure: 'none',
    level: 'debug',
    message,
  };
}
