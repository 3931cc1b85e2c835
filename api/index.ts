export { edgeClusterResource } from './generated/edge-cluster.ts';
export type { EdgeCluster, EdgeClusterSpec, EdgeClusterStatus } from './generated/edge-cluster.ts';
export { edgeJoinRequestResource } from './generated/edge-join-request.ts';
export type { EdgeJoinRequest, EdgeJoinRequestSpec, EdgeJoinRequestStatus } from './generated/edge-join-request.ts';
export { inferenceJobResource } from './generated/inference-job.ts';
export type { InferenceJob, InferenceJobSpec, InferenceJobStatus } from './generated/inference-job.ts';
export { inferenceModelResource } from './generated/inference-model.ts';
export type { InferenceModel, InferenceModelSpec, InferenceModelStatus } from './generated/inference-model.ts';
export { inferenceNodeResource } from './generated/inference-node.ts';
export type { InferenceNode, InferenceNodeSpec, InferenceNodeStatus } from './generated/inference-node.ts';
export { inferenceTaskResource } from './generated/inference-task.ts';
export type { InferenceTask, InferenceTaskSpec, InferenceTaskStatus } from './generated/inference-task.ts';
export { nodeReportResource } from './generated/node-report.ts';
export type { NodeReport, NodeReportSpec } from './generated/node-report.ts';
export { providerResource } from './generated/provider.ts';
export type { Provider, ProviderSpec, ProviderStatus } from './generated/provider.ts';
export { conditions, taskFailures } from './conditions.ts';
export type { Condition, ObjectMeta, OwnerReference, ResourceOf } from './meta.ts';
export {
  GROUP,
  JOIN_NAMESPACE,
  MAX_RECORD_BYTES,
  STORAGE_ACCESS_KEY,
  SYSTEM_NAMESPACE,
  annotations,
  edgeFlowSchema,
  clusterOfNamespace,
  edgeNamespace,
  finalizers,
  labels,
  names,
  nodeLease,
} from './names.ts';
export type { StorageAccess } from './names.ts';
export { placementRemedies } from './placement-remedies.ts';
export { schemaFields } from './generated/schema-fields.ts';
export { loadProtos } from './protos.ts';
export type { Protos } from './protos.ts';
