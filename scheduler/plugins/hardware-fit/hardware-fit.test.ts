import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceFacts } from '../../table/facts.ts';
import type { TaskRequest } from '../../framework/request.ts';
import { GIB, makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { hardwareFit } from './hardware-fit.ts';

const cases: { name: string; device?: Partial<DeviceFacts>; request?: Partial<TaskRequest>; reason?: string }[] = [
  { name: 'a device that has everything' },
  { name: 'a second preference will do', request: { executionProviders: ['TensorRT', 'CUDA'] } },
  {
    name: 'no execution provider in common',
    device: { executionProviders: ['CPU'] },
    request: { executionProviders: ['TensorRT', 'CUDA'] },
    reason: 'no device has an execution provider of TensorRT, CUDA',
  },
  { name: 'exactly enough memory', request: { deviceMemory: 8 * GIB } },
  {
    name: 'one byte too little memory',
    request: { deviceMemory: 8 * GIB + 1 },
    reason: 'device memory is below 8589934593',
  },
  { name: 'exactly the compute capability', request: { minCudaComputeCapability: 89 } },
  {
    name: 'too old a compute capability',
    request: { minCudaComputeCapability: 90 },
    reason: 'CUDA compute capability is below 9.0 or absent',
  },
  {
    name: 'no CUDA where a compute capability is asked for, though CPU would do',
    device: { executionProviders: ['CPU'], computeCapability: 0 },
    request: { executionProviders: ['CUDA', 'CPU'], minCudaComputeCapability: 75 },
    reason: 'CUDA compute capability is below 7.5 or absent',
  },
];

for (const { name, device = {}, request, reason } of cases) {
  test(name, () => {
    const fleet = makeFleet({ name: 'n', device });
    assert.equal(rejectOf(hardwareFit, fleet, makeRequest(request), 'n'), reason);
  });
}

test('what runs on the device does not matter', () => {
  const fleet = makeFleet({ name: 'n', used: 2 });
  assert.equal(rejectOf(hardwareFit, fleet, makeRequest({ deviceMemory: 8 * GIB }), 'n'), undefined);
});
