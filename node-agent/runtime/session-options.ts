import type { InferenceTaskSpec } from '@isochrone/api';

export type ExecutionProvider = InferenceTaskSpec['executionProvider'];
export type NumericProfile = InferenceTaskSpec['model']['numericProfile'];

/** onnxruntime-node's names. */
export const executionProviderNames: Record<ExecutionProvider, string> = {
  CPU: 'cpu',
  CUDA: 'cuda',
  TensorRT: 'tensorrt',
  WebGPU: 'webgpu',
};

export interface SessionChoice {
  readonly executionProvider: ExecutionProvider;
  readonly numericProfile: NumericProfile;
  /** Threads within an operator. */
  readonly cpuThreads: number;
}

/** onnxruntime's session options as JSON, so that they travel in a frame. */
export interface SessionOptions {
  executionProviders: (string | { name: string; deviceId: number })[];
  graphOptimizationLevel: 'basic' | 'all';
  executionMode: 'sequential';
  intraOpNumThreads: number;
  interOpNumThreads: number;
  extra: { session: Record<string, string | Record<string, string>> };
  /** 0 tells all. */
  logSeverityLevel?: 0;
  logVerbosityLevel?: 0;
}

/**
 * What a numeric profile means to onnxruntime. The optimisation level changes bits, the number of threads does not on the CPU
 * (measured); the batch size may, so that an admission checks that it stays within the tolerance. FP32Strict runs deterministic
 * kernels only, which says nothing of operators that are random by what they mean.
 */
export function sessionOptions({ executionProvider, numericProfile, cpuThreads }: SessionChoice): SessionOptions {
  const strict = numericProfile === 'FP32Strict';
  const name = executionProviderNames[executionProvider];
  const session: Record<string, string | Record<string, string>> = {
    // Spinning threads take the cores from the neighbours on a shared edge machine.
    intra_op: { allow_spinning: '0' },
    ...(strict && { use_deterministic_compute: '1' }),
  };
  return {
    // The process sees one device, by CUDA_VISIBLE_DEVICES, so that it is always the first.
    executionProviders: [executionProvider === 'CPU' || executionProvider === 'WebGPU' ? name : { name, deviceId: 0 }],
    graphOptimizationLevel: strict ? 'basic' : 'all',
    executionMode: 'sequential',
    intraOpNumThreads: cpuThreads,
    interOpNumThreads: 1,
    extra: { session },
  };
}

/** Variables of the agent that a runtime process gets: what the loader and the drivers need, and none of its secrets. */
const inheritedVariables = /^(PATH|HOME|TMPDIR|LANG|LD_LIBRARY_PATH|XDG_.*|VK_.*|NVIDIA_.*|CUDA_.*)$/;

/** @param gpuUUID device that the process shall see, absent for the CPU */
export function runtimeEnvironment(environment: NodeJS.ProcessEnv, gpuUUID: string | undefined): NodeJS.ProcessEnv {
  const inherited = Object.entries(environment).filter(([name]) => inheritedVariables.test(name));
  return {
    ...Object.fromEntries(inherited),
    CUDA_VISIBLE_DEVICES: gpuUUID ?? '',
    // Both profiles promise 32-bit floats; onnxruntime-node has no other switch for TF32.
    NVIDIA_TF32_OVERRIDE: '0',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    // The published builds report models and runs to Microsoft, and keep a device id in the home.
    ORT_DISABLE_TELEMETRY: '1',
  };
}
