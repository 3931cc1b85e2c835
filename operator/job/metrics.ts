import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the job controller counts. */
export interface JobMetrics {
  readonly shards: Counter<'result'>;
  readonly windows: Counter<'verdict'>;
  readonly holds: Counter<'purpose'>;
  readonly settlements: Counter<'purpose' | 'result'>;
  readonly actionSeconds: Histogram<'action'>;
}

const phases = ['Pending', 'Running', 'Suspended', 'Complete', 'Failed'] as const;

/** @param phaseOf the phases of all jobs, read when the registry is scraped */
export function createJobMetrics(registry: Registry, phaseOf: () => Iterable<string | undefined>): JobMetrics {
  const registers = [registry];
  new Gauge({
    name: 'isochrone_jobs',
    help: 'InferenceJobs by phase',
    labelNames: ['phase'],
    registers,
    collect() {
      for (const phase of phases) this.set({ phase }, 0);
      for (const phase of phaseOf()) this.inc({ phase: phase ?? 'Pending' });
    },
  });
  return {
    shards: new Counter({
      name: 'isochrone_shards_total',
      help: 'Shards of settled attempts of work: complete, or to be run again',
      labelNames: ['result'],
      registers,
    }),
    windows: new Counter({
      name: 'isochrone_verification_windows_total',
      help: 'Commitment windows by verdict',
      labelNames: ['verdict'],
      registers,
    }),
    holds: new Counter({
      name: 'isochrone_holds_total',
      help: 'Attempts whose pay was held, by purpose',
      labelNames: ['purpose'],
      registers,
    }),
    settlements: new Counter({
      name: 'isochrone_settlements_total',
      help: 'Attempts settled, by purpose and result',
      labelNames: ['purpose', 'result'],
      registers,
    }),
    actionSeconds: new Histogram({
      name: 'isochrone_job_action_seconds',
      help: 'Time of the actions of the job controller',
      labelNames: ['action'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    }),
  };
}
