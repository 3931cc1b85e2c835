import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@isochrone/kube';
import type { Tensor } from '@isochrone/tensor';
import { assertRunsOnDevice, PlacementProbe } from '../../../node-agent/runtime/placement.ts';
import { Runtime, type LoadedModel } from '../../../node-agent/runtime/runtime.ts';
import {
  sessionOptions,
  type NumericProfile,
  type SessionOptions,
} from '../../../node-agent/runtime/session-options.ts';
import { quietLogger } from '../../../node-agent/testing/quiet-logger.ts';
import type { BareRequest, BareResult } from './bare-loop.ts';
import type { GpuModel } from './models.ts';
import type { Target } from './target.ts';

/** A CUDA context and cuDNN's first choice take seconds; so does the compilation of shaders. */
const patience = 120_000;

/** A model in a runtime process, as the agent has it. */
export class LoadedRuntime implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly #model: LoadedModel;

  private constructor(runtime: Runtime, model: LoadedModel) {
    this.runtime = runtime;
    this.#model = model;
  }

  /** @throws AgentError RUNTIME_REFUSED when the execution provider cannot run the model */
  static async of(
    path: string,
    { environment, provider }: Pick<Target, 'environment' | 'provider'>,
    options: SessionOptions,
  ): Promise<LoadedRuntime> {
    const parts = { environment, clock: systemClock, logger: quietLogger };
    const probe = new PlacementProbe(parts);
    try {
      assertRunsOnDevice(provider, await probe.placements(path, options, patience));
    } finally {
      await probe.runtime.stop();
    }
    const runtime = new Runtime(parts);
    try {
      return new LoadedRuntime(runtime, await runtime.load(path, options, patience));
    } catch (error) {
      await runtime.stop();
      throw error;
    }
  }

  get processId(): number {
    return this.runtime.processId!;
  }

  async run(tensor: Tensor): Promise<Tensor> {
    const name = this.#model.inputs[0]!.name;
    const { outputs } = await this.runtime.run([{ name, tensor }], [this.#model.outputs[0]!.name], patience);
    return outputs[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime.stop();
  }
}

export function optionsOf(executionProvider: Target['provider'], numericProfile: NumericProfile): SessionOptions {
  return sessionOptions({ executionProvider, numericProfile, cpuThreads: 1 });
}

/** Models as files, for as long as the tests run. */
export class ModelFolder implements AsyncDisposable {
  readonly #folder: Promise<string> = mkdtemp(join(tmpdir(), 'gpu-models-'));

  async file({ name, bytes }: GpuModel): Promise<string> {
    const path = join(await this.#folder, `${name}.onnx`);
    await writeFile(path, bytes);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(await this.#folder, { recursive: true });
  }
}

/** Runs a model by onnxruntime-node alone. */
export async function bareLoop(
  { environment }: Pick<Target, 'environment'>,
  request: BareRequest,
): Promise<BareResult> {
  const program = join(import.meta.dirname, 'bare-loop.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(request)], {
    env: environment,
    timeout: patience,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as BareResult;
}
