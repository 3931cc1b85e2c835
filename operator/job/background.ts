/** Runs long work a bounded number at a time, first come first served, so that it never holds up a reconcile. */
export class Background {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `work` must not reject; it gets a signal that aborts when the process stops. */
  start(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const run = (): void => {
      const running = work(signal).finally(() => {
        this.#running.delete(running);
        this.#waiting.shift()?.();
      });
      this.#running.add(running);
    };
    if (this.#running.size < this.#limit) run();
    else this.#waiting.push(run);
  }

  /** Aborts what runs, drops what waits, and resolves when all has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the operator is stopping'));
    this.#waiting.length = 0;
    await Promise.allSettled(this.#running);
  }
}
