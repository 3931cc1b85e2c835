import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CliError } from '../errors.ts';

/** Runs `isochrone` as a user would and gives its standard output. @throws CliError DEMO_FAILED with what it said */
export async function isochrone(args: readonly string[], signal?: AbortSignal): Promise<string> {
  const program = join(import.meta.dirname, '..', 'isochrone.ts');
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  child.on('error', () => undefined); // aborted, or not started: `close` follows
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  signal?.throwIfAborted();
  if (child.exitCode !== 0) throw new CliError('DEMO_FAILED', `isochrone ${args.join(' ')}: ${errors.trim()}`);
  return output;
}
