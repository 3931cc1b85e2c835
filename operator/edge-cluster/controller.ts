import {
  annotations,
  edgeClusterResource,
  edgeFlowSchema,
  clusterOfNamespace,
  edgeNamespace,
  finalizers,
  names,
  nodeReportResource,
  type EdgeCluster,
  type EdgeClusterStatus,
  type InferenceNode,
  type InferenceTask,
  type Provider,
} from '@isochrone/api';
import {
  addFinalizer,
  Controller,
  core,
  done,
  isConditionTrue,
  removeAllFinalizers,
  removeFinalizer,
  requeueAfter,
  type ApiClient,
  findCondition,
  type Clock,
  type EventRecorder,
  type Informer,
  type Logger,
  type Metrics,
  type ReconcileResult,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { createUnlessPresent } from '../create-unless-present.ts';
import { observe, type Contact } from '../lease-tracker.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { patchStatus } from '../patch-status.ts';
import { unreachableSince, type EvictionBrake } from './eviction-brake.ts';
import { deleteCredential, issueToken, TokenNotIssued } from './issue-token.ts';
import {
  driftedObjects,
  memberObjects,
  type ActualObjects,
  type MemberObjectName,
  type MemberObjects,
} from './objects.ts';
import type { MemberObjectViews } from './observe.ts';
import { edgeQuota, limitsReports } from './quota.ts';
import { clusterStatus, nextLook, planCluster, type ClusterAction, type ObservedCluster } from './reconcile.ts';

export interface EdgeClusterDeps {
  readonly client: ApiClient;
  readonly clusters: Informer<EdgeCluster>;
  readonly providers: Informer<Provider>;
  /** Declared with the index `namespace`, as {@link tasks}. */
  readonly nodes: Informer<InferenceNode>;
  readonly tasks: Informer<InferenceTask>;
  readonly views: MemberObjectViews;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly operatorMetrics: OperatorMetrics;
  readonly clock: Clock;
  readonly brake: EvictionBrake;
  readonly events: EventRecorder;
  readonly leaseSeconds: number;
  readonly tokenSeconds: number;
  /** Address of the hub that members are told with their credentials. */
  readonly server: string | undefined;
}

/** Keeps namespace, rights, Lease and credential of every member, and judges whether it is reachable. */
export class EdgeClusterController {
  readonly #deps: EdgeClusterDeps;
  readonly #contacts = new Map<string, Contact>();
  readonly #controller: Controller;
  /** Of this term, which began once all kinds were listed. */
  readonly #startedAt: number;

  constructor(deps: EdgeClusterDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.monotonic();
    const { clusters, providers, nodes, tasks, views, logger, metrics, clock } = deps;
    const reconcile = (key: string) => this.#reconcile(key);
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'edge-cluster',
      concurrency: 4,
      logger,
      metrics,
      clock,
      reconcile,
    });
    const byNamespace = (_: unknown, key: string): string[] => {
      const cluster = clusterOfNamespace(key.split('/')[0] ?? '');
      return cluster === undefined ? [] : [cluster];
    };
    // Judged when the renewal is seen, not when its key comes up in the queue.
    views.leases.onChange((change) => {
      const cluster = clusterOfNamespace(change.key.split('/')[0] ?? '');
      if (cluster === undefined) return;
      if (change.type === 'Deleted') this.#contacts.delete(cluster);
      else this.#observe(cluster, change.current.renewTime);
    });
    this.#controller
      .watches(clusters)
      // What happens to one tells whether the work of others is moved.
      .watches(clusters, () =>
        clusters
          .list()
          .filter((cluster) => unreachableSince(cluster) !== undefined)
          .map(({ metadata }) => metadata.name),
      )
      .watches(providers, ({ metadata }) =>
        clusters
          .list()
          .filter(({ spec }) => spec.providerRef.name === metadata.name)
          .map((cluster) => cluster.metadata.name),
      )
      .watches(nodes, byNamespace)
      // Tasks count only while they hold up a deletion.
      .watches(tasks, (task, key) =>
        byNamespace(task, key).filter((name) => clusters.get(name)?.metadata.deletionTimestamp !== undefined),
      )
      .watches(views.namespaces, byNamespace);
    const { serviceAccounts, roles, roleBindings, leases, credentials, quotas } = views;
    for (const source of [serviceAccounts, roles, roleBindings, leases, credentials, quotas]) {
      this.#controller.watches(source, byNamespace);
    }
    const everyCluster = (): string[] => clusters.list().map(({ metadata }) => metadata.name);
    this.#controller
      .watches(views.priorityLevels, everyCluster)
      .watches(views.flowSchemas, (_, key) => everyCluster().filter((cluster) => edgeFlowSchema(cluster) === key));
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  #observe(cluster: string, renewTime: string | undefined): Contact {
    const term = this.#deps.leaseSeconds * 1000;
    const contact = observe(this.#contacts.get(cluster), renewTime, this.#deps.clock.monotonic(), term);
    this.#contacts.set(cluster, contact);
    return contact;
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const cluster = this.#deps.clusters.get(key);
    if (cluster === undefined) {
      this.#contacts.delete(key);
      return done;
    }
    const observed = this.#look(cluster);
    const { clock, client, leaseSeconds } = this.#deps;
    const now = { wall: clock.now(), monotonic: clock.monotonic() };
    const plan = planCluster(observed, now);
    if (plan.some(({ type }) => type === 'AddFinalizer' || type === 'RemoveFinalizer')) {
      // It changes the EdgeCluster, or ends it: the status follows with its event.
      for (const action of plan) await this.#execute(cluster, action);
      return done;
    }
    let failure: unknown;
    try {
      for (const action of plan) await this.#execute(cluster, action);
    } catch (error) {
      // The status still tells what is known; the error is thrown after it, for the backoff.
      failure = error;
    }
    const issueFailure = failure instanceof TokenNotIssued ? failure.message : undefined;
    const status = clusterStatus(observed, now, leaseSeconds * 1000, issueFailure);
    await patchStatus(client, edgeClusterResource, cluster, status);
    this.#tellBrake(cluster, status);
    if (failure !== undefined) throw failure as Error;
    return requeueAfter(nextLook(observed, now));
  }

  #tellBrake(cluster: EdgeCluster, status: EdgeClusterStatus): void {
    const held = findCondition(status.conditions, 'EvictionHeld');
    const was = findCondition(cluster.status?.conditions, 'EvictionHeld')?.status ?? 'False';
    if (held === undefined || held.status === was) return;
    const isHeld = held.status === 'True';
    const event = {
      type: isHeld ? 'Warning' : 'Normal',
      reason: isHeld ? 'EvictionHeld' : 'EvictionReleased',
    } as const;
    this.#deps.events.record(edgeClusterResource, cluster, { ...event, note: held.message });
  }

  #look(cluster: EdgeCluster): ObservedCluster {
    const { views, providers, nodes, tasks, brake } = this.#deps;
    const { name } = cluster.metadata;
    const namespace = edgeNamespace(name);
    const actual = views.actual(cluster);
    const lease = views.leases.get(`${namespace}/${names.edgeLease}`);
    const members = nodes.byIndex('namespace', namespace);
    return {
      cluster,
      providerExists: providers.get(cluster.spec.providerRef.name) !== undefined,
      namespace: views.namespaces.get(namespace),
      drifted: driftedObjects(this.#desired(cluster, actual), actual),
      serviceAccountUID: actual.serviceAccount?.uid,
      credential: views.credentials.get(`${namespace}/${names.edgeCredential}`),
      contact: this.#contacts.get(name) ?? this.#observe(name, lease?.renewTime),
      nodes: {
        total: members.length,
        ready: members.filter(({ status }) => isConditionTrue(status?.conditions, 'Ready')).length,
      },
      openTasks: tasks.byIndex('namespace', namespace).length,
      brake: brake.current,
      hasPriorityLevel: views.priorityLevels.size > 0,
    };
  }

  #desired(cluster: EdgeCluster, { quota }: ActualObjects): MemberObjects {
    const { clock, leaseSeconds } = this.#deps;
    const age = clock.monotonic() - this.#startedAt;
    return memberObjects(cluster, leaseSeconds, edgeQuota(limitsReports(quota?.spec?.hard, age)));
  }

  async #execute(cluster: EdgeCluster, action: ClusterAction): Promise<void> {
    const { client, logger, views } = this.#deps;
    const desired = this.#desired(cluster, views.actual(cluster));
    switch (action.type) {
      case 'AddFinalizer':
        await addFinalizer(client, edgeClusterResource, cluster, finalizers.edgeNamespace);
        return;
      case 'CreateNamespace':
        await createUnlessPresent(client.create(core.namespaces, desired.namespace));
        return;
      case 'Apply':
        await this.#apply(desired, action.object);
        return;
      case 'IssueToken':
        await issueToken(this.#deps, cluster.metadata.name, action.uid, action.key);
        return;
      case 'DeleteCredential':
        await deleteCredential(client, cluster.metadata.name, action.uid);
        return;
      case 'DeleteNamespace': {
        const { name } = desired.namespace.metadata;
        logger.info(
          { cluster: cluster.metadata.name, namespace: name },
          'the EdgeCluster is deleted: removing its namespace',
        );
        const found = await client.find(core.namespaces, { name });
        // Looked at once more: the namespace of a namesake must not go.
        if (found?.metadata.annotations?.[annotations.originUID] === cluster.metadata.uid) {
          await client.delete(core.namespaces, { name }, { uid: found!.metadata.uid! });
        }
        return;
      }
      case 'DropFinalizers':
        await this.#dropFinalizers(desired.namespace.metadata.name);
        return;
      case 'RemoveFinalizer':
        await removeFinalizer(client, edgeClusterResource, cluster, finalizers.edgeNamespace);
        return;
    }
  }

  async #dropFinalizers(namespace: string): Promise<void> {
    const { client } = this.#deps;
    for await (const report of client.listAll(nodeReportResource, { namespace }))
      await removeAllFinalizers(client, nodeReportResource, report);
    const lease = await client.find(core.leases, { namespace, name: names.edgeLease });
    if (lease !== undefined) await removeAllFinalizers(client, core.leases, lease);
  }

  async #apply(desired: MemberObjects, object: MemberObjectName): Promise<void> {
    const { client } = this.#deps;
    const force = { force: true };
    switch (object) {
      case 'serviceAccount':
        await client.apply(core.serviceAccounts, desired.serviceAccount, force);
        return;
      case 'role':
        await client.apply(core.roles, desired.role, force);
        return;
      case 'roleBinding':
        await client.apply(core.roleBindings, desired.roleBinding, force);
        return;
      case 'lease':
        await client.apply(core.leases, desired.lease, force);
        return;
      case 'credential':
        await client.apply(core.secrets, desired.credential, force);
        return;
      case 'quota':
        await client.apply(core.resourceQuotas, desired.quota, force);
        return;
      case 'flowSchema':
        await client.apply(core.flowSchemas, desired.flowSchema, force);
        return;
    }
  }
}
