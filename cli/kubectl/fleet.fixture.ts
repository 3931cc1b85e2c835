import { edgeNamespace, type EdgeCluster, type InferenceNode, type InferenceTask } from '@isochrone/api';
import type { Fleet } from './fleet-rows.ts';

export const now = Date.parse('2026-11-24T01:00:00Z');

function condition(type: string, status: 'True' | 'False' | 'Unknown', reason: string): object {
  return { type, status, reason, message: 'm', lastTransitionTime: '2026-11-24T00:00:00Z' };
}

export function member(name: string, more: Partial<EdgeCluster['spec']> = {}, ready = true): EdgeCluster {
  return {
    metadata: { name },
    spec: { location: { country: 'DE', region: 'eu-central' }, ...more },
    status: { conditions: [condition('Ready', ready ? 'True' : 'False', ready ? 'Connected' : 'Lost')] },
  } as EdgeCluster;
}

interface NodeSettings {
  readonly ready?: 'True' | 'False';
  readonly unschedulable?: true;
  /** Devices of one slot and 8 GiB each. */
  readonly devices?: number;
}

export function node(
  cluster: string,
  name: string,
  { ready, unschedulable, devices = 1 }: NodeSettings = {},
): InferenceNode {
  const conditions = [condition('Trusted', 'True', 'NoEvidenceAgainst')];
  if (ready !== undefined) conditions.push(condition('Ready', ready, ready === 'True' ? 'AgentReady' : 'Silent'));
  const device = { uuid: 'u', type: 'gpu', productName: 'NVIDIA L4', memory: '8Gi', slots: 1 };
  return {
    metadata: { name, namespace: edgeNamespace(cluster), creationTimestamp: '2026-11-24T00:30:00Z' },
    spec: {
      ...{ providerName: `${cluster}-provider`, ask: { pricePerThousandReferenceSeconds: '0.20' } },
      inventory: { onnxruntimeVersion: '1.30.0', devices: Array.from({ length: devices }, () => device) },
      ...(unschedulable && { unschedulable }),
    },
    status: { conditions, models: [{}] },
  } as unknown as InferenceNode;
}

export function task(cluster: string, nodeName: string, status: object = {}, workUID = 'w'): InferenceTask {
  return {
    metadata: { name: 't', namespace: edgeNamespace(cluster) },
    spec: { nodeName, workUID, attempt: 1, model: { deviceMemory: '2Gi' } },
    status,
  } as unknown as InferenceTask;
}

/** Runs since half a minute. */
export const running = { phase: 'Running', startTime: '2026-11-24T00:59:30Z', recordsDone: 60 };

export const fleet: Fleet = {
  clusters: [member('paris', { unschedulable: true }, false), member('berlin')],
  nodes: [
    node('paris', 'p-1', { ready: 'False' }),
    node('berlin', 'b-2', { ready: 'True', devices: 2 }),
    node('berlin', 'b-1', { ready: 'True', unschedulable: true }),
  ],
  tasks: [
    task('berlin', 'b-2', running, 'job'),
    task('berlin', 'b-2', { phase: 'Pending' }, 'job'),
    task('berlin', 'b-2', { phase: 'Succeeded' }, 'job'),
    task('paris', 'b-2', running),
  ],
};
