import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, type ProcessSupervisor } from '@isochrone/tools/local';

const isochrone = join(import.meta.dirname, '..', 'isochrone.ts');

/** Where Node.js keeps what it compiled: many processes of the same files start, and compiling is most of a start. */
export const compileCache = join(cacheFolder(), 'compile-cache');

/** One `isochrone` program to run. */
export interface ProgramSpecification {
  /** Of the process: `operator`, `edge-frankfurt`, `agent-frankfurt-1`, ... */
  readonly name: string;
  readonly program: 'operator' | 'scheduler' | 'edge' | 'agent' | 'verifier';
  /** By kebab-case name without the dashes. */
  readonly flags: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the programs as processes of their own, each with a metrics port that the kernel chose. */
export class ProgramProcesses {
  readonly #supervisor: ProcessSupervisor;
  readonly #specifications = new Map<string, ProgramSpecification>();

  constructor(supervisor: ProcessSupervisor) {
    this.#supervisor = supervisor;
  }

  /** Resolves when it is ready. @throws ToolError ProcessExited, NotInTime */
  async run(specification: ProgramSpecification): Promise<void> {
    const { name, program, flags, env } = specification;
    this.#specifications.set(name, specification);
    const args = Object.entries({ 'metrics-address': '127.0.0.1:0', ...flags }).flatMap(([flag, value]) => [
      `--${flag}`,
      value,
    ]);
    await this.#supervisor.start({
      name,
      command: process.execPath,
      args: [isochrone, program, ...args],
      env: { NODE_COMPILE_CACHE: compileCache, ...env },
      ready: unhurried(() => this.isReady(name)),
    });
  }

  get names(): string[] {
    return [...this.#specifications.keys()];
  }

  /** After `stop` or `kill9`: the same program on the same state, but for the flags that are given. */
  async start(name: string, flags: Readonly<Record<string, string>> = {}): Promise<void> {
    const specification = this.#specifications.get(name);
    if (specification === undefined)
      throw new RangeError(`no program ${name} was run; there are: ${this.names.join(', ')}`);
    await this.run({ ...specification, flags: { ...specification.flags, ...flags } });
  }

  /** SIGTERM, then SIGKILL after 10 s. */
  async stop(name: string): Promise<void> {
    await this.#supervisor.stop(name);
  }

  async kill9(name: string): Promise<void> {
    await this.#supervisor.kill9(name);
  }

  /** SIGSTOP makes a machine that hangs, SIGCONT brings it back. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#supervisor.signal(name, signal);
  }

  isRunning(name: string): boolean {
    return this.#supervisor.isRunning(name);
  }

  logOf(name: string): string {
    return this.#supervisor.logOf(name);
  }

  /** Base URL of /metrics, /healthz and /readyz, as its last start logged it. */
  async address(name: string): Promise<string | undefined> {
    const lines = (await readFile(this.logOf(name), 'utf8')).split('\n');
    const started = lines.findLast((line) => line.includes('"metricsAddress"'));
    if (started === undefined) return undefined;
    return `http://${(JSON.parse(started) as { metricsAddress: string }).metricsAddress}`;
  }

  async isReady(name: string): Promise<boolean> {
    const address = await this.address(name);
    if (address === undefined) return false;
    return (await fetch(`${address}/readyz`, { headers: { connection: 'close' } })).ok;
  }
}

const askMilliseconds = 200;

/** The supervisor asks every 50 ms; for a dozen programs at once that would cost more than the answers are worth. */
function unhurried(ask: () => Promise<boolean>): () => Promise<boolean> {
  let askedAt = -Infinity;
  return async () => {
    if (performance.now() - askedAt < askMilliseconds) return false;
    askedAt = performance.now();
    return ask();
  };
}
