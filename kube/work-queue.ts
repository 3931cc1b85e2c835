import { exponentialBackoff } from './backoff.ts';
import { assertSpan, systemClock, type Clock, type Timer } from './clock.ts';
import { DelayHeap } from './delay-heap.ts';
import type { Metrics } from './metrics.ts';

export interface BackoffOptions {
  /** Default 5. */
  baseMilliseconds?: number;
  /** Default 1 000 000. */
  maxMilliseconds?: number;
}
export interface WorkQueueOptions {
  name: string;
  clock?: Clock;
  metrics?: Metrics;
  backoff?: BackoffOptions;
}
export interface AddOptions {
  /** Higher first; a key waiting twice keeps the higher. Default 0; first sync uses -100. */
  priority?: number;
}
export interface WorkItem {
  key: string;
  priority: number;
}

interface Waiting {
  priority: number;
  since: number;
}

/**
 * Keyed, deduplicating queue after client-go's and controller-runtime's: a key is never with two workers; a key added
 * while it is worked on is worked on again; equal keys collapse into one, with the higher priority and the earlier time.
 */
export class WorkQueue {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #metrics: Metrics | undefined;
  readonly #baseMilliseconds: number;
  readonly #maxMilliseconds: number;

  /** Ready keys by priority; a Set keeps the order of arrival. */
  readonly #ready = new Map<number, Set<string>>();
  /** Priorities of `#ready`, highest first. */
  #priorities: number[] = [];
  /** Every key that is to be worked on: ready ones, and those added while they are processed. */
  readonly #waiting = new Map<string, Waiting>();
  /** Key to the moment it was taken. Map order is order of taking, so the first is the oldest. */
  readonly #processing = new Map<string, number>();
  readonly #delayed = new DelayHeap();
  readonly #delayedPriority = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((item: WorkItem | undefined) => void)[] = [];
  #timer: { at: number; timer: Timer } | undefined;
  #closed = false;
  readonly #stopObserving: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#name = options.name;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics;
    this.#baseMilliseconds = options.backoff?.baseMilliseconds ?? 5;
    this.#maxMilliseconds = options.backoff?.maxMilliseconds ?? 1_000_000;
    this.#stopObserving = this.#metrics?.longestRunning.observe(() => {
      const oldest = this.#processing.values().next();
      const age = oldest.done === true ? 0 : (this.#clock.monotonic() - oldest.value) / 1000;
      return [{ labels: { name: this.#name }, value: age }];
    });
  }

  /** Keys ready to be taken. */
  get length(): number {
    let length = 0;
    for (const keys of this.#ready.values()) length += keys.size;
    return length;
  }

  /** Makes the key ready now; a delayed add of the same key is dropped, because the coming run decides anew. */
  add(key: string, options: AddOptions = {}): void {
    if (this.#closed) return;
    const priority = Math.max(options.priority ?? 0, this.#delayedPriority.get(key) ?? -Infinity);
    this.#cancelDelay(key);
    const known = this.#waiting.get(key);
    if (known !== undefined) {
      if (known.priority >= priority) return;
      if (!this.#processing.has(key)) {
        this.#level(known.priority).delete(key);
        this.#level(priority).add(key);
      }
      known.priority = priority;
      return;
    }
    this.#metrics?.queueAdds.inc({ name: this.#name });
    this.#waiting.set(key, { priority, since: this.#clock.monotonic() });
    if (!this.#processing.has(key)) this.#makeReady(key, priority);
  }

  /** The earlier of two delays wins; a key that is ready already stays so. @throws RangeError for a delay that is not a number. */
  addAfter(key: string, milliseconds: number, options: AddOptions = {}): void {
    assertSpan(`delay of key ${key}`, milliseconds);
    if (this.#closed) return;
    const priority = options.priority ?? 0;
    if (milliseconds <= 0 || this.#waiting.has(key)) {
      this.add(key, options);
      return;
    }
    this.#delayed.add(key, this.#clock.monotonic() + milliseconds);
    this.#delayedPriority.set(key, Math.max(priority, this.#delayedPriority.get(key) ?? -Infinity));
    this.#armTimer();
  }

  /** Adds after the key's backoff, or the span where that is longer, and counts one more failure. @returns the delay, milliseconds. */
  addRateLimited(key: string, options: AddOptions & { atLeastMilliseconds?: number } = {}): number {
    const failures = this.failures(key);
    const backoff = exponentialBackoff(failures, this.#baseMilliseconds, this.#maxMilliseconds);
    const delay = Math.max(backoff, options.atLeastMilliseconds ?? 0);
    this.#failures.set(key, failures + 1);
    this.#metrics?.queueRetries.inc({ name: this.#name });
    this.addAfter(key, delay, options);
    return delay;
  }

  /** Clears the key's failures. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, or undefined once the queue is closed. Each taken item must be given to {@link done}. */
  async take(): Promise<WorkItem | undefined> {
    if (this.#closed) return undefined;
    return this.#takeReady() ?? new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Ends the work on a key; if it was added meanwhile it is ready again. */
  done(key: string): void {
    const takenAt = this.#processing.get(key);
    if (takenAt === undefined) throw new Error(`key ${key} is not being worked on`);
    this.#processing.delete(key);
    this.#metrics?.workSeconds.observe({ name: this.#name }, (this.#clock.monotonic() - takenAt) / 1000);
    const again = this.#waiting.get(key);
    if (again !== undefined && !this.#closed) this.#makeReady(key, again.priority);
  }

  /** Wakes every waiting taker with undefined; what waits is dropped, and later adds are ignored. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.timer.cancel();
    this.#stopObserving?.();
    this.#metrics?.queueDepth.dec({ name: this.#name }, this.length);
    this.#ready.clear();
    this.#waiting.clear();
    this.#delayed.clear();
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
  }

  #takeReady(): WorkItem | undefined {
    for (const priority of this.#priorities) {
      const keys = this.#ready.get(priority)!;
      const next = keys.values().next();
      if (next.done === true) continue;
      const key = next.value;
      keys.delete(key);
      const { since } = this.#waiting.get(key)!;
      this.#waiting.delete(key);
      const now = this.#clock.monotonic();
      this.#processing.set(key, now);
      this.#metrics?.queueDepth.dec({ name: this.#name });
      this.#metrics?.queueSeconds.observe({ name: this.#name }, (now - since) / 1000);
      return { key, priority };
    }
    return undefined;
  }

  #makeReady(key: string, priority: number): void {
    this.#level(priority).add(key);
    this.#metrics?.queueDepth.inc({ name: this.#name });
    const resolve = this.#takers.shift();
    if (resolve !== undefined) resolve(this.#takeReady());
  }

  #level(priority: number): Set<string> {
    const known = this.#ready.get(priority);
    if (known !== undefined) return known;
    const created = new Set<string>();
    this.#ready.set(priority, created);
    this.#priorities = [...this.#ready.keys()].sort((a, b) => b - a);
    return created;
  }

  #cancelDelay(key: string): void {
    this.#delayed.delete(key);
    this.#delayedPriority.delete(key);
  }

  /** One timer, for the earliest delayed key. */
  #armTimer(): void {
    const next = this.#delayed.next;
    if (next === undefined || (this.#timer !== undefined && this.#timer.at <= next)) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      const now = this.#clock.monotonic();
      for (let key = this.#delayed.popDue(now); key !== undefined; key = this.#delayed.popDue(now))
        this.add(key, {
          priority: this.#delayedPriority.get(key) ?? 0,
        });
      this.#armTimer();
    }, next - this.#clock.monotonic());
    this.#timer = { at: next, timer };
  }
}
