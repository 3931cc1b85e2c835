import type { InferenceJob } from '@isochrone/api';
import type { Sample } from '@isochrone/kube';
import type { Purpose } from '@isochrone/ledger';
import type { Attempt } from './attempts.ts';
import { openHolds, phaseSamples, shardSamples, waitingSamples } from './job-samples.ts';
import type { JobMetrics } from './metrics.ts';

export interface JobSources {
  readonly jobs: () => readonly InferenceJob[];
  /** Of all jobs that this process knows. */
  readonly attempts: () => Iterable<Attempt>;
}

/** Tells of jobs, shards and holds at each scrape. @returns a function that ends it */
export function observeJobs(metrics: JobMetrics, { jobs, attempts }: JobSources): () => void {
  const holds = (of: (sum: { count: number; micros: bigint }) => number) => (): Sample<'purpose'>[] =>
    [...openHolds(attempts())].map(([purpose, sum]: [Purpose, { count: number; micros: bigint }]) => ({
      labels: { purpose },
      value: of(sum),
    }));
  const stops = [
    metrics.jobs.observe(() => phaseSamples(jobs())),
    metrics.waiting.observe(() => waitingSamples(jobs())),
    metrics.shardStates.observe(() => shardSamples(jobs())),
    metrics.openHolds.observe(holds(({ count }) => count)),
    metrics.openHoldsAmount.observe(holds(({ micros }) => Number(micros) / 1e6)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
