import { glob, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ToolError } from '../errors.ts';
import { build } from './go-build.ts';
import { catalog, type Binary, type BinaryName } from './catalog.ts';
import { download, publishedChecksums } from './download.ts';
import { withLock } from './lock.ts';
import { findOnMachine, type Found } from './machine.ts';

export interface EnsureOptions {
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export type Located = { readonly name: BinaryName } & Found;

/**
 * Finds the programs, and gets those that are missing: downloaded where a release can be reached, else built by Go.
 * Safe to call from several processes at once; each program is fetched by one of them.
 * @throws ToolError BinaryUnavailable, CommandFailed, ChecksumMismatch
 */
export async function ensureBinaries(
  names: readonly BinaryName[],
  { log = () => undefined, signal }: EnsureOptions = {},
): Promise<Located[]> {
  const cache = cacheFolder();
  const binaries = names.map((name) => catalog().find((binary) => binary.name === name)!);
  const find = async (): Promise<(Located | undefined)[]> =>
    Promise.all(
      binaries.map(async (binary) => {
        const found = await findOnMachine(binary, cache);
        return found && { name: binary.name, ...found };
      }),
    );
  const already = await find();
  if (already.every((found) => found !== undefined)) return already;
  await mkdir(cache, { recursive: true });
  await withLock(
    join(cache, 'lock'),
    () => log('another process is getting the programs; waiting for it'),
    async () => {
      const present = await find(); // the lock's last holder may have got them
      const missing = binaries.filter((_, index) => present[index] === undefined);
      const checksums = await publishedChecksums(missing, signal);
      for (const binary of missing) {
        await install(binary, cache, checksums.get(binary.name), { log, ...(signal && { signal }) });
      }
    },
    signal,
  );
  const located = await find();
  return located.map((found, index) => {
    if (!found)
      throw new ToolError('BinaryUnavailable', `${names[index]!} vanished from ${cache} while it was installed`);
    return found;
  });
}

/** `$ISOCHRONE_CACHE`, or `isochrone` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['ISOCHRONE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'isochrone');
}

/** Whatever interrupts it, the cache holds a whole program or none: the work is done aside, under the lock. */
async function install(
  binary: Binary,
  cache: string,
  checksum: string | undefined,
  options: { log: (line: string) => void; signal?: AbortSignal },
): Promise<void> {
  for await (const left of glob('partial-*', { cwd: cache }))
    await rm(join(cache, left), { recursive: true, force: true });
  const folder = await mkdtemp(join(cache, 'partial-'));
  try {
    const downloaded = checksum === undefined ? undefined : await download(binary, { ...options, checksum, folder });
    const made = downloaded ?? (await build(binary, { ...options, folder }));
    const target = join(cache, binary.folder, binary.name);
    await mkdir(dirname(target), { recursive: true });
    await rename(made, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
