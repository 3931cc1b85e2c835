import {
  annotations,
  edgeClusterResource,
  edgeJoinRequestResource,
  clusterOfNamespace,
  edgeNamespace,
  JOIN_NAMESPACE,
  names,
  type EdgeCluster,
  type EdgeJoinRequest,
  type EdgeJoinRequestStatus,
} from '@isochrone/api';
import {
  Controller,
  core,
  done,
  formatTime,
  isConditionTrue,
  refOf,
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
import { keyPatch, sealedOf, viewCredential, type MemberKey } from '../edge-cluster/credential-secret.ts';
import type { MemberObjectViews } from '../edge-cluster/observe.ts';
import { deleteCredential } from '../edge-cluster/issue-token.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { patchStatus } from '../patch-status.ts';
import {
  joinStatus,
  nextJoinLook,
  outcomeMessages,
  planJoin,
  type JoinAction,
  type JoinOutcome,
  type ObservedJoin,
} from './decide-request.ts';

export interface JoinDeps {
  readonly client: ApiClient;
  readonly clusters: Informer<EdgeCluster>;
  /** Of {@link JOIN_NAMESPACE}, declared with {@link joinIndexes}. */
  readonly requests: Informer<EdgeJoinRequest>;
  /** Names of the Secrets there. */
  readonly tokens: Informer<object & { metadata: object }, string>;
  readonly views: MemberObjectViews;
  readonly events: EventRecorder;
  readonly operatorMetrics: OperatorMetrics;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export const joinIndexes = { cluster: ({ spec }: EdgeJoinRequest): readonly string[] => [spec.clusterName] };

/** Answers joiners: hands the accepted key its credential, and ends tokens that were used, misused or are over. */
export class JoinController {
  readonly #deps: JoinDeps;
  readonly #controller: Controller;

  constructor(deps: JoinDeps) {
    this.#deps = deps;
    const { requests, tokens, clusters, views, logger, metrics, clock } = deps;
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'edge-join',
      concurrency: 2,
      logger,
      metrics,
      clock,
      reconcile: (key) => this.#reconcile(key),
    });
    const ofCluster = (cluster: string | undefined): string[] =>
      cluster === undefined
        ? []
        : requests.byIndex('cluster', cluster).map(({ metadata }) => `${JOIN_NAMESPACE}/${metadata.name}`);
    const byNamespace = (_: unknown, key: string): string[] => ofCluster(clusterOfNamespace(key.split('/')[0] ?? ''));
    this.#controller
      .watches(requests)
      .watches(tokens, (_, key) => [key])
      .watches(clusters, ({ metadata }) => ofCluster(metadata.name))
      .watches(views.credentials, byNamespace)
      .watches(views.leases, byNamespace);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { requests, client, clock } = this.#deps;
    const request = requests.get(key);
    if (request === undefined) return done;
    const observed = this.#look(request);
    const now = clock.now();
    const [action] = planJoin(observed, now);
    if (action !== undefined) {
      await this.#execute(request, action);
      // The token's end is no change of the request.
      if (action.type !== 'RevokeToken' && action.type !== 'DeleteCredential') return done;
    }
    await patchStatus(client, edgeJoinRequestResource, request, joinStatus(observed, now));
    return requeueAfter(nextJoinLook(observed, now));
  }

  #look(request: EdgeJoinRequest): ObservedJoin {
    const { clusters, tokens, views } = this.#deps;
    const { clusterName } = request.spec;
    const cluster = clusters.get(clusterName);
    const namespace = edgeNamespace(clusterName);
    return {
      request,
      hasToken: tokens.get(`${JOIN_NAMESPACE}/${request.metadata.name}`) !== undefined,
      cluster:
        cluster === undefined
          ? undefined
          : {
              registered: isConditionTrue(cluster.status?.conditions, 'Registered'),
              revoked: cluster.spec.revoked === true,
            },
      credential: views.credentials.get(`${namespace}/${names.edgeCredential}`),
      usedBy: views.leases.get(`${namespace}/${names.edgeLease}`)?.joinedBy,
    };
  }

  async #execute(request: EdgeJoinRequest, action: JoinAction): Promise<void> {
    const { client, logger } = this.#deps;
    const { name } = request.metadata;
    switch (action.type) {
      case 'RecordOutcome':
        await this.#recordOutcome(request, action.outcome);
        return;
      case 'RecordContest':
        await this.#annotate(request, { [annotations.joinContested]: 'true' });
        this.#tell(request, 'TokenReused', `after the acceptance ${outcomeMessages.TokenReused}`);
        return;
      case 'RevokeToken':
        await client.delete(core.secrets, { namespace: JOIN_NAMESPACE, name });
        return;
      case 'RememberCredential':
        await this.#annotate(request, { [annotations.replacedCredential]: action.uid });
        return;
      case 'DeleteCredential':
        logger.info(
          { cluster: request.spec.clusterName, request: name },
          'a member joins: ending its earlier credential',
        );
        await deleteCredential(client, request.spec.clusterName, action.uid);
        return;
      case 'GrantCredential':
        await this.#annotate(request, { [annotations.grantedCredential]: action.uid });
        return;
      case 'BindKey':
        await this.#bindKey(request.spec.clusterName, action.uid, action.key);
        return;
      case 'Deliver':
        await this.#deliver(request, action.issuedAt);
        return;
      case 'DeleteRequest':
        await client.delete(edgeJoinRequestResource, refOf(request), { uid: request.metadata.uid! });
        return;
    }
  }

  async #recordOutcome(request: EdgeJoinRequest, outcome: JoinOutcome): Promise<void> {
    await this.#annotate(request, { [annotations.joinOutcome]: outcome });
    this.#tell(request, outcome, outcomeMessages[outcome]);
  }

  #tell(request: EdgeJoinRequest, outcome: JoinOutcome, note: string): void {
    const { events, operatorMetrics, clusters, logger } = this.#deps;
    const { clusterName } = request.spec;
    operatorMetrics.joins.inc({ outcome });
    logger.info({ cluster: clusterName, request: request.metadata.name, outcome }, note);
    const event = { type: outcome === 'Joined' ? 'Normal' : 'Warning', reason: outcome, action: 'Join', note } as const;
    events.record(edgeJoinRequestResource, request, event);
    const cluster = clusters.get(clusterName);
    if (cluster !== undefined) events.record(edgeClusterResource, cluster, event);
  }

  async #annotate(request: EdgeJoinRequest, values: Record<string, string>): Promise<void> {
    const { resourceVersion } = request.metadata;
    await this.#deps.client.mergePatch(edgeJoinRequestResource, refOf(request), {
      metadata: { annotations: values, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    });
  }

  async #bindKey(cluster: string, uid: string, key: MemberKey): Promise<void> {
    const { client } = this.#deps;
    const ref = { namespace: edgeNamespace(cluster), name: names.edgeCredential };
    const secret = await client.find(core.secrets, ref);
    if (secret === undefined) return;
    const found = viewCredential(secret);
    // Another request was faster, or the Secret is another: its event is on the way.
    if (found.uid !== uid || found.key !== undefined) return;
    const { resourceVersion } = secret.metadata;
    const { annotations: notes } = keyPatch(key).metadata;
    await client.mergePatch(core.secrets, ref, {
      metadata: { annotations: notes, uid, ...(resourceVersion && { resourceVersion }) },
    });
  }

  async #deliver(request: EdgeJoinRequest, issuedAt: number): Promise<void> {
    const { client, operatorMetrics } = this.#deps;
    const ref = { namespace: edgeNamespace(request.spec.clusterName), name: names.edgeCredential };
    const secret = await client.get(core.secrets, ref);
    const sealed = sealedOf(secret);
    // Rotated or deleted meanwhile: its event is on the way.
    if (sealed === undefined || viewCredential(secret).token?.issuedAt !== issuedAt) return;
    const credential = { ...sealed, issuedTime: formatTime(issuedAt) };
    const status: EdgeJoinRequestStatus = { ...request.status, credential };
    await patchStatus(client, edgeJoinRequestResource, request, status);
    operatorMetrics.credentialsSealed.inc();
  }
}
