import {
  edgeClusterResource,
  edgeJoinRequestResource,
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
  inferenceTaskResource,
  JOIN_NAMESPACE,
  labels,
  names,
  nodeReportResource,
  providerResource,
  type InferenceJob,
  type InferenceTask,
} from '@isochrone/api';
import {
  core,
  EventRecorder,
  Informer,
  type ApiClient,
  type Clock,
  type InformerOptions,
  type KubeObject,
  type Logger,
  type Metrics,
} from '@isochrone/kube';
import type { Ledger } from '@isochrone/ledger';
import type { Registry } from 'prom-client';
import { createAccountController } from './account/controller.ts';
import { EdgeClusterController } from './edge-cluster/controller.ts';
import { EvictionBrake } from './edge-cluster/eviction-brake.ts';
import { MemberObjectViews } from './edge-cluster/observe.ts';
import type { OperatorOptions } from './hub.ts';
import { observeFleet } from './fleet-samples.ts';
import { JoinController, joinIndexes } from './join/controller.ts';
import { defaultHTTPSourceOptions } from './input/http-source.ts';
import { allowedSources } from './input/public-address.ts';
import { createJobController, defaultJobOptions } from './job/index.ts';
import { beginLedgerTerm } from './ledger-term.ts';
import { OperatorMetrics } from './metrics.ts';
import { admissionTaskIndex, ModelController } from './model/controller.ts';
import { NodeController, nodeIndexes, reportIndexes } from './node/controller.ts';
import { createProviderController } from './provider/controller.ts';
import type { SchedulerClient } from './scheduler-client.ts';

export interface HubParts {
  readonly options: OperatorOptions;
  readonly client: ApiClient;
  readonly ledger: Ledger;
  readonly scheduler: SchedulerClient;
  /** Unique per process. */
  readonly identity: string;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/**
 * Members renew every third of the term, so that those which vanish together are noticed within a third of it. Nobody's work
 * is moved before the brake has seen them all.
 */
function unreachableGraceSeconds(leaseSeconds: number): number {
  return Math.max(defaultJobOptions.unreachableGraceSeconds, Math.ceil(leaseSeconds / 3) + 1);
}

const inNamespace = ({ metadata }: InferenceTask | InferenceJob): readonly string[] => [metadata.namespace ?? ''];

/**
 * One term of leadership: proves the books, takes a fencing token, watches, and reconciles until the signal aborts.
 *
 * @param tellStatus is given the check of readiness for this term
 * @throws LedgerError LEDGER_CORRUPT when the books do not add up: nothing may be paid from them; STALE_LEADER when another
 * took the books meanwhile
 */
export async function leadHub(
  { options, client, ledger: books, scheduler, identity, logger, registry, metrics, clock }: HubParts,
  signal: AbortSignal,
  tellStatus: (check: () => true | string) => void,
): Promise<void> {
  const ledgerTerm = await beginLedgerTerm(books, identity, signal);
  if (ledgerTerm === undefined) return;
  const { ledger, token } = ledgerTerm;
  const common = { client, logger, metrics, clock };
  const informer = <T extends KubeObject>(rest: Omit<InformerOptions<T>, keyof typeof common>) =>
    new Informer<T>({ ...common, ...rest });

  const views = new MemberObjectViews(common);
  const clusters = informer({ resource: edgeClusterResource });
  const providers = informer({ resource: providerResource });
  const models = informer({ resource: inferenceModelResource });
  // The hub may be a member of itself: what agents claim in the namespace of the system is no accepted node.
  const nodes = informer({ resource: inferenceNodeResource, labelSelector: labels.cluster, indexes: nodeIndexes });
  const reports = informer({ resource: nodeReportResource, indexes: reportIndexes });
  const jobs = informer({ resource: inferenceJobResource, indexes: { namespace: inNamespace } });
  const tasks = informer({
    resource: inferenceTaskResource,
    labelSelector: `!${labels.origin}`,
    indexes: { namespace: inNamespace, model: admissionTaskIndex },
  });
  const statements = informer({
    resource: core.configMaps,
    fieldSelector: `metadata.name=${names.accountStatement}`,
  });
  const requests = informer({ resource: edgeJoinRequestResource, namespace: JOIN_NAMESPACE, indexes: joinIndexes });
  const tokens = new Informer({
    ...common,
    resource: core.secrets,
    namespace: JOIN_NAMESPACE,
    project: ({ metadata }) => metadata.name ?? '',
  });
  const informers = {
    clusters,
    providers,
    models,
    nodes,
    reports,
    jobs,
    tasks,
    statements,
    requests,
    tokens,
    ...views.informers,
  };

  const operatorMetrics = new OperatorMetrics(registry);
  operatorMetrics.ledgerCorrupt.set(0);
  const events = new EventRecorder({ ...common, controller: 'isochrone.dev/operator', instance: identity });
  const brake = new EvictionBrake(clusters);
  const shared = { ...common, operatorMetrics, clusters, providers, models, nodes, tasks, jobs };
  const { namespace, edgeServer, currency, ledgerPollSeconds: pollSeconds } = options;
  const controllers: readonly { run(signal: AbortSignal): Promise<void> }[] = [
    new EdgeClusterController({
      ...shared,
      views,
      brake,
      events,
      leaseSeconds: options.edgeLeaseSeconds,
      tokenSeconds: options.edgeTokenSeconds,
      server: edgeServer,
    }),
    new JoinController({ ...shared, views, requests, tokens, events }),
    new NodeController({ ...shared, reports, events, graceSeconds: options.nodeGraceSeconds }),
    new ModelController({ ...shared, namespace }),
    createProviderController({ ...shared, ledger, pollSeconds }),
    createAccountController({ ...shared, ledger, namespaces: views.namespaces, statements, currency, pollSeconds }),
    await createJobController({
      ...{ ...shared, brake, namespace, ledger, token, scheduler, events },
      options: {
        ...defaultJobOptions,
        unreachableGraceSeconds: unreachableGraceSeconds(options.edgeLeaseSeconds),
        maxCopiedBytes: options.inputMebibytes * 1024 ** 2,
        http: { ...defaultHTTPSourceOptions, allowed: allowedSources(options.inputHosts) },
      },
    }),
  ];
  tellStatus(() => {
    const open = Object.entries(informers).find(([, one]) => !one.hasSynced);
    return open === undefined ? true : `leading, but ${open[0]} are not synced yet`;
  });
  // When one part fails for good, or another leader took the books, the term is over for all.
  const over = new AbortController();
  const term = AbortSignal.any([signal, over.signal, ledgerTerm.over]);
  const work = [...Object.values(informers), ...controllers].map((part) =>
    part.run(term).catch((error: unknown) => {
      over.abort(error);
      throw error;
    }),
  );
  const unobserve = observeFleet(operatorMetrics, { clusters, nodes, brake, clock });
  const ends = await Promise.allSettled(work);
  unobserve();
  operatorMetrics.endTerm();
  await events.flush();
  ledgerTerm.over.throwIfAborted();
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure !== undefined) throw failure.reason as Error;
}
