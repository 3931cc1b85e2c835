/** A started timer. Cancelling one that has fired, or was cancelled, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only source of time in the runtime; injected, so that tests move it. All spans are milliseconds. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For timestamps that others read; never for measuring spans. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back. For every comparison of two moments. */
  monotonic(): number;
  setTimeout(callback: () => void, milliseconds: number): Timer;
  /** Resolves after the span. @throws the signal's reason as soon as it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** @throws RangeError for what is no span: no comparison with NaN is true, so what waits for it would wait for ever. */
export function assertSpan(name: string, milliseconds: number): void {
  if (Number.isNaN(milliseconds)) throw new RangeError(`${name} is NaN; give a number of milliseconds`);
}

/** The longest span `setTimeout` takes; it turns a longer one into 1 ms. */
const longestTimeout = 2_147_483_647;

/** Builds `sleep` out of `setTimeout`, the same for every clock. */
export function sleepWith(
  setTimer: Clock['setTimeout'],
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, milliseconds) {
    const handle = setTimeout(callback, Math.min(Math.max(0, milliseconds), longestTimeout));
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (milliseconds, signal) =>
    sleepWith((callback, span) => systemClock.setTimeout(callback, span), milliseconds, signal),
};

/** Resolves when the signal aborts; never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What the promise gives. @throws what it rejects with, or the signal's reason as soon as it aborts. */
export async function unlessAborted<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(signal.reason as Error);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([promise, ended.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
