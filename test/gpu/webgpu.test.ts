import { describe } from 'node:test';
import { probeModel } from '../../node-agent/hardware/probe-model.ts';
import { runtimeEnvironment } from '../../node-agent/runtime/session-options.ts';
import { describeTarget } from './testing/describe-target.ts';
import { LoadedRuntime, ModelFolder, optionsOf } from './testing/runtimes.ts';
import { vulkanLacking } from './testing/vulkan.ts';

const environment = runtimeEnvironment(process.env, undefined);

/** A driver may be there and too old for WebGPU; any other refusal is for the checks to tell. */
async function adapterLacking(): Promise<string | undefined> {
  await using models = new ModelFolder();
  const path = await models.file({ name: 'probe', bytes: probeModel, record: [] });
  try {
    const loaded = await LoadedRuntime.of(path, { environment, provider: 'WebGPU' }, optionsOf('WebGPU', 'FP32Strict'));
    await loaded.runtime.stop();
  } catch (error) {
    const missing = /Failed to get a WebGPU adapter.*/.exec(String(error))?.[0];
    if (missing !== undefined) return `a driver for Vulkan that WebGPU can use: ${missing}`;
  }
  return undefined;
}

// ISOCHRONE_REQUIRE_GPU asks for CUDA alone: an NVIDIA GPU without Vulkan is a whole one.
describe('the WebGPU provider', { skip: (await vulkanLacking()) ?? (await adapterLacking()) ?? false }, () => {
  describeTarget({
    provider: 'WebGPU',
    profiledAs: 'WebGpuExecutionProvider',
    environment,
    hasTF32: false,
    relation: 'CrossClass',
    leastThroughputShare: 0.05,
  });
});
