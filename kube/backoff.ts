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
