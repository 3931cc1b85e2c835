/**
 * Exponential backoff with equal jitter: between half and all of `base * 2^attempt`, at most `max`. Half is kept so that a
 * retry is never immediate; the other half spreads clients that failed together.
 *
 * @param attempt 0 for the first retry
 * @returns milliseconds
 */
export function jitteredBackoff(
  attempt: number,
  baseMilliseconds: number,
  maxMilliseconds: number,
  random: () => number,
): number {
  const full = exponentialBackoff(attempt, baseMilliseconds, maxMilliseconds);
  return full / 2 + (random() * full) / 2;
}

/** `base * 2^attempt`, at most `max`; never overflows. @returns milliseconds */
export function exponentialBackoff(attempt: number, baseMilliseconds: number, maxMilliseconds: number): number {
  return Math.min(maxMilliseconds, baseMilliseconds * 2 ** Math.min(attempt, 1000));
}

/** A header that a server or a proxy got wrong must not stop us for a day. */
const longestRetryAfterMilliseconds = 60_000;

/**
 * How long to wait when a server sent Retry-After: as it asks, within bounds. Never less than our own backoff, since `0`
 * would be a loop without rest; jittered upwards, since clients that were throttled together must not come back together.
 *
 * @returns milliseconds
 */
export function retryAfterDelay(seconds: number, backoffMilliseconds: number, random: () => number): number {
  const asked = Math.min(seconds * 1000, longestRetryAfterMilliseconds);
  return Math.max(backoffMilliseconds, asked * (1 + random() / 2));
}
