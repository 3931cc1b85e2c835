import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers';
import { ToolError } from '../errors.ts';

export interface CommandOptions {
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Its standard input; nothing by default. */
  readonly input?: string;
}

/** How long a command that was told to stop may clean up. */
const stopMilliseconds = 10_000;

/**
 * Runs a program to its end and gives its standard output. Stopped by the signal, it has ended when this rejects, with all
 * that it started: what is cleaned up afterwards is not written to any more.
 * @throws ToolError CommandFailed with the end of what it said; the signal's reason
 */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { signal, cwd, env = process.env, input } = options;
  signal?.throwIfAborted();
  // A process group of its own: Ctrl-C reaches it by us only, and all of it.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: 'pipe' });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  let output = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  let failure: Error | undefined;
  child.on('error', (error) => (failure = error));
  let patience: NodeJS.Timeout | undefined;
  const stop = (): void => {
    tell(child.pid, 'SIGTERM');
    patience = setTimeout(() => tell(child.pid, 'SIGKILL'), stopMilliseconds);
  };
  signal?.addEventListener('abort', stop, { once: true });
  const [code] = await new Promise<[number | null]>((resolve) => child.once('close', (status) => resolve([status])));
  signal?.removeEventListener('abort', stop);
  clearTimeout(patience);
  signal?.throwIfAborted();
  if (failure !== undefined) throw new ToolError('CommandFailed', `${program}: ${failure.message}`, { cause: failure });
  if (code !== 0) {
    throw new ToolError('CommandFailed', `${program} ${args.join(' ')}\n${(said + output.slice(-2000)).trim()}`);
  }
  return output;
}

function tell(group: number | undefined, signal: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
