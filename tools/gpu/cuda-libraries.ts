import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { cacheFolder } from '../binaries/ensure.ts';
import { withLock } from '../binaries/lock.ts';
import type { Lacking } from '../debian.ts';
import { ToolError } from '../errors.ts';
import { command } from '../images/command.ts';

/** The packages that the image of the agent with CUDA has, so that what is tested is what is shipped. */
const requirements = join(import.meta.dirname, '..', '..', 'images', 'node-agent-cuda', 'requirements.txt');
/** CUDA's version that they are of; a driver knows its own and all earlier ones. */
const cudaMajor = 13;
/** What onnxruntime looks for beside itself, whatever LD_LIBRARY_PATH says. */
const providers = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** Why this machine cannot run CUDA, by the name of the part; undefined when only libraries may be missing. */
export async function cudaLacking(program = 'nvidia-smi'): Promise<Lacking> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `linux/x64: this is ${process.platform}/${process.arch}, for which onnxruntime publishes no CUDA provider`;
  }
  let table: string;
  try {
    table = await command(program, []);
  } catch (error) {
    return `an NVIDIA GPU: ${error instanceof ToolError ? error.message : String(error)}`;
  }
  return driverLacking(table);
}

/** Reads the head of nvidia-smi's table: `CUDA Version: 13.0`. */
export function driverLacking(table: string): Lacking {
  const version = /CUDA Version\s*:\s*(\d+)\.(\d+)/.exec(table);
  if (version === null) return 'an NVIDIA GPU: nvidia-smi tells no "CUDA Version"; is the driver loaded?';
  if (Number(version[1]) >= cudaMajor) return undefined;
  return `a driver for CUDA ${cudaMajor}: this one goes up to CUDA ${version[1]}.${version[2]}; install driver 580 or newer`;
}

/**
 * Folders for LD_LIBRARY_PATH with the CUDA libraries that `make test-gpu` brought, or that ISOCHRONE_CUDA_LIBRARIES names,
 * and sees to it that onnxruntime finds its CUDA provider. Undefined when there are none.
 */
export async function findCudaLibraries(
  env: NodeJS.ProcessEnv = process.env,
  beside = onnxruntimeFolder(),
): Promise<string | undefined> {
  const named = env['ISOCHRONE_CUDA_LIBRARIES'];
  const folders = named ? named.split(delimiter) : [join(await packagesFolder(env), 'lib')];
  const found = providers.flatMap((name) => globSync(folders.map((folder) => join(folder, name))).slice(0, 1));
  if (found.length < providers.length) {
    if (!named) return undefined;
    throw new ToolError('CommandFailed', `ISOCHRONE_CUDA_LIBRARIES=${named} has no ${providers.join(' and ')}`);
  }
  for (const path of found) {
    const link = join(beside, basename(path));
    await rm(link, { force: true });
    await symlink(path, link);
  }
  return folders.join(delimiter);
}

/**
 * Installs the packages with pip, once: gigabytes.
 * @throws ToolError CommandFailed when pip is missing or cannot reach its index
 */
export async function bringCudaLibraries(log: (line: string) => void, signal: AbortSignal): Promise<void> {
  const folder = await packagesFolder();
  await mkdir(cacheFolder(), { recursive: true });
  const waiting = (): void => log('another process installs the CUDA libraries; waiting for it');
  await withLock(
    join(cacheFolder(), 'cuda-lock'),
    waiting,
    async () => {
      if ((await findCudaLibraries()) !== undefined) return;
      log(`installing the packages of ${requirements} into ${folder} (2 GB, once)`);
      const [python, partial] = [`${folder}.python`, `${folder}.partial`];
      for (const left of [python, partial]) await rm(left, { recursive: true, force: true });
      const options = ['--no-cache-dir', '--no-deps', '--no-compile', '--only-binary=:all:', '--target', python];
      await command('python3', ['-m', 'pip', 'install', '--quiet', ...options, '-r', requirements], { signal });
      await mkdir(join(partial, 'lib'), { recursive: true });
      const libraries = [join(python, 'nvidia/**/*.so.*'), ...providers.map((name) => join(python, '**', name))];
      for (const path of globSync(libraries)) await rename(path, join(partial, 'lib', basename(path)));
      await rm(python, { recursive: true });
      await rename(partial, folder);
    },
    signal,
  );
}

/** Another list of packages is another folder. */
async function packagesFolder(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const digest = createHash('sha256').update(await readFile(requirements));
  return join(cacheFolder(env), `cuda-${digest.digest('hex').slice(0, 16)}`);
}

function onnxruntimeFolder(): string {
  const root = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '..');
  return join(root, 'bin', 'napi-v6', 'linux', 'x64');
}
