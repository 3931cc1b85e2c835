import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { ToolError } from '../errors.ts';
import type { Binary } from './catalog.ts';

export interface BuildOptions {
  /** An empty folder for this program alone. */
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Builds a program from the sources that tools/go.mod pins. Every Kubernetes program with the same flags: other flags would
 * compile everything they share once more.
 * @throws ToolError BinaryUnavailable without Go; CommandFailed with the compiler's words.
 */
export async function build(binary: Binary, { folder, log, signal }: BuildOptions): Promise<string> {
  const path = join(folder, binary.name);
  const stamps = Object.entries(binary.stamps).map(([name, value]) => `-X ${name}=${value}`);
  const args = [
    'build',
    '-mod=readonly',
    '-buildvcs=false',
    '-trimpath',
    '-ldflags',
    ['-s -w', ...stamps].join(' '),
    '-o',
    path,
    binary.goPackage,
  ];
  log(`building ${binary.name} ${binary.version} from source, once (about ${binary.buildMinutes} min on two cores)`);
  const go = spawn('go', args, {
    cwd: binary.goModule,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal && { signal }),
  });
  const output: string[] = [];
  go.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const started = performance.now();
  const progress = setInterval(
    () => log(`… ${binary.name}: ${Math.round((performance.now() - started) / 1000)} s`),
    30_000,
  );
  // Not before it has ended, also when it is stopped: it writes to the folder.
  let failure: NodeJS.ErrnoException | undefined;
  go.on('error', (error) => (failure = error));
  await new Promise((resolve) => go.once('close', resolve));
  clearInterval(progress);
  if (failure?.code === 'ENOENT') {
    throw new ToolError('BinaryUnavailable', howToGet(binary), { cause: failure });
  }
  if (failure !== undefined) throw failure;
  if (go.exitCode !== 0) throw new ToolError('CommandFailed', `go ${args.join(' ')}\n${output.join('').trimEnd()}`);
  return path;
}

function howToGet({ name, version, minimum }: Binary): string {
  const oldest = minimum ? ` ${minimum.join('.')} or newer` : '';
  return (
    `${name}. It is not in $KUBEBUILDER_ASSETS, $PATH (${name}${oldest}) or the cache, its release could not be reached, ` +
    `and Go is not installed to build it. Do one of: connect to the internet, install Go, or put ${name} ${version} on the PATH`
  );
}
