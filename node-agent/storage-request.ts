import type { Clock } from '@isochrone/kube';
import { TaskFailure, messageOf, type FailureReason } from './errors.ts';

/** When storage access and the attempt end, by the wall and the monotonic clock. */
export interface StorageContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds after which nothing is tried again. */
  readonly deadline: number;
  /** Wall clock milliseconds when the presigned URLs end. */
  readonly expires: number;
}

const firstDelayMilliseconds = 200;
const longestDelayMilliseconds = 10_000;

/** A try that may go better the next time. */
export class TransientStorageError extends Error {}

/**
 * Tries until it succeeds, fails for good, or the deadline has come. Delays grow and are jittered, so that many agents do not
 * come back together.
 * @throws TaskFailure what `attempt` throws, or StorageUnavailable at the deadline
 */
export async function retryStorage<T>(
  what: string,
  context: StorageContext,
  attempt: (tries: number) => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    context.signal.throwIfAborted();
    try {
      return await attempt(tries);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isTransient(error)) throw error;
      const delay =
        Math.min(longestDelayMilliseconds, firstDelayMilliseconds * 2 ** tries) * (0.5 + context.random() / 2);
      if (context.clock.monotonic() + delay >= context.deadline) {
        throw new TaskFailure(
          'StorageUnavailable',
          `${what}: ${messageOf(error)}, until the time of the attempt was over`,
          { cause: error },
        );
      }
      await context.clock.sleep(delay, context.signal);
    }
  }
}

/** fetch throws a TypeError, with the cause, when the connection fails; a body that breaks off likewise. */
function isTransient(error: unknown): boolean {
  return error instanceof TransientStorageError || (error instanceof TypeError && error.cause !== undefined);
}

/**
 * What a status that is no success means.
 * @param reasons by status, for what this request in particular knows
 */
export async function storageFailure(
  what: string,
  response: Response,
  context: StorageContext,
  reasons: Readonly<Record<number, FailureReason>>,
): Promise<Error> {
  const text = (await response.text()).slice(0, 256);
  const message = `${what}: storage answered ${response.status}${text === '' ? '' : `: ${text}`}`;
  // S3 answers 403 to an expired signature, some servers 400 or 401.
  if ([400, 401, 403].includes(response.status) && context.clock.now() >= context.expires) {
    return new TaskFailure('StorageExpired', `${what}: access ended at ${new Date(context.expires).toISOString()}`);
  }
  const transient =
    response.status >= 500 || [408, 409, 425, 429].includes(response.status) || text.includes('<Code>BadDigest<');
  if (transient) return new TransientStorageError(message);
  return new TaskFailure(reasons[response.status] ?? 'StorageUnavailable', message);
}
