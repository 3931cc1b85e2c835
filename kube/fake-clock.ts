import { sleepWith, type Clock, type Timer } from './clock.ts';

interface Pending {
  at: number;
  callback: () => void;
}

/** A clock that moves only when told to. Timers fire in order of their time, then of their start. */
export class FakeClock implements Clock {
  #elapsed = 0;
  readonly #start: number;
  readonly #timers = new Set<Pending>();

  /** @param start wall clock at the beginning, milliseconds since the epoch */
  constructor(start = Date.UTC(2030, 0, 1)) {
    this.#start = start;
  }
  now(): number {
    return this.#start + this.#elapsed;
  }
  monotonic(): number {
    return this.#elapsed;
  }
  setTimeout(callback: () => void, milliseconds: number): Timer {
    const timer = { at: this.#elapsed + Math.max(0, milliseconds), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((callback, span) => this.setTimeout(callback, span), milliseconds, signal);
  }
  /** Number of timers not yet fired. */
  get waiting(): number {
    return this.#timers.size;
  }
  /** Moves time on, firing what falls due, and lets the promises that this settles run in between. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await settle();
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.#timers.delete(due);
      this.#elapsed = Math.max(this.#elapsed, due.at);
      due.callback();
      await settle();
    }
    this.#elapsed = end;
    await settle();
  }
  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** Enough turns of the event loop for work that is not waiting for this clock, nor for I/O, to come to rest. */
const turns = 10;

async function settle(): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
