import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureBinaries } from '../binaries/ensure.ts';
import { ToolError } from '../errors.ts';

/**
 * Where kubectl keeps what a server offers: beside the kubeconfig, so that it goes with the server. It is kept by address,
 * and an address may have been another server's before.
 */
export function kubectlCache(kubeconfig: string): string {
  return join(dirname(kubeconfig), 'kubectl-cache');
}

/**
 * Runs kubectl and returns its standard output.
 * @param input for `-f -`
 * @throws ToolError CommandFailed with its standard error; the signal's reason
 */
export async function kubectl(
  kubeconfig: string,
  args: readonly string[],
  input = '',
  signal?: AbortSignal,
): Promise<string> {
  const [binary] = await ensureBinaries(['kubectl']);
  const settings = ['--kubeconfig', kubeconfig, '--cache-dir', kubectlCache(kubeconfig)];
  const child = spawn(binary!.path, [...settings, ...args], signal === undefined ? {} : { signal });
  child.on('error', () => undefined); // aborted, or not started: `close` follows
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  signal?.throwIfAborted();
  if (child.exitCode === 0) return output;
  const said = errors.trimEnd() || `exit status ${child.exitCode ?? 'unknown'}`;
  throw new ToolError('CommandFailed', `kubectl ${args.join(' ')}\n${said}`);
}
