import type { InferenceNode, NodeReportSpec } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import type { Liveness } from '../lease-tracker.ts';

export type Observation = Omit<NodeReportSpec, 'observedTime'>;

/** What the hub is told of a node: what its agent claims, and whether the edge sees the agent live. */
export function observation(node: InferenceNode, agent: Liveness): Observation {
  const { publicKey, inventory, ask } = node.spec;
  const { models, runningTasks, conditions } = node.status ?? {};
  return {
    publicKey,
    inventory,
    ask,
    ...(models === undefined ? {} : { models }),
    ...(runningTasks === undefined ? {} : { runningTasks }),
    ...readiness(findCondition(conditions, 'Ready'), agent),
  };
}

/** What the hub is told of a node that the member no longer has. */
export function removed(last: Observation): Observation {
  return { ...last, ready: false, readyReason: 'NodeRemoved', readyMessage: 'the member has removed the node' };
}

function readiness(
  condition: ReturnType<typeof findCondition>,
  agent: Liveness,
): Pick<Observation, 'ready' | 'readyReason' | 'readyMessage'> {
  if (agent === 'NeverSeen') return notReady('AgentNeverSeen', 'the agent has not renewed its Lease yet');
  if (agent === 'Lost') return notReady('AgentLost', 'the agent no longer renews its Lease');
  if (condition === undefined) return notReady('AgentStarting', 'the agent has not said yet whether it is ready');
  const { status, reason, message } = condition;
  return { ready: status === 'True', readyReason: reason, readyMessage: message.slice(0, 1024) };
}

function notReady(readyReason: string, readyMessage: string) {
  return { ready: false, readyReason, readyMessage };
}
