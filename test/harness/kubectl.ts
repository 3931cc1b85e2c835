import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureBinaries, ToolError } from '@isochrone/tools/local';

/**
 * Runs kubectl and returns its standard output.
 * @param stdin for `-f -`
 * @throws ToolError CommandFailed with its standard error
 */
export async function kubectl(kubeconfig: string, args: readonly string[], stdin = ''): Promise<string> {
  const [binary] = await ensureBinaries(['kubectl']);
  // Its cache of what a server offers is kept by address, and an address may have been another server's before.
  const cache = join(dirname(kubeconfig), 'kubectl-cache');
  const child = spawn(binary!.path, ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...args]);
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(stdin);
  const [output, errors] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode ?? once(child, 'close'),
  ]);
  if (child.exitCode !== 0) throw new ToolError('CommandFailed', `kubectl ${args.join(' ')}\n${errors.trimEnd()}`);
  return output;
}
