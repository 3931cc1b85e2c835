import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';

type PhaseSource = () => Iterable<string | undefined>;
const phases = ['Pending', 'Running', 'Suspended', 'Complete', 'Failed'] as const;

/** Counts jobs when it is scraped; without a source, as while this process does not lead, it tells nothing. */
class PhaseGauge extends Gauge<'phase'> {
  #source: PhaseSource | undefined;

  /** @returns a function that ends it, unless another source came meanwhile. */
  observe(source: PhaseSource): () => void {
    this.#source = source;
    return () => {
      if (this.#source === source) this.#source = undefined;
    };
  }

  /** Called by prom-client before it reads the values. */
  collect(): void {
    this.reset();
    if (this.#source === undefined) return;
    for (const phase of phases) this.set({ phase }, 0);
    for (const phase of this.#source()) this.inc({ phase: phase ?? 'Pending' });
  }
}

/**
 * What the job controller counts. Building it again on the same registry gives the same series: a process may lead, lose
 * its lease, and lead again.
 */
export class JobMetrics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get jobs(): PhaseGauge {
    return this.#once(
      'isochrone_jobs',
      (name) =>
        new PhaseGauge({
          name,
          help: 'InferenceJobs by phase',
          labelNames: ['phase'],
          registers: [this.#registry],
        }),
    );
  }
  get shards(): Counter<'result'> {
    return this.#counter('isochrone_shards_total', 'Shards of settled attempts of work: complete, or to be run again', [
      'result',
    ]);
  }
  get windows(): Counter<'verdict'> {
    return this.#counter('isochrone_verification_windows_total', 'Commitment windows by verdict', ['verdict']);
  }
  get holds(): Counter<'purpose'> {
    return this.#counter('isochrone_holds_total', 'Attempts whose pay was held, by purpose', ['purpose']);
  }
  get settlements(): Counter<'purpose' | 'result'> {
    return this.#counter('isochrone_settlements_total', 'Attempts settled, by purpose and result', [
      'purpose',
      'result',
    ]);
  }
  get actionSeconds(): Histogram<'action'> {
    return this.#once(
      'isochrone_job_action_seconds',
      (name) =>
        new Histogram({
          name,
          help: 'Time of the actions of the job controller',
          labelNames: ['action'],
          buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
          registers: [this.#registry],
        }),
    );
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.#registry] }));
  }
  #once<M extends Metric>(name: string, create: (name: string) => M): M {
    return (this.#registry.getSingleMetric(name) as M | undefined) ?? create(name);
  }
}
