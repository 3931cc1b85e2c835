import type { Clock } from './clock.ts';

/** Token bucket: `ratePerSecond` on average, `burst` at once. */
export class RateLimiter {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(ratePerSecond: number, burst: number, clock: Clock) {
    if (!(ratePerSecond > 0) || !(burst >= 1)) {
      throw new RangeError(`rate limit of ${ratePerSecond}/s with burst ${burst}: rate must be > 0, burst at least 1`);
    }
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#filledAt = clock.monotonic();
  }

  /** Takes a token if there is one. */
  tryTake(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes the next token, waiting for it in the order of the calls. @throws the signal's reason; the token is given back. */
  async take(signal?: AbortSignal): Promise<void> {
    this.#fill();
    this.#tokens -= 1;
    if (this.#tokens >= 0) return;
    try {
      await this.#clock.sleep((-this.#tokens / this.#ratePerSecond) * 1000, signal);
    } catch (error) {
      this.#tokens += 1;
      throw error;
    }
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#ratePerSecond);
    this.#filledAt = now;
  }
}
