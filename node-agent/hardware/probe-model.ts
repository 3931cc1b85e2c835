/** The least model that makes onnxruntime start an execution provider: y = x, FP32[n]. Its bytes are pinned by a test. */
export const probeModel: Uint8Array = Buffer.from(
  'CAg6PQoQCgF4EgF5IghJZGVudGl0eRIFZ3JhcGhaEAoBeBILCgkIARIFCgMSAW5iEAoBeRILCgkIARIFCgMSAW5CAhAR',
  'base64',
);
