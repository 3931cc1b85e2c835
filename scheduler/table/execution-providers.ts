import type { ExecutionProvider } from '@isochrone/latency';

/** The position of an execution provider here is its bit in a device's mask. */
export const EXECUTION_PROVIDERS: readonly ExecutionProvider[] = ['CPU', 'CUDA', 'TensorRT', 'WebGPU'];

export function executionProviderMask(providers: readonly ExecutionProvider[]): number {
  return providers.reduce((mask, provider) => mask | (1 << EXECUTION_PROVIDERS.indexOf(provider)), 0);
}

/**
 * For every possible mask of a device the execution provider that a request gets on it: the first of its preferences that
 * the device has. Undefined where it has none.
 */
export function choicesByMask(preferences: readonly ExecutionProvider[]): readonly (ExecutionProvider | undefined)[] {
  return Array.from({ length: 1 << EXECUTION_PROVIDERS.length }, (_, mask) =>
    preferences.find((provider) => (mask & executionProviderMask([provider])) !== 0),
  );
}
