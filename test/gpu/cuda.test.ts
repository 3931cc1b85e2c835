import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parseQuantity, systemClock } from '@isochrone/kube';
import { cudaLacking, findCudaLibraries } from '@isochrone/tools/gpu';
import { takeInventory, type Device } from '../../node-agent/hardware/inventory.ts';
import { queryGpus } from '../../node-agent/hardware/nvidia-smi.ts';
import { runtimeEnvironment } from '../../node-agent/runtime/session-options.ts';
import { quietLogger } from '../../node-agent/testing/quiet-logger.ts';
import { describeTarget } from './testing/describe-target.ts';
import { gpuBytes, skipBecause } from './testing/target.ts';

const missing = await cudaLacking();
const libraries = missing === undefined ? await findCudaLibraries() : undefined;
const broughtBy = libraries === undefined ? 'the CUDA libraries, which `make test-gpu` brings' : undefined;
const skip = skipBecause(missing ?? broughtBy);

describe('the CUDA provider', { skip }, async () => {
  const loader = [libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  const agent = { ...process.env, LD_LIBRARY_PATH: loader };
  const gpu = (await queryGpus(quietLogger))[0];

  test('the inventory is what nvidia-smi tells in its other form', async () => {
    const told = await gpusByXML();
    assert.ok(told.length > 0, 'nvidia-smi --xml-format tells no GPU');
    const stateDirectory = await mkdtemp(join(tmpdir(), 'gpu-inventory-'));
    try {
      const { devices } = await takeInventory({
        ...{ nodeName: 'n', stateDirectory, deviceMemoryBytes: undefined, slots: 1 },
        ...{ environment: agent, clock: systemClock, logger: quietLogger },
      });
      assert.deepEqual(devices.map(seenByXML), told);
      for (const { type, executionProviders, cudaComputeCapability, pcieBusID } of devices) {
        assert.equal(type, 'gpu');
        assert.ok(executionProviders.includes('CUDA'), executionProviders.join());
        assert.match(cudaComputeCapability ?? '', /^\d+\.\d$/);
        assert.match(pcieBusID ?? '', /^[0-9a-f]{4}:/);
      }
    } finally {
      await rm(stateDirectory, { recursive: true });
    }
  });

  describeTarget({
    provider: 'CUDA',
    profiledAs: 'CUDAExecutionProvider',
    environment: runtimeEnvironment(agent, gpu?.uuid),
    hasTF32: Number(gpu?.cudaComputeCapability) >= 8,
    relation: 'CrossClass',
    leastThroughputShare: 0.02,
    memoryInUse: () => gpuBytes(gpu!.uuid),
  });
});

type Seen = Record<'uuid' | 'productName' | 'memory' | 'driverVersion' | 'cudaDriverVersion', string | undefined>;

function seenByXML({ uuid, productName, memory, driverVersion, cudaDriverVersion }: Device): Seen {
  return { uuid, productName, memory: `${parseQuantity(memory)! / 2 ** 20} MiB`, driverVersion, cudaDriverVersion };
}

async function gpusByXML(): Promise<Seen[]> {
  const { stdout } = await promisify(execFile)('nvidia-smi', ['-q', '-x'], { maxBuffer: 2 ** 26 });
  const value = (text: string, name: string): string | undefined =>
    new RegExp(`<${name}>\\s*([^<]+?)\\s*</${name}>`).exec(text)?.[1];
  return stdout
    .split(/<gpu id=/)
    .slice(1)
    .map((text) => ({
      uuid: value(text, 'uuid'),
      productName: value(text, 'product_name'),
      memory: value(/<fb_memory_usage>.*?<\/fb_memory_usage>/s.exec(text)?.[0] ?? '', 'total'),
      driverVersion: value(stdout, 'driver_version'),
      cudaDriverVersion: value(stdout, 'cuda_version'),
    }));
}
