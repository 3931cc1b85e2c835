import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock, Logger } from '@isochrone/kube';
import type { Tensor } from '@isochrone/tensor';
import { AgentError } from '../errors.ts';
import { frameTensors, unframeTensors, type NamedTensor } from './framed-tensors.ts';
import { FrameDecoder, encodeFrame, type Frame } from './frames.ts';
import type { Reply, Request, TensorDescription, WithoutId } from './protocol.ts';
import type { SessionOptions } from './session-options.ts';

const entry = fileURLToPath(new URL('./runtime-process.ts', import.meta.url));
const preload = new URL('./blocking-stderr.ts', import.meta.url).href;
/** How much of the end of standard error explains a crash. */
const STDERR_BYTES = 2048;

export interface RuntimeOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gets what the process writes to standard error, which is logged otherwise. */
  readonly onStandardError?: (text: string) => void;
}

export interface LoadedModel {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
}

export interface RunResult {
  /** In the order in which they were asked for. */
  readonly outputs: readonly Tensor[];
  /** Time of onnxruntime's run alone. */
  readonly nanoseconds: number;
}

interface Call {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: AgentError) => void;
}

/**
 * One child process with one session. Any call may fail with RUNTIME_CRASHED, RUNTIME_KILLED, RUNTIME_STOPPED or
 * RUNTIME_DEADLINE, after which the process is gone and every call fails; a call that onnxruntime refuses fails with RUNTIME_REFUSED.
 */
export class Runtime implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #calls = new Map<number, Call>();
  readonly #exited = Promise.withResolvers<undefined>();
  #nextId = 1;
  #stderr = '';
  #end: AgentError | undefined;

  constructor({ environment, clock, logger, onStandardError }: RuntimeOptions) {
    const onText = onStandardError ?? ((text) => logger.debug({ text }, 'standard error of the runtime process'));
    this.#clock = clock;
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', preload, entry], {
      env: environment,
      // Descriptors 0 and 3 are Unix sockets without a name: no other process can connect, and both close with either end.
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    this.#socket = this.#child.stdio[3] as Duplex;
    const decoder = new FrameDecoder();
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.push(chunk)) this.#settle(frame);
      } catch (error) {
        this.#kill(error as AgentError);
      }
    });
    // The process's end is what counts; a broken socket comes with it.
    this.#socket.on('error', (error) => logger.debug({ err: error }, 'socket to the runtime process'));
    this.#child.stdin?.on('error', (error) => logger.debug({ err: error }, 'standard input of the runtime process'));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
      onText(text);
    });
    this.#child.on('error', (cause) => {
      this.#fail(
        new AgentError('RUNTIME_CRASHED', `the runtime process cannot be started: ${cause.message}`, { cause }),
      );
      if (this.#child.pid === undefined) this.#exited.resolve(undefined);
    });
    this.#child.on('close', (code, signal) => {
      // No process sends itself SIGKILL because of what it computes.
      const how = signal === 'SIGKILL' ? 'RUNTIME_KILLED' : 'RUNTIME_CRASHED';
      this.#fail(new AgentError(how, this.#crashMessage(code, signal)));
      this.#exited.resolve(undefined);
    });
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  /** Version and execution providers of onnxruntime. */
  async describe(milliseconds: number): Promise<{ version: string; backends: readonly string[] }> {
    const { header } = await this.#call({ op: 'describe' }, [], milliseconds);
    return header as unknown as Extract<Reply, { op: 'described' }>;
  }

  /** @param milliseconds after which the process is killed */
  async load(path: string, options: SessionOptions, milliseconds: number): Promise<LoadedModel> {
    const { header } = await this.#call({ op: 'load', path, options }, [], milliseconds);
    return header as unknown as Extract<Reply, { op: 'loaded' }>;
  }

  /** @param milliseconds after which the process is killed: a run cannot be cancelled (onnxruntime ignores `terminate`) */
  async run(inputs: readonly NamedTensor[], outputs: readonly string[], milliseconds: number): Promise<RunResult> {
    const request = { op: 'run', inputs: frameTensors(inputs), outputs } as const;
    const { header, body } = await this.#call(
      request,
      inputs.map(({ tensor }) => tensor.data),
      milliseconds,
    );
    const reply = header as unknown as Extract<Reply, { op: 'ran' }>;
    const tensors = unframeTensors(reply.outputs, body).map(({ tensor }) => tensor);
    return { outputs: tensors, nanoseconds: reply.nanoseconds };
  }

  /** Kills the process and resolves when it is gone. */
  async stop(reason = 'it is no longer needed'): Promise<void> {
    this.#kill(new AgentError('RUNTIME_STOPPED', `the runtime process was stopped: ${reason}`));
    await this.#exited.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #call(request: WithoutId<Request>, body: readonly Uint8Array[], milliseconds: number): Promise<Frame> {
    if (this.#end !== undefined) throw this.#end;
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    this.#calls.set(id, { resolve, reject });
    const timer = this.#clock.setTimeout(() => {
      const message = `${request.op} took longer than ${Math.round(milliseconds)} ms; the runtime process was killed`;
      this.#kill(new AgentError('RUNTIME_DEADLINE', message));
    }, milliseconds);
    try {
      for (const part of encodeFrame({ ...request, id }, body)) this.#socket.write(part);
      return await promise;
    } finally {
      timer.cancel();
      this.#calls.delete(id);
    }
  }

  #settle(frame: Frame): void {
    const { id, op, message } = frame.header as unknown as { id: number; op: string; message: string };
    const call = this.#calls.get(id);
    if (op === 'error') call?.reject(new AgentError('RUNTIME_REFUSED', message));
    else call?.resolve(frame);
  }

  #kill(reason: AgentError): void {
    this.#fail(reason);
    this.#child.kill('SIGKILL');
  }

  /** The first reason counts. */
  #fail(reason: AgentError): void {
    this.#end ??= reason;
    for (const call of this.#calls.values()) call.reject(this.#end);
    this.#calls.clear();
  }

  #crashMessage(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `exited with status ${code ?? 'unknown'}` : `was killed by ${signal}`;
    const hint = signal === 'SIGKILL' ? '; when memory is short the kernel takes runtime processes first' : '';
    const tail = this.#stderr.trim();
    return `the runtime process ${how}${hint}${tail === '' ? '' : `: ${tail.slice(-512)}`}`;
  }
}
