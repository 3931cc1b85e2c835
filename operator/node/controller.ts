import { isDeepStrictEqual } from 'node:util';
import {
  edgeClusterResource,
  clusterOfNamespace,
  edgeNamespace,
  inferenceNodeResource,
  type EdgeCluster,
  type InferenceModel,
  type InferenceNode,
  type NodeReport,
} from '@isochrone/api';
import {
  Controller,
  done,
  findCondition,
  keyOf,
  parseKey,
  requeueAfter,
  type ApiClient,
  type Clock,
  type EventRecorder,
  type Informer,
  type Logger,
  type Metrics,
  type ReconcileResult,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { liveness, observe, type Contact } from '../lease-tracker.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { patchStatus } from '../patch-status.ts';
import { modelReferences } from './believed-models.ts';
import { decideNode, type NodeDecision } from './reconcile.ts';

export interface NodeDeps {
  readonly client: ApiClient;
  readonly clusters: Informer<EdgeCluster>;
  readonly models: Informer<InferenceModel>;
  /** Declared with {@link nodeIndexes}. */
  readonly nodes: Informer<InferenceNode>;
  /** Declared with {@link reportIndexes}. */
  readonly reports: Informer<NodeReport>;
  readonly events: EventRecorder;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly operatorMetrics: OperatorMetrics;
  readonly clock: Clock;
  /** How long the last report of an edge counts. */
  readonly graceSeconds: number;
}

export const nodeIndexes = {
  namespace: ({ metadata }: InferenceNode): readonly string[] => [metadata.namespace ?? ''],
  device: ({ spec }: InferenceNode): readonly string[] => spec.inventory.devices.map(({ uuid }) => uuid),
};
export const reportIndexes = {
  device: ({ spec }: NodeReport): readonly string[] => spec.inventory.devices.map(({ uuid }) => uuid),
};

/** Makes an InferenceNode of each NodeReport that stands up to checking. */
export class NodeController {
  readonly #deps: NodeDeps;
  /** When a report last changed, on the hub's clock: an edge sends it again and again. */
  readonly #freshness = new Map<string, Contact>();
  readonly #controller: Controller;

  constructor(deps: NodeDeps) {
    this.#deps = deps;
    const { clusters, nodes, reports, logger, metrics, clock, graceSeconds } = deps;
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'node',
      logger,
      metrics,
      clock,
      // One at a time, so that of two nodes with one device the second sees the first.
      concurrency: 1,
      reconcile: (key) => this.#reconcile(key),
    });
    reports.onChange((change) => {
      const { key } = change;
      if (change.type === 'Deleted') this.#freshness.delete(key);
      else {
        const { observedTime } = change.current.spec;
        this.#freshness.set(
          key,
          observe(this.#freshness.get(key), observedTime, clock.monotonic(), graceSeconds * 1000),
        );
      }
    });
    const claimants = ({ spec }: InferenceNode): string[] =>
      spec.inventory.devices.flatMap(({ uuid }) =>
        [...reports.byIndex('device', uuid), ...nodes.byIndex('device', uuid)].map(keyOf),
      );
    this.#controller
      .watches(reports)
      .watches(nodes, (node, key) => new Set([key, ...claimants(node)]))
      .watches(clusters, (cluster) => {
        const namespace = edgeNamespace(cluster.metadata.name);
        return [...reports.keys()].filter((key) => key.startsWith(`${namespace}/`));
      });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { clusters, models, nodes, reports, clock } = this.#deps;
    const { namespace = '', name } = parseKey(key);
    const cluster = clusters.get(clusterOfNamespace(namespace) ?? '');
    // Not the namespace of a member, or of one that is gone: nothing in it is believed.
    if (cluster === undefined || cluster.status?.namespace !== namespace) return done;
    const report = reports.get(key);
    const node = nodes.get(key);
    const contact = this.#freshness.get(key);
    const devices = new Set(
      [...(report?.spec.inventory.devices ?? []), ...(node?.spec.inventory.devices ?? [])].map(({ uuid }) => uuid),
    );
    const rivals = [...devices].flatMap((uuid) => nodes.byIndex('device', uuid)).filter((one) => keyOf(one) !== key);
    const monotonic = clock.monotonic();
    const decision = decideNode(
      {
        name,
        cluster,
        report,
        reportIsFresh: contact !== undefined && liveness(contact, monotonic) !== 'Lost',
        node,
        rivals,
        nodesInCluster: nodes.byIndex('namespace', namespace).length,
        // A model that is approved later counts with the next report, which is seconds away.
        references: modelReferences(models.list()),
      },
      clock.now(),
    );
    this.#tell(cluster, node, decision);
    const isDone = await this.#write(node, decision);
    return isDone || contact === undefined ? done : requeueAfter(Math.max(1000, contact.until - monotonic));
  }

  /** @returns whether the write comes back as an event, with which the rest follows. */
  async #write(node: InferenceNode | undefined, { create, spec, status }: NodeDecision): Promise<boolean> {
    const { client } = this.#deps;
    if (create !== undefined) {
      await client.create(inferenceNodeResource, create);
      return true;
    }
    if (node === undefined) return false;
    if (spec !== undefined && !isDeepStrictEqual(spec, node.spec)) {
      await client.replace(inferenceNodeResource, { ...node, spec });
      return true;
    }
    return status !== undefined && (await patchStatus(client, inferenceNodeResource, node, status));
  }

  /** A refusal is told once: when there is no node yet to carry it as a condition, or when the condition changes. */
  #tell(cluster: EdgeCluster, node: InferenceNode | undefined, { refused }: NodeDecision): void {
    const { events, operatorMetrics } = this.#deps;
    if (refused === undefined || findCondition(node?.status?.conditions, 'Ready')?.message === refused.message) return;
    operatorMetrics.reportsRefused.inc({ reason: refused.reason });
    const event = { type: 'Warning', reason: refused.reason, action: 'CheckReport', note: refused.message } as const;
    if (node === undefined) events.record(edgeClusterResource, cluster, event);
    else events.record(inferenceNodeResource, node, event);
  }
}
