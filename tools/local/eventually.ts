import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ToolError } from '../errors.ts';

export interface EventuallyOptions {
  /** How long to go on asking, in milliseconds. Default 10 000. */
  readonly timeout?: number;
  /** Pause between two questions, in milliseconds. Default 50. */
  readonly interval?: number;
  /** What is waited for, for the failure's message: "the job is Complete". */
  readonly describe?: string;
  readonly signal?: AbortSignal;
}

type Truthy<T> = Exclude<T, false | null | undefined | 0 | 0n | ''>;

/**
 * Asks again until `probe` returns something truthy, and returns that. A throw counts as "not yet", so that assertions
 * may be used inside.
 * @throws ToolError NotInTime, with the last value or error that was seen.
 */
export async function eventually<T>(probe: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<Truthy<T>> {
  const { timeout = 10_000, interval = 50, describe = 'the condition', signal } = options;
  const deadline = performance.now() + timeout;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await observe(probe);
    if ('value' in seen && seen.value) return seen.value as Truthy<T>;
    if (performance.now() >= deadline) {
      const last =
        'value' in seen ? `the last value was ${inspect(seen.value)}` : `the last error was ${String(seen.error)}`;
      throw new ToolError(
        'NotInTime',
        `${describe}, within ${timeout / 1000} s; ${last}`,
        'error' in seen ? { cause: seen.error } : {},
      );
    }
    await delay(interval, undefined, signal === undefined ? {} : { signal });
  }
}

async function observe<T>(probe: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}
