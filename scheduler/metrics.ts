import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '@isochrone/kube';
import type { Claims } from './capacity/claims.ts';
import type { NodeTable } from './table/node-table.ts';
import type { Placement } from './scheduler.ts';

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
  readonly #rejects: Counter<'plugin'>;

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
      help: 'Nodes rejected in placements, each by the plugin that its best device reached',
      labelNames: ['plugin'],
      registers,
    });
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
    for (const { plugin, count } of explanation.rejects) this.#rejects.inc({ plugin }, count);
  }
}
