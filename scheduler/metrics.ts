import { ComputedGauge, type Clock, type Sample } from '@isochrone/kube';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { Claims } from './capacity/claims.ts';
import { capacityByCluster, pricesOf, statesOf } from './capacity/cluster-capacity.ts';
import type { Placement } from './scheduler.ts';
import { NodeTable } from './table/node-table.ts';

export interface MetricsSources {
  readonly registry: Registry;
  readonly claims: Claims;
  readonly table: NodeTable;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** When the table last changed, by the monotonic clock. */
  readonly lastChangeAt: () => number;
}

/** kube-scheduler's buckets start at 1 ms; a decision here takes less. Seconds. */
const buckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];

/** The scheduler's metrics, named after kube-scheduler's where it has them. No label ever names a node. */
export class SchedulerMetrics {
  readonly #attemptSeconds: Histogram<'result'>;
  readonly #placements: Counter<'result'>;
  readonly #rejects: Counter<'plugin' | 'reason'>;
  readonly #handled: Counter<'grpc_type' | 'grpc_service' | 'grpc_method' | 'grpc_code'>;

  constructor({ registry, claims, table, clock, lastChangeAt }: MetricsSources) {
    const registers = [registry];
    this.#attemptSeconds = new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Time to decide one task, by result: scheduled, unschedulable, or repeated for a known attempt',
      labelNames: ['result'],
      buckets,
      registers,
    });
    this.#placements = new Counter({
      name: 'scheduler_placements_total',
      help: 'Tasks asked to be placed, by result',
      labelNames: ['result'],
      registers,
    });
    this.#rejects = new Counter({
      name: 'scheduler_plugin_rejects_total',
      help: 'Nodes rejected in placements, each by the plugin and the reason that its best device reached',
      labelNames: ['plugin', 'reason'],
      registers,
    });
    this.#handled = new Counter({
      name: 'grpc_server_handled_total',
      help: 'Calls answered, by method and status code',
      labelNames: ['grpc_type', 'grpc_service', 'grpc_method', 'grpc_code'],
      registers,
    });
    // A rate does not see the step from no series to the first one.
    for (const result of ['scheduled', 'unschedulable', 'repeated']) this.#placements.inc({ result }, 0);
    for (const code of ['OK', 'Unavailable', 'Internal']) this.#handled.inc(handledLabels('Place', code), 0);
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    gauge('scheduler_assumptions', 'Placements that no task has confirmed yet', () => {
      claims.expire();
      return claims.assumed;
    });
    gauge('scheduler_running_tasks', 'Tasks that hold capacity', () => claims.confirmed);
    gauge('scheduler_node_table_rows', 'Devices in the node table', () => table.devices);
    gauge('scheduler_node_table_nodes', 'Nodes in the node table', () => table.nodes);
    gauge(
      'scheduler_node_table_age_seconds',
      'Time since a watch last changed the table; in a quiet fleet this grows, and reflector_last_event_age_seconds does not',
      () => (clock.monotonic() - lastChangeAt()) / 1000,
    );
    const perCluster = <L extends string>(
      name: string,
      help: string,
      label: L,
      read: () => Sample<'cluster' | L>[],
    ): void => {
      new ComputedGauge({ name, help, labelNames: ['cluster', label], registers }).observe(read);
    };
    const states = 'used or free; unusable is free capacity of nodes that may get no work';
    perCluster('scheduler_device_slots', `Slots of devices: ${states}`, 'state', () =>
      statesOf(capacityByCluster(table), 'slots'),
    );
    perCluster(
      'scheduler_devices',
      'Devices: busy when every slot is in use, free when one is not, unusable when their node may get no work',
      'state',
      () => statesOf(capacityByCluster(table), 'devices'),
    );
    perCluster('scheduler_device_memory_bytes', 'Device memory: used by tasks, and total', 'state', () =>
      statesOf(capacityByCluster(table), 'memoryBytes'),
    );
    perCluster(
      'scheduler_price_per_thousand_reference_seconds',
      'What usable devices ask for: least, mean and most, in the currency of the federation',
      'bound',
      () => pricesOf(capacityByCluster(table)),
    );
    new Counter({
      name: 'scheduler_assumptions_expired_total',
      help: 'Placements given back because no task confirmed them in time',
      registers,
      collect() {
        claims.expire();
        this.reset();
        this.inc(claims.expired);
      },
    });
  }

  observe(placement: Placement, seconds: number): void {
    const { outcome: result, explanation } = placement;
    this.#attemptSeconds.observe({ result }, seconds);
    this.#placements.inc({ result });
    for (const { plugin, name, count } of explanation.rejects) this.#rejects.inc({ plugin, reason: name }, count);
  }

  /** A call was answered. @param code name in @grpc/grpc-js, such as UNAVAILABLE */
  answered(method: string, code: string): void {
    this.#handled.inc(handledLabels(method, codeName(code)));
  }
}

/** Puts the metrics of a scheduler that has seen nothing into the registry: for who wants to know which there are. */
export function declareMetrics(registry: Registry): void {
  const table = new NodeTable();
  const clock = { monotonic: () => 0 };
  const claims = new Claims({ clock, assumeMilliseconds: 0, usage: table });
  new SchedulerMetrics({ registry, claims, table, clock, lastChangeAt: () => 0 });
}

function handledLabels(method: string, code: string) {
  return {
    grpc_type: 'unary',
    grpc_service: 'isochrone.v1alpha1.Scheduler',
    grpc_method: method,
    grpc_code: code,
  };
}

/** As go-grpc-prometheus, whose dashboards this series fits, writes it. */
function codeName(code: string): string {
  if (code === 'OK') return code;
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
