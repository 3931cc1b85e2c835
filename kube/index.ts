export { ApiClient } from './client.ts';
export type { ClientOptions, InClusterOptions, KubeconfigOptions, ServerOptions } from './client-options.ts';
export type {
  ApplyOptions,
  DeleteOptions,
  JsonPatchOperation,
  ListOptions,
  MergePatch,
  RawRequest,
  ReadOptions,
  RequestOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './requests.ts';
export { systemClock } from './clock.ts';
export type { Clock, Timer } from './clock.ts';
export { ClusterSet } from './cluster-set.ts';
export type { ClusterSetOptions, ClusterState, Disconnected } from './cluster-set.ts';
export { ComputedGauge } from './computed-gauge.ts';
export type { Sample } from './computed-gauge.ts';
export { findCondition, isConditionTrue, setCondition } from './conditions.ts';
export type { Condition } from './conditions.ts';
export { Controller, done, requeueAfter } from './controller.ts';
export type { ControllerOptions, Reconcile, ReconcileContext, ReconcileResult } from './controller.ts';
export { core } from './core.ts';
export type {
  ConfigMap,
  CustomResourceDefinition,
  Event,
  FlowSchema,
  Lease,
  Namespace,
  Node,
  ObjectReference,
  Pod,
  PolicyRule,
  ResourceQuota,
  Role,
  RoleBinding,
  Secret,
  ServiceAccount,
  Taint,
} from './core.ts';
export {
  ApiError,
  ClusterNotConnectedError,
  errorTable,
  KubeconfigError,
  KubeError,
  RequestTimeoutError,
  RequeueError,
  TerminalError,
} from './errors.ts';
export type { ErrorCode, StatusDetails } from './errors.ts';
export { EventRecorder } from './event-recorder.ts';
export type { EventRecorderOptions, RecordedEvent } from './event-recorder.ts';
export { addFinalizer, hasFinalizer, removeAllFinalizers, removeFinalizer } from './finalizers.ts';
export { Informer } from './informer.ts';
export type { Change, ChangeSource, InformerOptions } from './informer.ts';
export { Instruments } from './instruments.ts';
export { LeaderElector } from './leader-elector.ts';
export type { LeaderElectorOptions } from './leader-elector.ts';
export type { Logger } from './logger.ts';
export { Metrics } from './metrics.ts';
export { keyOf, parseKey, refOf } from './object.ts';
export { issueBoundToken } from './service-account-token.ts';
export type { KubeList, KubeObject, ObjectMeta, ObjectRef, OwnerReference } from './object.ts';
export { parseQuantity } from './quantity.ts';
export { apiVersionOf, resourcePath } from './resource.ts';
export type { Resource } from './resource.ts';
export { formatMicroTime, formatTime } from './time.ts';
export { WorkQueue } from './work-queue.ts';
export type { AddOptions, BackoffOptions, WorkItem, WorkQueueOptions } from './work-queue.ts';
