import { join } from 'node:path';
import type { InferenceNodeSpec } from '@isochrone/api';
import type { Clock, Logger } from '@isochrone/kube';
import { writeDurably } from '../durable-file.ts';
import { AgentError } from '../errors.ts';
import { assertRunsOnDevice, PlacementProbe } from '../runtime/placement.ts';
import { Runtime } from '../runtime/runtime.ts';
import {
  executionProviderNames,
  runtimeEnvironment,
  sessionOptions,
  type ExecutionProvider,
} from '../runtime/session-options.ts';
import { describeCpu, type CpuDevice } from './cpu-device.ts';
import { queryGpus, type Gpu } from './nvidia-smi.ts';
import { probeModel } from './probe-model.ts';

export type Inventory = InferenceNodeSpec['inventory'];
export type Device = Inventory['devices'][number];

export interface InventoryOptions {
  readonly nodeName: string;
  readonly stateDirectory: string;
  /** Of each device, at most. */
  readonly deviceMemoryBytes: number | undefined;
  readonly slots: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly logger: Logger;
}

const probeMilliseconds = 60_000;
const gpuProviders: readonly ExecutionProvider[] = ['CUDA', 'TensorRT'];

/**
 * What this machine can run: each GPU on which a session really loads, or the processor where there is none.
 * @throws AgentError HARDWARE_UNKNOWN
 */
export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const path = join(options.stateDirectory, 'probe.onnx');
  await writeDurably(path, probeModel);
  const { version, backends } = await describeRuntime(options);
  const offered = gpuProviders.filter((provider) => backends.includes(executionProviderNames[provider]));
  const devices: Device[] = [];
  for (const gpu of await queryGpus(options.logger)) {
    const loaded: ExecutionProvider[] = [];
    for (const provider of offered) if (await loads(path, provider, gpu.uuid, options)) loaded.push(provider);
    if (loaded.length > 0) devices.push(gpuDevice(gpu, loaded, options));
  }
  if (devices.length === 0) {
    if (!(await loads(path, 'CPU', undefined, options))) {
      throw new AgentError(
        'HARDWARE_UNKNOWN',
        'not even a session on the CPU loads; see the log for why onnxruntime fails',
      );
    }
    devices.push(cpuDevice(await describeCpu(options.nodeName, options.stateDirectory), options));
  }
  return { architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', onnxruntimeVersion: version, devices };
}

/** Numeric class of results: what may move bits between nodes that run the same model and profile. */
export function runtimeClassOf(inventory: Inventory, device: Device, provider: ExecutionProvider): string {
  const silicon = provider === 'CPU' ? inventory.architecture : `sm-${device.cudaComputeCapability ?? 'unknown'}`;
  return `${executionProviderNames[provider]}/${silicon}/ort-${inventory.onnxruntimeVersion}`;
}

async function describeRuntime({
  environment,
  clock,
  logger,
}: InventoryOptions): Promise<{ version: string; backends: readonly string[] }> {
  await using runtime = new Runtime({ environment: runtimeEnvironment(environment, undefined), clock, logger });
  return await runtime.describe(probeMilliseconds);
}

async function loads(
  path: string,
  executionProvider: ExecutionProvider,
  gpuUUID: string | undefined,
  options: InventoryOptions,
): Promise<boolean> {
  const { environment, clock, logger } = options;
  const probe = new PlacementProbe({ environment: runtimeEnvironment(environment, gpuUUID), clock, logger });
  try {
    const choice = sessionOptions({ executionProvider, numericProfile: 'FP32Strict', cpuThreads: 1 });
    assertRunsOnDevice(executionProvider, await probe.placements(path, choice, probeMilliseconds));
    return true;
  } catch (error) {
    logger.info({ err: error, executionProvider, gpuUUID }, 'an execution provider does not load and is not offered');
    return false;
  } finally {
    await probe.runtime.stop();
  }
}

function gpuDevice(
  gpu: Gpu,
  executionProviders: ExecutionProvider[],
  { deviceMemoryBytes, slots }: InventoryOptions,
): Device {
  const { memoryMebibytes, ...attributes } = gpu;
  return {
    ...attributes,
    type: 'gpu',
    brand: 'Nvidia',
    memory: mebibytes(memoryMebibytes * 2 ** 20, deviceMemoryBytes),
    executionProviders,
    slots,
  };
}

function cpuDevice({ memoryBytes, ...attributes }: CpuDevice, { deviceMemoryBytes, slots }: InventoryOptions): Device {
  return {
    ...attributes,
    type: 'cpu',
    memory: mebibytes(memoryBytes, deviceMemoryBytes),
    executionProviders: ['CPU'],
    slots,
  };
}

function mebibytes(present: number, most: number | undefined): string {
  return `${Math.floor(Math.min(present, most ?? present) / 2 ** 20)}Mi`;
}
