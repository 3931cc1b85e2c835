import { ApiClient, Metrics, systemClock } from '@isochrone/kube';
import { observeCertificates, type OptionsOf, type ServiceContext } from '@isochrone/service';
import { Claims } from './capacity/claims.ts';
import { HubContact } from './hub-contact.ts';
import { SchedulerMetrics } from './metrics.ts';
import { bindAddress, tlsFiles, valueOfTime, type schedulerOptions } from './options.ts';
import { Scheduler } from './scheduler.ts';
import { SchedulerServer, tlsServerCredentials } from './server.ts';
import { Fleet } from './table/fleet.ts';
import { watchFleet } from './watch-fleet.ts';

/**
 * Serves Place and Explain until the signal aborts. It answers UNAVAILABLE, and health says NOT_SERVING, until every node
 * and every task that exists is known, and while the hub does not answer: capacity that is in use would look free.
 *
 * @throws ServiceError OPTION_INVALID, ADDRESS_UNAVAILABLE; KubeconfigError
 */
export async function runScheduler(
  options: OptionsOf<typeof schedulerOptions>,
  context: ServiceContext,
): Promise<void> {
  const { logger, registry, health, signal } = context;
  const clock = systemClock;
  const tls = tlsFiles(options, clock.now());
  observeCertificates(registry, tls);
  const address = bindAddress(options, tls !== undefined);
  const clientOptions = { name: 'hub', logger, metrics: new Metrics(registry), clock };
  const client =
    options.kubeconfig === undefined
      ? await ApiClient.inCluster(clientOptions)
      : await ApiClient.fromKubeconfig({ ...clientOptions, path: options.kubeconfig });

  const fleet = new Fleet();
  const claims = new Claims({ clock, assumeMilliseconds: options.assumeSeconds * 1000, usage: fleet.table });
  const watch = watchFleet({ client, logger, registry, clock, fleet, claims });
  const { table } = fleet;
  const metrics = new SchedulerMetrics({ registry, claims, table, clock, lastChangeAt: () => watch.lastChangeAt() });
  const scheduler = new Scheduler({ fleet, claims, valueOfTime: valueOfTime(options), seed: options.seed });
  const contact = new HubContact({
    clock,
    probe: (stop) => client.request({ method: 'GET', path: '/readyz', signal: stop, timeoutMilliseconds: 5_000 }),
  });
  const readiness = (): true | string => {
    const known = watch.readiness();
    return known === true ? contact.readiness() : known;
  };
  const server = new SchedulerServer({ scheduler, metrics, logger, readiness });
  health.readiness('fleet', readiness);
  try {
    const port = await server.listen(address, tls && tlsServerCredentials(tls));
    logger.info({ address, port, tls: tls !== undefined }, 'listening');
    void watch.synced().then(() => {
      logger.info({ nodes: table.nodes, devices: table.devices, tasks: claims.confirmed }, 'serving');
    });
    await Promise.all([watch.run(signal), contact.run(signal)]);
    await server.close();
  } finally {
    await client.close();
  }
}
