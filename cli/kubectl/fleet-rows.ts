import {
  edgeClusterResource,
  inferenceNodeResource,
  inferenceTaskResource,
  type Condition,
  type EdgeCluster,
  type InferenceNode,
  type InferenceTask,
} from '@isochrone/api';
import { findCondition } from '@isochrone/kube';

/** What the fleet is read from: everything by the API of the hub alone. */
export const fleetSources = {
  clusters: { resource: edgeClusterResource },
  nodes: { resource: inferenceNodeResource },
  tasks: { resource: inferenceTaskResource },
};

export interface Fleet {
  readonly clusters: readonly EdgeCluster[];
  readonly nodes: readonly InferenceNode[];
  readonly tasks: readonly InferenceTask[];
}

/** Whether a task takes a slot of its device. */
export function isOpen({ status }: InferenceTask): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** Records that the tasks get done per second, by what they report; of tasks that report nothing yet, nothing. */
export function throughput(tasks: readonly InferenceTask[], now: number): number {
  return tasks.reduce((sum, { status }) => {
    if (status?.phase !== 'Running' || status.startTime === undefined) return sum;
    // Kubernetes' times are whole seconds.
    const seconds = Math.max(1, (now - Date.parse(status.startTime)) / 1000);
    return sum + (status.recordsDone ?? 0) / seconds;
  }, 0);
}

/** Such as `12.3`; fewer digits for large numbers. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/** Status and, where it does not hold, reason of a condition. */
export interface Assessment {
  readonly status: Condition['status'];
  readonly reason: string;
}

export function assess(conditions: readonly Condition[] | undefined, type: string): Assessment {
  const found = findCondition(conditions, type);
  return found === undefined
    ? { status: 'Unknown', reason: 'NotAssessed' }
    : { status: found.status, reason: found.reason };
}

/** For a column about a condition that should hold. */
export function toneOf({ status }: Assessment): 'bad' | 'doubtful' | undefined {
  if (status === 'True') return undefined;
  return status === 'False' ? 'bad' : 'doubtful';
}
