import type { Plugin } from '../../framework/plugin.ts';
import { formatBytes } from '../../table/quantity.ts';

/** Whether the device could run the task if nothing else ran on it. */
export const hardwareFit: Plugin = {
  name: 'HardwareFit',
  prepare({ request, columns, choices }) {
    const { executionProviders, memoryBytes, computeCapability } = columns;
    const { deviceMemory, minCudaComputeCapability } = request;
    return {
      filter: {
        reasons: [
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'ExecutionProviderMissing',
            text: `no device has an execution provider of ${request.executionProviders.join(', ')}`,
          },
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'ComputeCapabilityTooLow',
            text: `CUDA compute capability is below ${(minCudaComputeCapability / 10).toFixed(1)} or absent`,
          },
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'DeviceMemoryTooSmall',
            text: `device memory is below ${formatBytes(deviceMemory)}`,
          },
        ],
        test: (row) => {
          if (choices[executionProviders[row]!] === undefined) return 1;
          if (computeCapability[row]! < minCudaComputeCapability) return 2;
          return memoryBytes[row]! < deviceMemory ? 3 : 0;
        },
      },
    };
  },
};
