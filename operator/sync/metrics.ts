import { Counter, Gauge, type Metric, type Registry } from 'prom-client';

/** What the edge operator tells besides the runtime's own metrics. Building it again on one registry gives the same series. */
export class SyncMetrics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get tasks(): Counter<'action'> {
    return this.#once('isochrone_sync_tasks_total', (name) => {
      const help = 'Copies of tasks on the member: created, updated or deleted';
      return new Counter({ name, help, labelNames: ['action'], registers: [this.#registry] });
    });
  }
  get statuses(): Counter<'kind'> {
    return this.#once('isochrone_sync_statuses_total', (name) => {
      const help = 'Statuses of tasks sent to the hub: a change of state, or mere progress';
      return new Counter({ name, help, labelNames: ['kind'], registers: [this.#registry] });
    });
  }
  get reports(): Counter {
    return this.#once('isochrone_sync_reports_total', (name) => {
      return new Counter({ name, help: 'NodeReports sent to the hub', registers: [this.#registry] });
    });
  }
  get strangers(): Counter {
    return this.#once('isochrone_sync_strangers_total', (name) => {
      const help = 'Times that an object of the member stood where a copy was to be made; it is left alone';
      return new Counter({ name, help, registers: [this.#registry] });
    });
  }
  get renewals(): Counter<'result'> {
    return this.#once('isochrone_sync_lease_renewals_total', (name) => {
      const help = 'Renewals of the Lease on the hub: renewed or failed';
      return new Counter({ name, help, labelNames: ['result'], registers: [this.#registry] });
    });
  }
  get contact(): Gauge {
    return this.#once('isochrone_sync_last_contact_timestamp_seconds', (name) => {
      const help = 'When the last renewal that the hub took was sent';
      return new Gauge({ name, help, registers: [this.#registry] });
    });
  }
  get tokenExpiration(): Gauge {
    return this.#once('isochrone_sync_token_expiration_timestamp_seconds', (name) => {
      return new Gauge({ name, help: 'When the token for the hub expires', registers: [this.#registry] });
    });
  }

  #once<M extends Metric>(name: string, create: (name: string) => M): M {
    return (this.#registry.getSingleMetric(name) as M | undefined) ?? create(name);
  }
}
