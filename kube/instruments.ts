import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';
import { ComputedGauge } from './computed-gauge.ts';

/**
 * Makes metrics in one registry. One that is there already is given again: a process may lead, lose its lease and lead again,
 * and several clusters share a registry.
 */
export class Instruments {
  readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.registry] }));
  }
  gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return this.#once(name, () => new Gauge({ name, help, labelNames, registers: [this.registry] }));
  }
  computed<L extends string>(name: string, help: string, labelNames: L[]): ComputedGauge<L> {
    return this.#once(name, () => new ComputedGauge({ name, help, labelNames, registers: [this.registry] }));
  }
  histogram<L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []): Histogram<L> {
    return this.#once(name, () => new Histogram({ name, help, labelNames, buckets, registers: [this.registry] }));
  }
  #once<M extends Metric>(name: string, create: () => M): M {
    return (this.registry.getSingleMetric(name) as M | undefined) ?? create();
  }
}
