import type { Clock } from '@isochrone/kube';

/** Between two looks at the hub. */
const probeMilliseconds = 5_000;
/** Well below the life of an assumption: what is placed while no task can be seen is handed out again when it expires. */
const lostMilliseconds = 30_000;

export interface HubContactOptions {
  /** Resolves when the hub's API server answered this program's own credential; has a limit of its own. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
}

/**
 * Whether the hub still answers. A watch cannot tell in time: one that is idle and one whose network is gone look the same for
 * minutes, and the table that was read through it looks complete.
 */
export class HubContact {
  readonly #options: HubContactOptions;
  #answeredAt: number;
  #failure = '';

  constructor(options: HubContactOptions) {
    this.#options = options;
    this.#answeredAt = options.clock.monotonic();
  }

  /** True, or since when the hub has not answered, and why. */
  readiness(): true | string {
    const silent = this.#options.clock.monotonic() - this.#answeredAt;
    if (silent < lostMilliseconds) return true;
    return `the hub's API server has not answered for ${Math.round(silent / 1000)} s, so the node table may be old: ${this.#failure}`;
  }

  /** Looks again and again until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { probe, clock } = this.#options;
    while (!signal.aborted) {
      try {
        await probe(signal);
        this.#answeredAt = clock.monotonic();
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
      }
      await clock.sleep(probeMilliseconds, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }
}
