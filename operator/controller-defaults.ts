import type { ControllerOptions } from '@isochrone/kube';

/** What every controller of the operator has in common. */
export const controllerDefaults = {
  /** A program stops within 10 s; reconciles get half of it. */
  graceMilliseconds: 5_000,
  /** What is retried waits for another program or for a person: a knock a minute is enough, more than that is late. */
  backoff: { baseMilliseconds: 100, maxMilliseconds: 60_000 },
} satisfies Partial<ControllerOptions>;
