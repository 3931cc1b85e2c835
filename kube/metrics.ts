import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ComputedGauge } from './computed-gauge.ts';
import { Instruments } from './instruments.ts';

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
  readonly #of: Instruments;

  constructor(registry: Registry) {
    this.#of = new Instruments(registry);
  }

  get registry(): Registry {
    return this.#of.registry;
  }

  get reconciles(): Counter<'controller' | 'result'> {
    return this.#of.counter('controller_runtime_reconcile_total', 'Reconciles by result', ['controller', 'result']);
  }
  get reconcileErrors(): Counter<'controller'> {
    return this.#of.counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed', ['controller']);
  }
  get terminalErrors(): Counter<'controller'> {
    return this.#of.counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciles that failed and will not be retried until something changes',
      ['controller'],
    );
  }
  get reconcileSeconds(): Histogram<'controller'> {
    return this.#of.histogram('controller_runtime_reconcile_time_seconds', 'Time of a reconcile', reconcileBuckets, [
      'controller',
    ]);
  }
  get activeWorkers(): Gauge<'controller'> {
    return this.#of.gauge('controller_runtime_active_workers', 'Reconciles running now', ['controller']);
  }
  get maxConcurrentReconciles(): Gauge<'controller'> {
    return this.#of.gauge('controller_runtime_max_concurrent_reconciles', 'Reconciles that may run at once', [
      'controller',
    ]);
  }

  get queueDepth(): Gauge<'name'> {
    return this.#of.gauge('workqueue_depth', 'Keys waiting', ['name']);
  }
  get queueAdds(): Counter<'name'> {
    return this.#of.counter('workqueue_adds_total', 'Keys added', ['name']);
  }
  get queueRetries(): Counter<'name'> {
    return this.#of.counter('workqueue_retries_total', 'Keys added again after a failure', ['name']);
  }
  get queueSeconds(): Histogram<'name'> {
    return this.#of.histogram('workqueue_queue_duration_seconds', 'Wait from add to take', queueBuckets, ['name']);
  }
  get workSeconds(): Histogram<'name'> {
    return this.#of.histogram('workqueue_work_duration_seconds', 'Time from take to done', queueBuckets, ['name']);
  }
  get longestRunning(): ComputedGauge<'name'> {
    return this.#of.computed('workqueue_longest_running_processor_seconds', 'Age of the oldest key being worked on', [
      'name',
    ]);
  }

  get requests(): Counter<'code' | 'method' | 'host'> {
    return this.#of.counter('rest_client_requests_total', 'API requests by HTTP status; <error> without an answer', [
      'code',
      'method',
      'host',
    ]);
  }
  get requestRetries(): Counter<'code' | 'verb' | 'host'> {
    return this.#of.counter('rest_client_request_retries_total', 'API requests that were sent again, by what failed', [
      'code',
      'verb',
      'host',
    ]);
  }
  get requestSeconds(): Histogram<'verb' | 'host'> {
    return this.#of.histogram(
      'rest_client_request_duration_seconds',
      'Time of an API request until its answer is read; a watch until it opened',
      requestBuckets,
      ['verb', 'host'],
    );
  }

  get lists(): Counter<'cluster' | 'resource' | 'mode'> {
    return this.#of.counter('reflector_lists_total', 'Full syncs by mode: watch-list or pages', [
      'cluster',
      'resource',
      'mode',
    ]);
  }
  get watches(): Counter<'cluster' | 'resource'> {
    return this.#of.counter('reflector_watches_total', 'Watches opened', ['cluster', 'resource']);
  }
  get watchRestarts(): Counter<'cluster' | 'resource' | 'reason'> {
    return this.#of.counter('reflector_watch_restarts_total', 'Watches that ended, by reason', [
      'cluster',
      'resource',
      'reason',
    ]);
  }
  get watchEvents(): Counter<'cluster' | 'resource' | 'type'> {
    return this.#of.counter('reflector_events_total', 'Watch events by type', ['cluster', 'resource', 'type']);
  }
  get disorder(): Counter<'cluster' | 'resource' | 'verdict'> {
    return this.#of.counter(
      'reflector_events_out_of_order_total',
      'Watch events that were not applied: repeated, outdated, or unclear (which leads to a full sync)',
      ['cluster', 'resource', 'verdict'],
    );
  }
  get handlerErrors(): Counter<'cluster' | 'resource'> {
    return this.#of.counter(
      'reflector_handler_errors_total',
      'Exceptions from projections, indexes and change handlers; the stream goes on',
      ['cluster', 'resource'],
    );
  }
  get objects(): Gauge<'cluster' | 'resource'> {
    return this.#of.gauge('reflector_objects', 'Objects in the store', ['cluster', 'resource']);
  }
  get lastEventAge(): ComputedGauge<'cluster' | 'resource'> {
    return this.#of.computed(
      'reflector_last_event_age_seconds',
      'Time since the last event, bookmark or page of a list; grows while a watch is down',
      ['cluster', 'resource'],
    );
  }

  get leaderStatus(): Gauge<'name'> {
    return this.#of.gauge('leader_election_master_status', '1 while this process holds the lease', ['name']);
  }
  get leaderRenewFailures(): Counter<'name'> {
    return this.#of.counter('leader_election_renew_failures_total', 'Renewals that failed', ['name']);
  }
  get events(): Counter<'result'> {
    return this.#of.counter('event_recorder_events_total', 'Events: created, aggregated, failed, or dropped', [
      'result',
    ]);
  }
  get clusterConnected(): Gauge<'cluster'> {
    return this.#of.gauge('cluster_connection_up', '1 while a member cluster is connected', ['cluster']);
  }
  get clusterProbeFailures(): Counter<'cluster'> {
    return this.#of.counter('cluster_probe_failures_total', 'Health probes that failed', ['cluster']);
  }
}
