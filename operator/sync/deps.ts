import type { InferenceNode, InferenceTask } from '@isochrone/api';
import type { ApiClient, Clock, Informer, Lease, Logger, Metrics, Secret } from '@isochrone/kube';
import type { SyncMetrics } from './metrics.ts';

/** What the parts of the sync engine share. The engine has two clients and does not know in which cluster it runs. */
export interface SyncDeps {
  readonly hub: ApiClient;
  readonly member: ApiClient;
  /** Of the member on the hub. */
  readonly hubNamespace: string;
  /** Of the agents on the member. */
  readonly memberNamespace: string;
  /** Declared with {@link secretIndex}, as {@link memberTasks}. */
  readonly hubTasks: Informer<InferenceTask>;
  readonly hubSecrets: Informer<Secret>;
  readonly memberTasks: Informer<InferenceTask>;
  readonly memberSecrets: Informer<Secret>;
  readonly memberNodes: Informer<InferenceNode>;
  readonly memberLeases: Informer<Lease>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly syncMetrics: SyncMetrics;
  readonly clock: Clock;
  /** How long a result that the hub has not acknowledged outlives the hub's task. */
  readonly outboxSeconds: number;
  /** Least time between two pushes of mere progress of one task. */
  readonly progressMilliseconds: number;
  /** How often an unchanged NodeReport is sent again. */
  readonly reportSeconds: number;
}

/** Finds tasks by the Secret that they read. */
export function secretIndex({ spec }: InferenceTask): readonly string[] {
  return [spec.storageSecretName];
}
