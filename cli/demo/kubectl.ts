import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { ensureBinaries } from '@isochrone/tools/local';
import { CliError } from '../errors.ts';

/**
 * Runs kubectl and gives its standard output.
 * @param input for `-f -`
 * @throws CliError DEMO_FAILED with what it said
 */
export async function kubectl(
  kubeconfig: string,
  args: readonly string[],
  { input = '', signal }: { readonly input?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const [binary] = await ensureBinaries(['kubectl']);
  const child = spawn(binary!.path, ['--kubeconfig', kubeconfig, ...args], signal === undefined ? {} : { signal });
  child.on('error', () => undefined); // aborted, or not started: `close` follows
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  signal?.throwIfAborted();
  if (child.exitCode !== 0) {
    throw new CliError(
      'DEMO_FAILED',
      `kubectl ${args.join(' ')}: ${errors.trim() || `exit status ${child.exitCode ?? 'unknown'}`}`,
    );
  }
  return output;
}
