import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { edgeNamespace, inferenceNodeResource, inferenceTaskResource, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import {
  ApiClient,
  ApiError,
  core,
  EventRecorder,
  Informer,
  Metrics,
  systemClock,
  type Clock,
  type InformerOptions,
  type KubeObject,
} from '@isochrone/kube';
import { defineOptions, option, type OptionsOf, type ServiceContext } from '@isochrone/service';
import { HubContact } from './sync/contact.ts';
import { secretIndex, type SyncDeps } from './sync/deps.ts';
import { HubCredential } from './sync/hub-credential.ts';
import { SyncMetrics } from './sync/metrics.ts';
import { ReportSync } from './sync/report-controller.ts';
import { createSecretSync } from './sync/secret-controller.ts';
import { TaskSync } from './sync/task-controller.ts';

export { SyncMetrics } from './sync/metrics.ts';

export const edgeOptions = defineOptions({
  cluster: option.string({
    description: 'Name of the EdgeCluster on the hub.',
    required: true,
    pattern: /[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?/,
  }),
  joinTokenFile: option.string({
    description:
      'File with the token of "kubectl isochrone edge token create". Read while the member has no credential that counts; the credential is kept in the Secret isochrone-hub.',
  }),
  hubProxy: option.string({
    description: 'HTTP proxy by which the hub is reached, such as http://proxy:3128. Default: none.',
    pattern: /https?:\/\/\S+/,
  }),
  memberKubeconfig: option.string({
    description: 'Kubeconfig for the member. Default: the ServiceAccount of the Pod.',
  }),
  outboxSeconds: option.integer({
    description: 'How long a result that the hub has not acknowledged is kept when the hub no longer has the task.',
    default: 3600,
    minimum: 0,
  }),
  progressMilliseconds: option.integer({
    description: 'Least time between two reports of mere progress of one task.',
    default: 5000,
    minimum: 0,
  }),
  reportSeconds: option.integer({
    description: 'How often an unchanged NodeReport is sent again. Keep it well below nodeGraceSeconds of the hub.',
    default: 60,
    minimum: 1,
  }),
});

/** The edge operator: joins, then tasks down, status and reports up, Lease and grant. @throws KubeconfigError, OperatorError */
export async function runEdge(
  options: OptionsOf<typeof edgeOptions>,
  context: ServiceContext,
  clock: Clock = systemClock,
): Promise<void> {
  const { logger, registry, health } = context;
  const hubChange = new AbortController();
  const signal = AbortSignal.any([context.signal, hubChange.signal]);
  const metrics = new Metrics(registry);
  const syncMetrics = new SyncMetrics(registry);
  const hubNamespace = edgeNamespace(options.cluster);
  const common = { logger, metrics, clock };
  const client = { ...common, fieldManager: 'isochrone-edge', userAgent: 'isochrone-edge' };
  const memberClient = { ...client, name: 'member' };
  const member =
    options.memberKubeconfig === undefined
      ? await ApiClient.inCluster(memberClient)
      : await ApiClient.fromKubeconfig({ ...memberClient, path: options.memberKubeconfig });
  const credential = new HubCredential({
    cluster: options.cluster,
    member,
    memberNamespace: SYSTEM_NAMESPACE,
    joinTokenFile: options.joinTokenFile,
    proxyUrl: options.hubProxy,
    client: { ...client, name: 'hub' },
    logger,
    events: new EventRecorder({ ...common, client: member, controller: 'isochrone.dev/edge', instance: hostname() }),
    syncMetrics,
    clock,
    onHubChanged: (error) => hubChange.abort(error),
  });
  let status: () => true | string = () => credential.check();
  health.readiness('sync', () => status());
  let hub: ApiClient;
  try {
    hub = await credential.connect(signal);
  } catch (error) {
    await member.close();
    if (context.signal.aborted) return;
    throw error;
  }

  const on = <T extends KubeObject>(
    side: { client: ApiClient; namespace: string },
    rest: Omit<InformerOptions<T>, 'client' | 'namespace' | keyof typeof common>,
  ) => new Informer<T>({ ...common, ...side, ...rest });
  const atHub = { client: hub, namespace: hubNamespace };
  const atMember = { client: member, namespace: SYSTEM_NAMESPACE };
  const secretsWithName = { secret: secretIndex };
  const deps: SyncDeps = {
    hub,
    member,
    hubNamespace,
    memberNamespace: SYSTEM_NAMESPACE,
    hubTasks: on(atHub, { resource: inferenceTaskResource, indexes: secretsWithName }),
    hubSecrets: on(atHub, { resource: core.secrets }),
    memberTasks: on(atMember, { resource: inferenceTaskResource, indexes: secretsWithName }),
    memberSecrets: on(atMember, { resource: core.secrets }),
    memberNodes: on(atMember, { resource: inferenceNodeResource }),
    memberLeases: on(atMember, { resource: core.leases }),
    ...common,
    syncMetrics,
    outboxSeconds: options.outboxSeconds,
    progressMilliseconds: options.progressMilliseconds,
    reportSeconds: options.reportSeconds,
  };
  const { hubTasks, hubSecrets, memberTasks, memberSecrets, memberNodes, memberLeases } = deps;
  const informers = { hubTasks, hubSecrets, memberTasks, memberSecrets, memberNodes, memberLeases };
  const contact = new HubContact({
    ...deps,
    identity: `${hostname()}_${randomUUID()}`,
    joinedBy: () => credential.joinedBy,
    onRenewed: () => credential.confirmed(),
    // A revoked credential: there may be a token to join anew with.
    onFailure: async (error) => {
      if (!(error instanceof ApiError && error.isUnauthorized)) return;
      await credential
        .refused(signal)
        .catch((cause: unknown) => logger.error({ err: cause }, 'no new credential for the hub'));
    },
  });
  status = () => {
    const open = Object.entries(informers).find(([, informer]) => !informer.hasSynced);
    const valid = credential.check();
    if (valid !== true) return valid;
    return open === undefined ? contact.check() : `${open[0]} are not synced`;
  };
  hubSecrets.onChange((change) => {
    if (change.type === 'Deleted' || change.current.metadata.name !== names.edgeCredential) return;
    credential.accept(change.current, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      logger.error({ err: error }, 'the rotated token could not be taken over; the old one is used until it expires');
    });
  });
  memberSecrets.onChange((change) => {
    if (change.type !== 'Deleted' && change.current.metadata.name === names.hubCredential)
      credential.reload(change.current);
  });
  try {
    await Promise.all([
      ...Object.values(informers).map((informer) => informer.run(signal)),
      new TaskSync(deps).run(signal),
      createSecretSync(deps).run(signal),
      new ReportSync(deps).run(signal),
      contact.run(signal),
    ]);
  } finally {
    await Promise.all([hub.close(), member.close()]);
  }
  hubChange.signal.throwIfAborted();
}
