import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';

/** A gauge whose value is computed when it is scraped: the largest among its sources with the same labels. */
class ComputedGauge<L extends string> extends Gauge<L> {
  readonly #sources = new Set<() => { labels: Record<L, string>; value: number } | undefined>();

  /** @returns a function that removes the source. */
  observe(source: () => { labels: Record<L, string>; value: number } | undefined): () => void {
    this.#sources.add(source);
    return () => void this.#sources.delete(source);
  }

  /** Called by prom-client before it reads the values. */
  collect(): void {
    this.reset();
    const largest = new Map<string, { labels: Record<L, string>; value: number }>();
    for (const source of this.#sources) {
      const sample = source();
      if (sample === undefined) continue;
      const key = JSON.stringify(sample.labels);
      const known = largest.get(key);
      if (known === undefined || known.value < sample.value) largest.set(key, sample);
    }
    for (const { labels, value } of largest.values()) this.set(labels, value);
  }
}

/** controller-runtime's buckets of reconcile time, seconds. */
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** client-go's: 10 ns to 10 s by decades; here from 10 microseconds, below which Node cannot measure. */
const queueBuckets = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * The runtime's metrics in one registry, named as controller-runtime and client-go name theirs where they have them, so that
 * existing dashboards work. Building it again on the same registry gives the same series: several clusters share one.
 */
export class Metrics {
  readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  get reconciles(): Counter<'controller' | 'result'> {
    return this.#counter('controller_runtime_reconcile_total', 'Reconciles by result', ['controller', 'result']);
  }
  get reconcileErrors(): Counter<'controller'> {
    return this.#counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed', ['controller']);
  }
  get terminalErrors(): Counter<'controller'> {
    return this.#counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciles that failed and will not be retried until something changes',
      ['controller'],
    );
  }
  get reconcileSeconds(): Histogram<'controller'> {
    return this.#histogram(
      'controller_runtime_reconcile_time_seconds',
      'Time of a reconcile',
      ['controller'],
      reconcileBuckets,
    );
  }
  get activeWorkers(): Gauge<'controller'> {
    return this.#gauge('controller_runtime_active_workers', 'Reconciles running now', ['controller']);
  }
  get maxConcurrentReconciles(): Gauge<'controller'> {
    return this.#gauge('controller_runtime_max_concurrent_reconciles', 'Reconciles that may run at once', [
      'controller',
    ]);
  }

  get queueDepth(): Gauge<'name'> {
    return this.#gauge('workqueue_depth', 'Keys waiting', ['name']);
  }
  get queueAdds(): Counter<'name'> {
    return this.#counter('workqueue_adds_total', 'Keys added', ['name']);
  }
  get queueRetries(): Counter<'name'> {
    return this.#counter('workqueue_retries_total', 'Keys added again after a failure', ['name']);
  }
  get queueSeconds(): Histogram<'name'> {
    return this.#histogram('workqueue_queue_duration_seconds', 'Wait from add to take', ['name'], queueBuckets);
  }
  get workSeconds(): Histogram<'name'> {
    return this.#histogram('workqueue_work_duration_seconds', 'Time from take to done', ['name'], queueBuckets);
  }
  get longestRunning(): ComputedGauge<'name'> {
    return this.#computed('workqueue_longest_running_processor_seconds', 'Age of the oldest key being worked on', [
      'name',
    ]);
  }

  get requests(): Counter<'code' | 'method' | 'host'> {
    return this.#counter('rest_client_requests_total', 'API requests by HTTP status; <error> without an answer', [
      'code',
      'method',
      'host',
    ]);
  }
  get requestSeconds(): Histogram<'verb' | 'host'> {
    return this.#histogram(
      'rest_client_request_duration_seconds',
      'Time of an API request until its answer is read; a watch until it opened',
      ['verb', 'host'],
      requestBuckets,
    );
  }

  get lists(): Counter<'cluster' | 'resource' | 'mode'> {
    return this.#counter('reflector_lists_total', 'Full syncs by mode: watch-list or pages', [
      'cluster',
      'resource',
      'mode',
    ]);
  }
  get watches(): Counter<'cluster' | 'resource'> {
    return this.#counter('reflector_watches_total', 'Watches opened', ['cluster', 'resource']);
  }
  get watchRestarts(): Counter<'cluster' | 'resource' | 'reason'> {
    return this.#counter('reflector_watch_restarts_total', 'Watches that ended, by reason', [
      'cluster',
      'resource',
      'reason',
    ]);
  }
  get watchEvents(): Counter<'cluster' | 'resource' | 'type'> {
    return this.#counter('reflector_events_total', 'Watch events by type', ['cluster', 'resource', 'type']);
  }
  get handlerErrors(): Counter<'cluster' | 'resource'> {
    return this.#counter(
      'reflector_handler_errors_total',
      'Exceptions from projections, indexes and change handlers; the stream goes on',
      ['cluster', 'resource'],
    );
  }
  get objects(): Gauge<'cluster' | 'resource'> {
    return this.#gauge('reflector_objects', 'Objects in the store', ['cluster', 'resource']);
  }
  get lastEventAge(): ComputedGauge<'cluster' | 'resource'> {
    return this.#computed(
      'reflector_last_event_age_seconds',
      'Time since the last event, bookmark or page of a list; grows while a watch is down',
      ['cluster', 'resource'],
    );
  }

  get leaderStatus(): Gauge<'name'> {
    return this.#gauge('leader_election_master_status', '1 while this process holds the lease', ['name']);
  }
  get leaderRenewFailures(): Counter<'name'> {
    return this.#counter('leader_election_renew_failures_total', 'Renewals that failed', ['name']);
  }
  get events(): Counter<'result'> {
    return this.#counter('event_recorder_events_total', 'Events: created, aggregated, failed, or dropped', ['result']);
  }
  get clusterConnected(): Gauge<'cluster'> {
    return this.#gauge('cluster_connection_up', '1 while a member cluster is connected', ['cluster']);
  }
  get clusterProbeFailures(): Counter<'cluster'> {
    return this.#counter('cluster_probe_failures_total', 'Health probes that failed', ['cluster']);
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.registry] }));
  }
  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return this.#once(name, () => new Gauge({ name, help, labelNames, registers: [this.registry] }));
  }
  #computed<L extends string>(name: string, help: string, labelNames: L[]): ComputedGauge<L> {
    return this.#once(name, () => new ComputedGauge({ name, help, labelNames, registers: [this.registry] }));
  }
  #histogram<L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L> {
    return this.#once(name, () => new Histogram({ name, help, labelNames, buckets, registers: [this.registry] }));
  }
  #once<M extends Metric>(name: string, create: () => M): M {
    return (this.registry.getSingleMetric(name) as M | undefined) ?? create();
  }
}
