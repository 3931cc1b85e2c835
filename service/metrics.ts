import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Gauges that prom-client names `_total`, which promtool refuses; the gauges by type beside them say more. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry with the metrics of the process and `isochrone_build_info`. */
export function createRegistry(program: string, version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: 'isochrone_build_info',
    help: 'Always 1; the labels name the program and its version',
    labelNames: ['program', 'version', 'node'],
    registers: [registry],
  }).set({ program, version, node: process.version }, 1);
  return registry;
}
