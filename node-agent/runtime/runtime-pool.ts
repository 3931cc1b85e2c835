import type { Clock, Logger } from '@isochrone/kube';
import type { Tensor } from '@isochrone/tensor';
import { AgentError, TaskFailure } from '../errors.ts';
import { isQuarantined, recordCrash, type CrashRecord } from './crash-policy.ts';
import { modelFormat, type ModelFormat } from './model-format.ts';
import { assertRunsOnDevice, PlacementProbe } from './placement.ts';
import { runtimeFailure } from './runtime-failure.ts';
import { Runtime, type LoadedModel, type RunResult, type RuntimeOptions } from './runtime.ts';
import { runtimeEnvironment, sessionOptions, type SessionChoice } from './session-options.ts';

/** What makes two sessions interchangeable. */
export interface RuntimeKey extends SessionChoice {
  readonly deviceUUID: string;
  /** Set for a GPU: what CUDA_VISIBLE_DEVICES is to be. */
  readonly gpuUUID: string | undefined;
  readonly modelSha256: string;
}

export interface RuntimePoolOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly environment: NodeJS.ProcessEnv;
  /** A process without work is ended after this span. */
  readonly idleMilliseconds: number;
  readonly onRestart: () => void;
}

interface Loaded {
  readonly runtime: Runtime;
  readonly model: LoadedModel;
}

interface Idle extends Loaded {
  readonly key: string;
  readonly deviceUUID: string;
  readonly cancel: () => void;
}

/** Runtime processes: at most one task uses one, and the next task with the same model takes over a warm one. */
export class RuntimePool {
  readonly #options: RuntimePoolOptions;
  /** Longest idle first. */
  readonly #idle: Idle[] = [];
  readonly #busy = new Set<Runtime>();
  readonly #crashes = new Map<string, CrashRecord>();
  /** Keys of models of which it is known that they run on their device. */
  readonly #placed = new Set<string>();

  constructor(options: RuntimePoolOptions) {
    this.#options = options;
  }

  /**
   * A session that is loaded. The caller has admitted its memory: idle processes on the device make way first.
   * @param path of the model's file
   * @param deadline monotonic milliseconds
   * @throws TaskFailure what a load can fail with, RuntimeCrashed, TaskTimeout; or the signal's reason
   */
  async acquire(key: RuntimeKey, path: string, deadline: number, signal: AbortSignal): Promise<RuntimeLease> {
    const name = JSON.stringify(key);
    const warm = this.#idle.findIndex((idle) => idle.key === name);
    const taken = warm < 0 ? undefined : this.#idle.splice(warm, 1)[0];
    taken?.cancel();
    const victims = this.#idle.filter(({ deviceUUID }) => deviceUUID === key.deviceUUID);
    // All at once: one that is still in the list while another ends would be taken over meanwhile.
    await Promise.all(victims.map((idle) => this.#retire(idle)));
    const loaded = taken?.runtime.alive === true ? taken : await this.#load(key, path, deadline, signal);
    this.#busy.add(loaded.runtime);
    try {
      return new RuntimeLease(this, key, path, loaded, deadline, signal);
    } catch (error) {
      // The model is none that can be run.
      await this.#discard(loaded.runtime);
      throw error;
    }
  }

  /** Starts and loads, again after a crash, until the model is in quarantine. */
  async #load(key: RuntimeKey, path: string, deadline: number, signal: AbortSignal): Promise<Loaded> {
    for (;;) {
      await this.#awaitTurn(key.modelSha256, signal);
      try {
        await this.#checkPlacement(key, path, deadline, signal);
        return await this.#loadOnce(key, path, deadline, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isEnd(error)) throw runtimeFailure(error, 'load');
        this.#ended(key, error);
      }
    }
  }

  async #loadOnce(key: RuntimeKey, path: string, deadline: number, signal: AbortSignal): Promise<Loaded> {
    const runtime = new Runtime(this.#runtimeOptions(key));
    this.#busy.add(runtime);
    try {
      const milliseconds = deadline - this.#options.clock.monotonic();
      const model = await abortable(runtime, signal, runtime.load(path, sessionOptions(key), milliseconds));
      return { runtime, model };
    } catch (error) {
      await this.#discard(runtime);
      throw error;
    }
  }

  /** Once for each key: it takes another load, before the one that stays. */
  async #checkPlacement(key: RuntimeKey, path: string, deadline: number, signal: AbortSignal): Promise<void> {
    const name = JSON.stringify(key);
    if (key.executionProvider === 'CPU' || this.#placed.has(name)) return;
    const probe = new PlacementProbe(this.#runtimeOptions(key));
    this.#busy.add(probe.runtime);
    try {
      const milliseconds = deadline - this.#options.clock.monotonic();
      const told = probe.placements(path, sessionOptions(key), milliseconds);
      assertRunsOnDevice(key.executionProvider, await abortable(probe.runtime, signal, told));
      this.#placed.add(name);
    } finally {
      await this.#discard(probe.runtime);
    }
  }

  #runtimeOptions({ gpuUUID }: RuntimeKey): RuntimeOptions {
    const { environment, clock, logger } = this.#options;
    return { environment: runtimeEnvironment(environment, gpuUUID), clock, logger };
  }

  /** @internal The tensors through the session; a crashed process is replaced and the run repeated. */
  async runWith(lease: RuntimeLease, inputs: readonly Tensor[]): Promise<RunResult> {
    const { key, path, deadline, signal } = lease;
    const { clock } = this.#options;
    for (;;) {
      const { runtime } = lease.loaded;
      const { format } = lease;
      try {
        signal.throwIfAborted();
        const result = await abortable(
          runtime,
          signal,
          runtime.run(
            format.inputs.map(({ name }, index) => ({ name, tensor: inputs[index]! })),
            format.outputs.map(({ name }) => name),
            deadline - clock.monotonic(),
          ),
        );
        this.#crashes.delete(key.modelSha256);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (!isEnd(error)) throw runtimeFailure(error, 'run');
        this.#ended(key, error);
        await this.#discard(runtime);
        lease.loaded = await this.#load(key, path, deadline, signal);
      }
    }
  }

  /** @internal */
  async giveBack({ key, loaded }: RuntimeLease): Promise<void> {
    const { runtime } = loaded;
    if (!runtime.alive) {
      await this.#discard(runtime);
      return;
    }
    this.#busy.delete(runtime);
    const timer = this.#options.clock.setTimeout(() => {
      this.#retire(idle).catch((error: unknown) =>
        this.#options.logger.error({ err: error }, 'an idle runtime process did not end'),
      );
    }, this.#options.idleMilliseconds);
    const idle: Idle = {
      ...loaded,
      key: JSON.stringify(key),
      deviceUUID: key.deviceUUID,
      cancel: () => timer.cancel(),
    };
    this.#idle.push(idle);
  }

  /** Ends every process. */
  async close(): Promise<void> {
    await Promise.all([...this.#idle].map((idle) => this.#retire(idle)));
    await Promise.all([...this.#busy].map((runtime) => this.#discard(runtime)));
  }

  async #retire(idle: Idle): Promise<void> {
    idle.cancel();
    const index = this.#idle.indexOf(idle);
    if (index >= 0) this.#idle.splice(index, 1);
    await idle.runtime.stop();
  }

  async #discard(runtime: Runtime): Promise<void> {
    await runtime.stop();
    this.#busy.delete(runtime);
  }

  /** Waits as long as the ends before demand. @throws TaskFailure RuntimeCrashed while the model is in quarantine */
  async #awaitTurn(modelSha256: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const record = this.#crashes.get(modelSha256);
    if (record === undefined) return;
    if (isQuarantined(record, clock.monotonic())) {
      const seconds = Math.ceil((record.quarantinedUntil - clock.monotonic()) / 1000);
      throw new TaskFailure(
        'RuntimeCrashed',
        `model ${modelSha256} crashed ${record.crashes} times in a row and is not run here for ${seconds} s; the last time ${record.reason}`,
      );
    }
    await clock.sleep(Math.max(0, record.retryAt - clock.monotonic()), signal);
  }

  #ended(key: RuntimeKey, error: AgentError): void {
    const { clock, logger, onRestart } = this.#options;
    const end = { reason: error.message, killed: error.code === 'RUNTIME_KILLED' };
    const record = recordCrash(this.#crashes.get(key.modelSha256), end, clock.monotonic());
    this.#crashes.set(key.modelSha256, record);
    logger.warn({ err: error, model: key.modelSha256, crashes: record.crashes }, 'a runtime process ended');
    onRestart();
  }
}

/** A loaded session that one task has to itself. */
export class RuntimeLease implements AsyncDisposable {
  readonly key: RuntimeKey;
  readonly path: string;
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly format: ModelFormat;
  loaded: Loaded;
  readonly #pool: RuntimePool;

  constructor(pool: RuntimePool, key: RuntimeKey, path: string, loaded: Loaded, deadline: number, signal: AbortSignal) {
    this.#pool = pool;
    this.key = key;
    this.path = path;
    this.loaded = loaded;
    this.deadline = deadline;
    this.signal = signal;
    this.format = modelFormat(loaded.model);
  }

  /** @param inputs in the order of the model's. @throws TaskFailure RunFailed, OutOfMemory, RuntimeCrashed, TaskTimeout; or the signal's reason */
  async run(inputs: readonly Tensor[]): Promise<RunResult> {
    return this.#pool.runWith(this, inputs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.giveBack(this);
  }
}

/** The process ended, and not by this agent's hand. */
function isEnd(error: unknown): error is AgentError {
  return error instanceof AgentError && ['RUNTIME_CRASHED', 'RUNTIME_KILLED'].includes(error.code);
}

/** A run cannot be stopped but by the end of its process. */
async function abortable<T>(runtime: Runtime, signal: AbortSignal, call: Promise<T>): Promise<T> {
  const onAbort = (): void => {
    // The call fails with it; whoever waits for the call also waits for the end of the process.
    runtime.stop('its task was stopped').catch(() => undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await call;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
