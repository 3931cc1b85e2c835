import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  /** The same, undecoded. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

export interface ShellSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
  /** Ends the command, and everything that it started. */
  readonly timeoutMilliseconds?: number;
}

/**
 * What a CI system, and Node's test runner on a terminal, say of colours: a program under test must find it only where a test
 * says so.
 */
const colourless = { CI: undefined, FORCE_COLOR: undefined, NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined };

/** Runs what a user would type, in a real bash. */
export async function shell(command: string, settings: ShellSettings = {}): Promise<Outcome> {
  const { cwd, env = {}, input, timeoutMilliseconds = 60_000 } = settings;
  const child = spawn('bash', ['-c', command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...colourless, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: what bash started holds its pipes open.
    detached: true,
  });
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), timeoutMilliseconds);
  child.stdin.on('error', () => undefined); // whoever reads no input closes it
  child.stdin.end(input);
  const [bytes, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr), once(child, 'close')]);
  clearTimeout(timer);
  return { status: child.exitCode, stdout: bytes.toString('utf8'), bytes, stderr };
}

export interface RunningCommand {
  /** What it printed so far. */
  readonly stdout: () => string;
  /** Ends it as Ctrl-C does. @returns its status, or the name of the signal that ended it */
  stop(): Promise<number | string | null>;
}

/** Starts what goes on until it is stopped. */
export function startShell(command: string, { env = {} }: Pick<ShellSettings, 'env'> = {}): RunningCommand {
  const child = spawn('bash', ['-c', command], {
    env: { ...process.env, ...colourless, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
  const closed = once(child, 'close');
  return {
    stdout: () => printed,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT');
      await closed;
      return child.exitCode ?? child.signalCode;
    },
  };
}
