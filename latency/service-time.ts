/** onnxruntime execution providers, as in `InferenceNode`. */
export type ExecutionProvider = 'CPU' | 'CUDA' | 'TensorRT' | 'WebGPU';

/**
 * How long a device of a class takes for what the reference, one CPU device, does in 1. Orders of magnitude that seed the
 * estimate: they rank a GPU before a CPU until the first run of the model on the node gives its measured time.
 */
const DEVICE_CLASS_FACTORS: Readonly<Record<ExecutionProvider, number>> = {
  CPU: 1,
  WebGPU: 0.3,
  CUDA: 0.1,
  TensorRT: 0.08,
};

/** Time per reference time on a device that was never measured. */
export function deviceClassFactor(executionProvider: ExecutionProvider): number {
  return DEVICE_CLASS_FACTORS[executionProvider];
}

/**
 * Predicted time to run records on a device.
 *
 * @param records number of records
 * @param nanosecondsPerRecord measured on the device, or the reference time times {@link deviceClassFactor}
 * @param tasksOnDevice tasks that share the device, this one included: a device has one throughput, and its slots share it
 * @returns milliseconds
 */
export function serviceTime(records: number, nanosecondsPerRecord: number, tasksOnDevice = 1): number {
  return (records * nanosecondsPerRecord * tasksOnDevice) / 1e6;
}
