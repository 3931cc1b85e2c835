import {
  edgeNamespace,
  labels,
  type Condition,
  type EdgeCluster,
  type InferenceNode,
  type InferenceNodeStatus,
  type NodeReport,
} from '@isochrone/api';
import { findCondition, isConditionTrue, setCondition } from '@isochrone/kube';
import { believedModels, type ModelReferences } from './believed-models.ts';
import { checkReport } from './check-report.ts';

/** What the shell has seen of one node. */
export interface ObservedNode {
  readonly name: string;
  readonly cluster: EdgeCluster;
  readonly report: NodeReport | undefined;
  /** Whether the edge goes on sending the report. */
  readonly reportIsFresh: boolean;
  readonly node: InferenceNode | undefined;
  /** Accepted nodes, this one left out, that hold a device of the report or of the node. */
  readonly rivals: readonly InferenceNode[];
  /** Nodes accepted in the cluster so far. */
  readonly nodesInCluster: number;
  readonly references: ModelReferences;
}

export interface NodeDecision {
  /** To be created; its status follows with its event. */
  readonly create?: InferenceNode;
  /** The spec to write, when it changes. */
  readonly spec?: InferenceNode['spec'];
  readonly status?: InferenceNodeStatus;
  /** Why the report was not accepted; for the event and the metric. */
  readonly refused?: { readonly reason: NodeRefusal; readonly message: string };
}
export type NodeRefusal = 'ReportInvalid' | 'KeyChanged' | 'DeviceClaimedTwice' | 'TooManyNodes';

/** More machines than this are several members. */
export const MAX_NODES_PER_CLUSTER = 1000;

/** What to write on the hub for a node. Of the assessment and the location nothing comes from the report. */
export function decideNode(observed: ObservedNode, now: number): NodeDecision {
  const { report, node, cluster, name } = observed;
  if (report === undefined) return node === undefined ? {} : settled(observed, node, undefined, now);
  const refused = refusal(observed, report);
  if (node !== undefined) {
    const spec = refused === undefined ? acceptedSpec(report, cluster, node) : undefined;
    return settled(observed, node, refused, now, spec);
  }
  // An invalid report makes no node; a rival's device makes one that gets no work, for the administrator to see.
  if (refused !== undefined && refused.reason !== 'DeviceClaimedTwice') return { refused };
  const namespace = edgeNamespace(cluster.metadata.name);
  return {
    create: {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'InferenceNode',
      metadata: { name, namespace, labels: { [labels.cluster]: cluster.metadata.name } },
      spec: acceptedSpec(report, cluster),
    },
    ...(refused === undefined ? {} : { refused }),
  };
}

function acceptedSpec({ spec }: NodeReport, cluster: EdgeCluster, node?: InferenceNode): InferenceNode['spec'] {
  const { unschedulable } = node?.spec ?? {};
  return {
    publicKey: spec.publicKey,
    inventory: spec.inventory,
    ask: spec.ask,
    providerName: cluster.spec.providerRef.name,
    clusterName: cluster.metadata.name,
    // The administrator's, who cordons the node; everything else is the operator's.
    ...(unschedulable === undefined ? {} : { unschedulable }),
  };
}

function refusal(observed: ObservedNode, report: NodeReport): NodeDecision['refused'] {
  const { node, nodesInCluster } = observed;
  if (node !== undefined && node.spec.publicKey !== report.spec.publicKey) {
    const message =
      'spec.publicKey: the report carries another key than the pinned one; when the node was really made anew, delete the InferenceNode';
    return { reason: 'KeyChanged', message };
  }
  const faults = checkReport(report.spec);
  if (faults.length > 0) return { reason: 'ReportInvalid', message: faults.join('; ').slice(0, 4096) };
  if (node === undefined && nodesInCluster >= MAX_NODES_PER_CLUSTER) {
    const message = `the cluster has ${nodesInCluster} nodes, and at most ${MAX_NODES_PER_CLUSTER} are accepted; delete InferenceNodes that are gone`;
    return { reason: 'TooManyNodes', message };
  }
  const taken = claimedByRival(observed, report);
  if (taken === undefined) return undefined;
  const message = `spec.inventory.devices: ${taken.uuid} belongs to ${taken.rival}; a device counts once in the federation`;
  return { reason: 'DeviceClaimedTwice', message };
}

/**
 * A device that the report claims and another node holds. Whoever was first accepted with it holds it: a node that was not
 * assessed yet, or was found to claim twice, holds nothing. Should two hold one device all the same, the later one yields.
 */
function claimedByRival(
  { node, rivals }: ObservedNode,
  report: NodeReport,
): { uuid: string; rival: string } | undefined {
  const own = new Set(node !== undefined && holds(node) ? uuidsOf(node) : []);
  for (const { uuid } of report.spec.inventory.devices) {
    for (const rival of rivals) {
      if (!holds(rival) || !uuidsOf(rival).includes(uuid)) continue;
      if (own.has(uuid) && isEarlier(node!, rival)) continue;
      return { uuid, rival: `${rival.metadata.namespace ?? ''}/${rival.metadata.name}` };
    }
  }
  return undefined;
}

function holds({ status }: InferenceNode): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready !== undefined && ready.reason !== 'DeviceClaimedTwice';
}

function uuidsOf({ spec }: InferenceNode): string[] {
  return spec.inventory.devices.map(({ uuid }) => uuid);
}

function isEarlier(one: InferenceNode, other: InferenceNode): boolean {
  const order = ({ metadata }: InferenceNode): string =>
    `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
  return order(one) < order(other);
}

function settled(
  observed: ObservedNode,
  node: InferenceNode,
  refused: NodeDecision['refused'],
  now: number,
  spec?: InferenceNode['spec'],
): NodeDecision {
  const { report } = observed;
  const { generation = 0 } = node.metadata;
  const ready = readiness(observed, refused);
  let conditions: readonly Condition[] = node.status?.conditions ?? [];
  conditions = setCondition(conditions, { type: 'Ready', ...ready, observedGeneration: generation }, now);
  // Set once. Then it belongs to verification, and to the administrator who resets it.
  if (findCondition(conditions, 'Trusted') === undefined) {
    const message = 'nothing was proven against the node';
    conditions = setCondition(
      conditions,
      { type: 'Trusted', status: 'True', reason: 'NoEvidenceAgainst', message, observedGeneration: generation },
      now,
    );
  }
  const accepted = refused === undefined && report !== undefined ? report.spec : undefined;
  const models = accepted === undefined ? node.status?.models : believedModels(accepted, observed.references);
  const runningTasks = accepted === undefined ? node.status?.runningTasks : accepted.runningTasks;
  return {
    ...(spec === undefined ? {} : { spec }),
    ...(refused === undefined ? {} : { refused }),
    status: {
      observedGeneration: generation,
      ...(models === undefined ? {} : { models }),
      ...(runningTasks === undefined ? {} : { runningTasks }),
      conditions: [...conditions],
    },
  };
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

function readiness({ cluster, report, reportIsFresh }: ObservedNode, refused: NodeDecision['refused']): Verdict {
  if (refused !== undefined) {
    const reason = refused.reason === 'TooManyNodes' ? 'ReportInvalid' : refused.reason;
    return { status: 'False', reason, message: refused.message };
  }
  if (!isConditionTrue(cluster.status?.conditions, 'Ready')) {
    const message = `EdgeCluster ${cluster.metadata.name} is not Ready`;
    return { status: 'Unknown', reason: 'ClusterUnreachable', message };
  }
  if (report === undefined) return { status: 'False', reason: 'AgentNotReady', message: 'there is no NodeReport' };
  if (!reportIsFresh) {
    return { status: 'Unknown', reason: 'AgentNotReady', message: 'the edge no longer sends the NodeReport' };
  }
  if (report.spec.ready) return { status: 'True', reason: 'AgentReady', message: 'the agent is alive' };
  const { readyReason = 'NoReason', readyMessage = '' } = report.spec;
  return { status: 'False', reason: 'AgentNotReady', message: `${readyReason}: ${readyMessage}` };
}
