import { edgeClusterResource, inferenceNodeResource, inferenceTaskResource, providerResource } from '@isochrone/api';
import { Informer, Metrics, type ApiClient, type ChangeSource, type Clock, type Logger } from '@isochrone/kube';
import type { Registry } from 'prom-client';
import type { Claims } from './capacity/claims.ts';
import { clusterFacts, nodeFacts, providerFacts, taskFacts } from './table/facts.ts';
import type { Fleet } from './table/fleet.ts';

export interface WatchOptions {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly claims: Claims;
}

export interface FleetWatch {
  /** Resolves when everything that existed at the start is in the fleet and in the claims. */
  synced(): Promise<void>;
  /** True, or which resources are still awaited. */
  readiness(): true | string;
  /** By the monotonic clock. */
  lastChangeAt(): number;
  /** Resolves after the signal aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** Keeps the fleet and the claims as the hub's API server shows them. */
export function watchFleet({ client, logger, registry, clock, fleet, claims }: WatchOptions): FleetWatch {
  const common = { client, logger, metrics: new Metrics(registry), clock };
  const nodes = new Informer({ ...common, resource: inferenceNodeResource, project: nodeFacts });
  const clusters = new Informer({ ...common, resource: edgeClusterResource, project: clusterFacts });
  const providers = new Informer({ ...common, resource: providerResource, project: providerFacts });
  const tasks = new Informer({ ...common, resource: inferenceTaskResource, project: taskFacts });

  let lastChangeAt = clock.monotonic();
  const tableChanged = (): void => {
    lastChangeAt = clock.monotonic();
  };
  follow(nodes, {
    put: (_, node) => node && fleet.putNode(node),
    remove: (_, node) => node && fleet.removeNode(node),
    changed: tableChanged,
  });
  follow(clusters, {
    put: (_, cluster) => fleet.putCluster(cluster),
    remove: (_, { name }) => fleet.removeCluster(name),
    changed: tableChanged,
  });
  follow(providers, {
    put: (_, provider) => fleet.putProvider(provider),
    remove: (_, { name }) => fleet.removeProvider(name),
    changed: tableChanged,
  });
  follow(tasks, {
    put: (key, task) => task && claims.observe(key, task),
    remove: (key) => claims.forget(key),
    changed: () => undefined,
  });

  const informers = { InferenceNodes: nodes, EdgeClusters: clusters, Providers: providers, InferenceTasks: tasks };
  return {
    async synced() {
      await Promise.all(Object.values(informers).map((informer) => informer.synced()));
    },
    readiness() {
      const awaited = Object.entries(informers).flatMap(([kind, { hasSynced }]) => (hasSynced ? [] : [kind]));
      return awaited.length === 0 || `waiting for the first list of ${awaited.join(', ')}`;
    },
    lastChangeAt: () => lastChangeAt,
    async run(signal) {
      await Promise.all(Object.values(informers).map((informer) => informer.run(signal)));
    },
  };
}

function follow<P>(
  source: ChangeSource<P>,
  to: { put(key: string, item: P): void; remove(key: string, item: P): void; changed(): void },
): void {
  source.onChange((change) => {
    if (change.type === 'Deleted') to.remove(change.key, change.previous);
    else to.put(change.key, change.current);
    to.changed();
  });
}
