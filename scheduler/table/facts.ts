import {
  clusterOfNamespace,
  type EdgeCluster,
  type InferenceNode,
  type InferenceTask,
  type Provider,
} from '@isochrone/api';
import { isConditionTrue } from '@isochrone/kube';
import { unitVector, type ExecutionProvider, type UnitVector } from '@isochrone/latency';
import { parseBytes, parseMicros } from './quantity.ts';

/**
 * What the scheduler keeps of the hub's objects. Each function projects one object. NodeReports, which an edge cluster may
 * fill with anything, are not among them: the operator has checked what stands in an InferenceNode, and bounded the times
 * that a node claims to have measured.
 */

export interface DeviceFacts {
  readonly uuid: string;
  readonly memoryBytes: number;
  /** Tenths: 89 for 8.9; 0 for none. */
  readonly computeCapability: number;
  readonly executionProviders: readonly ExecutionProvider[];
  readonly slots: number;
}

export interface NodeFacts {
  readonly cluster: string;
  readonly name: string;
  /** Condition Ready is True, and the object is not being deleted. */
  readonly ready: boolean;
  /** Condition Trusted is True. */
  readonly trusted: boolean;
  /** An administrator keeps new work away. */
  readonly cordoned: boolean;
  /** Micro-currency per thousand reference seconds. */
  readonly price: number;
  readonly devices: readonly DeviceFacts[];
  /** Models on the node; measured time per record, 0 before the first run. */
  readonly models: readonly { readonly sha256: string; readonly nanosecondsPerRecord: number }[];
}

export interface ClusterFacts {
  readonly name: string;
  readonly provider: string;
  /** Run by the federation itself. */
  readonly trusted: boolean;
  readonly country: string;
  readonly region: string;
  readonly location: UnitVector;
  readonly ready: boolean;
  /** An administrator keeps new work away. */
  readonly cordoned: boolean;
}

export interface ProviderFacts {
  readonly name: string;
  readonly suspended: boolean;
}

export interface TaskFacts {
  readonly workUid: string;
  readonly attempt: number;
  readonly cluster: string;
  readonly node: string;
  readonly deviceUuid: string;
  readonly executionProvider: ExecutionProvider;
  readonly memoryBytes: number;
  /** Succeeded or Failed: the device is free again. */
  readonly finished: boolean;
}

/** @returns undefined for a node outside the namespace of an edge cluster: it belongs to no member. */
export function nodeFacts(node: InferenceNode): NodeFacts | undefined {
  const cluster = clusterOfNamespace(node.metadata.namespace);
  if (cluster === undefined) return undefined;
  return {
    cluster,
    name: node.metadata.name,
    ready: isConditionTrue(node.status?.conditions, 'Ready') && node.metadata.deletionTimestamp === undefined,
    trusted: isConditionTrue(node.status?.conditions, 'Trusted'),
    cordoned: node.spec.unschedulable === true,
    price: parseMicros(node.spec.ask.pricePerThousandReferenceSeconds),
    devices: node.spec.inventory.devices.map((device) => ({
      uuid: device.uuid,
      memoryBytes: parseBytes(device.memory),
      computeCapability: Math.round(Number(device.cudaComputeCapability ?? 0) * 10),
      executionProviders: device.executionProviders,
      slots: device.slots,
    })),
    models: (node.status?.models ?? []).map(({ sha256, nanosecondsPerRecord }) => ({
      sha256,
      nanosecondsPerRecord: nanosecondsPerRecord ?? 0,
    })),
  };
}

export function clusterFacts(cluster: EdgeCluster): ClusterFacts {
  const { location, providerRef } = cluster.spec;
  return {
    name: cluster.metadata.name,
    provider: providerRef.name,
    trusted: cluster.spec.class === 'Trusted',
    country: location.country,
    region: location.region,
    location: unitVector(Number(location.latitude), Number(location.longitude)),
    ready: isConditionTrue(cluster.status?.conditions, 'Ready') && cluster.metadata.deletionTimestamp === undefined,
    cordoned: cluster.spec.unschedulable === true,
  };
}

export function providerFacts(provider: Provider): ProviderFacts {
  return { name: provider.metadata.name, suspended: provider.spec.suspended };
}

/** @returns undefined for a task outside the namespace of an edge cluster: no member will see it. */
export function taskFacts(task: InferenceTask): TaskFacts | undefined {
  const cluster = clusterOfNamespace(task.metadata.namespace);
  if (cluster === undefined) return undefined;
  const { spec, status } = task;
  return {
    workUid: spec.workUID,
    attempt: spec.attempt,
    cluster,
    node: spec.nodeName,
    deviceUuid: spec.deviceUUID,
    executionProvider: spec.executionProvider,
    memoryBytes: parseBytes(spec.model.deviceMemory),
    finished: status?.phase === 'Succeeded' || status?.phase === 'Failed',
  };
}
