import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { eventually } from './eventually.ts';
import { makeScratchFolder } from './scratch-folder.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

export interface ProcessSpecification {
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Whether it serves now. Asked every 50 ms; a throw counts as "not yet". Without it, started is ready. */
  readonly ready?: () => boolean | Promise<boolean>;
  /** Milliseconds until `ready` must have held. Default 60 000. */
  readonly readyTimeout?: number;
  /** Its data is thrown away, so it is stopped by SIGKILL at once. Default false. */
  readonly disposable?: boolean;
}

export interface SupervisedProcess {
  readonly name: string;
  /** Leader of a process group of its own. */
  readonly pid: number;
  /** Standard output and standard error, of every start under this name. */
  readonly log: string;
}

export interface SupervisorOptions {
  /** Part of the folder's name. */
  readonly name: string;
  /** Where the folder is made. Default: in memory where there is room, else the system's temporary folder. */
  readonly parent?: string;
  /** When aborted, everything is stopped. */
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly specification: ProcessSpecification;
  readonly child: ChildProcess;
  readonly pid: number;
}

const stopMilliseconds = 10_000;

/** A child first waits for a line: so that nothing runs that the watchdog has not been told of. */
const gate = 'read -r go || exit 1; exec "$@" </dev/null';

/**
 * Runs local processes, each in a process group of its own with its output in a file, in one temporary folder.
 *
 * However this process ends (also by `kill -9`), its processes and the folder go with it: a watchdog sees to that.
 * Nothing here keeps this process alive.
 */
export class ProcessSupervisor implements AsyncDisposable {
  /** Holds logs and whatever the caller puts there; removed by `stopAll`. */
  readonly directory: string;
  readonly #watchdog: Watchdog;
  readonly #entries = new Map<string, Entry>();
  readonly #signal: AbortSignal | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(directory: string, watchdog: Watchdog, signal: AbortSignal | undefined) {
    this.directory = directory;
    this.#watchdog = watchdog;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  static async create({ name, parent, signal }: SupervisorOptions): Promise<ProcessSupervisor> {
    signal?.throwIfAborted();
    const directory = await makeScratchFolder(name, parent);
    return new ProcessSupervisor(directory, await startWatchdog(directory), signal);
  }

  /**
   * Starts a process and waits until it is ready. Under a name whose process has ended, starts it anew.
   * @throws ToolError ProcessExited with the end of its output; NotInTime, after which it is stopped.
   */
  async start(specification: ProcessSpecification): Promise<SupervisedProcess> {
    const { name, command, args = [], env, cwd, ready, readyTimeout = 60_000 } = specification;
    this.#signal?.throwIfAborted();
    if (this.isRunning(name)) throw new ToolError('CommandFailed', `${name} runs already: stop it first`);
    const log = this.logOf(name);
    const output = openSync(log, 'a');
    const child = spawn('/bin/sh', ['-c', gate, name, command, ...args], {
      detached: true,
      stdio: ['pipe', output, output],
      env: { ...process.env, ...env },
      cwd: cwd ?? this.directory,
    });
    closeSync(output);
    await once(child, 'spawn');
    const { pid, stdin } = child;
    if (pid === undefined || stdin === null) throw new ToolError('ProcessExited', `${name} could not be started`);
    child.unref();
    this.#entries.set(name, { specification, child, pid });
    child.once('exit', () => void this.#tellWatchdog());
    await this.#tellWatchdog();
    stdin.on('error', () => undefined); // ended before it began: the wait below reports it
    stdin.end('go\n');
    await this.#waitUntilReady(name, child, ready ?? (() => true), readyTimeout);
    return { name, pid, log };
  }

  /** Stops a process and starts it again as it was. */
  async restart(name: string): Promise<SupervisedProcess> {
    const { specification } = this.#entry(name);
    await this.stop(name);
    return this.start(specification);
  }

  /** SIGTERM, 10 s, SIGKILL, to the process's group; SIGKILL at once if it is disposable. Resolves when it is gone. */
  async stop(name: string): Promise<void> {
    const { specification, child, pid } = this.#entry(name);
    if (!specification.disposable && signalGroup(pid, 'SIGCONT') && signalGroup(pid, 'SIGTERM')) {
      await exited(child, stopMilliseconds);
    }
    await this.kill9(name);
  }

  /** SIGKILL to the process's group, as when its machine loses power. Resolves when it is gone. */
  async kill9(name: string): Promise<void> {
    const { child, pid } = this.#entry(name);
    signalGroup(pid, 'SIGKILL');
    await exited(child, stopMilliseconds);
  }

  /** Sends any signal to the process's group: SIGSTOP and SIGCONT make a machine that hangs and returns. */
  signal(name: string, signal: NodeJS.Signals): void {
    signalGroup(this.#entry(name).pid, signal);
  }

  isRunning(name: string): boolean {
    const child = this.#entries.get(name)?.child;
    return child !== undefined && !hasExited(child);
  }

  logOf(name: string): string {
    return join(this.directory, `${name}.log`);
  }

  /** Stops every process, the latest first; the folder stays, and processes may be started again. */
  async stopEvery(): Promise<void> {
    for (const name of [...this.#entries.keys()].reverse()) await this.stop(name);
  }

  /** Stops everything, the latest first, and removes the folder. May be called more than once. */
  stopAll(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
  }

  async #stopAll(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await this.stopEvery();
    await this.#tellWatchdog();
    if (process.env['ISOCHRONE_KEEP'] === undefined)
      await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
    await this.#watchdog.dismiss();
  }

  readonly #onAbort = (): void => void this.stopAll();

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry)
      throw new ToolError('UnknownProcess', `"${name}"; there are: ${[...this.#entries.keys()].join(', ') || 'none'}`);
    return entry;
  }

  /** A group outlives its leader while one member lives: then its number is not given away, and it stays on the list. */
  #tellWatchdog(): Promise<void> {
    const alive = [...this.#entries.values()].filter(({ pid }) => signalGroup(pid, 0));
    const groups = (disposable: boolean): number[] =>
      alive.filter(({ specification }) => (specification.disposable ?? false) === disposable).map(({ pid }) => pid);
    return this.#watchdog.update({ graceful: groups(false), disposable: groups(true) });
  }

  async #waitUntilReady(
    name: string,
    child: ChildProcess,
    ready: () => boolean | Promise<boolean>,
    timeout: number,
  ): Promise<void> {
    const outcome = await eventually(async () => (hasExited(child) ? 'exited' : (await ready()) && 'ready'), {
      timeout,
      describe: `${name} is ready`,
      ...(this.#signal && { signal: this.#signal }),
    }).catch(async (error: unknown) => {
      const tail = await this.#tail(name);
      await this.kill9(name);
      throw error instanceof ToolError
        ? new ToolError(error.code, `${name} is ready\n${tail}`, { cause: error })
        : error;
    });
    if (outcome === 'ready') return;
    const how = child.signalCode ?? `exit status ${child.exitCode ?? 'unknown'}`;
    throw new ToolError('ProcessExited', `${name} (${how})\n${await this.#tail(name)}`);
  }

  async #tail(name: string): Promise<string> {
    const lines = (await readFile(this.logOf(name), 'utf8')).trimEnd().split('\n');
    return lines.slice(-15).join('\n');
  }
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Resolves when the child has exited or the time is over. */
async function exited(child: ChildProcess, milliseconds: number): Promise<void> {
  if (hasExited(child)) return;
  child.ref();
  try {
    await once(child, 'exit', { signal: AbortSignal.timeout(milliseconds) });
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
  } finally {
    child.unref();
  }
}

/** @returns false when the group has no member left. Signal 0 only asks. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
