import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binary } from './catalog.ts';

const run = promisify(execFile);

/** A program that is there already. */
export interface Found {
  readonly path: string;
  /** As it states it. */
  readonly version: string;
  readonly origin: 'KUBEBUILDER_ASSETS' | 'PATH' | 'cache';
}

/**
 * The first usable copy: in `$KUBEBUILDER_ASSETS` (controller-runtime's envtest), because someone chose that; in `$PATH`,
 * for the same reason, when it is recent enough; in the cache, which has the pinned version.
 */
export async function findOnMachine(
  binary: Binary,
  cache: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Found | undefined> {
  const chosen = env['KUBEBUILDER_ASSETS'];
  const assets = chosen ? await findRecentEnough(binary, [chosen]) : undefined;
  if (assets) return { ...assets, origin: 'KUBEBUILDER_ASSETS' };
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const installed = await findRecentEnough(binary, folders);
  if (installed) return { ...installed, origin: 'PATH' };
  const path = join(cache, binary.folder, binary.name);
  return (await isExecutable(path)) ? { path, version: binary.version, origin: 'cache' } : undefined;
}

async function findRecentEnough(
  binary: Binary,
  folders: readonly string[],
): Promise<{ path: string; version: string } | undefined> {
  for (const folder of folders) {
    const path = join(folder, binary.name);
    if (!(await isExecutable(path))) continue;
    const version = await statedVersion(path, binary.versionArguments);
    if (version !== undefined && isRecentEnough(version, binary.minimum)) return { path, version };
  }
  return undefined;
}

/** Whether a version such as "v1.36.3" has at least the [major, minor]. */
export function isRecentEnough(version: string, minimum: readonly [number, number] | undefined): boolean {
  if (!minimum) return true;
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1]);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Undefined for a program that does not run or states no version: it is passed over, as if it were not there. */
async function statedVersion(path: string, args: readonly string[]): Promise<string | undefined> {
  const output = await run(path, args, { timeout: 10_000 }).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return /\bv?\d+\.\d+\.\d+\b/.exec(output)?.[0];
}
