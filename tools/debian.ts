import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './binaries/ensure.ts';
import { withLock } from './binaries/lock.ts';
import { NO_DAEMONS, withoutDaemons } from './daemon-policy.ts';

const run = promisify(execFile);

export interface DebianPart {
  /** Packages that bring the programs. */
  readonly packages: readonly string[];
  /** Names looked up in PATH, or absolute paths: all there means that nothing is to be installed. */
  readonly programs: readonly string[];
}

/** Why a part of the machine cannot be had, for the message of a skipped test. Undefined when it is there. */
export type Lacking = string | undefined;

/**
 * Sees to it that programs of the distribution are there: finds them, or installs their packages as root on Debian.
 * Daemons that a package would start are kept from starting. Safe to call from several processes at once.
 * @returns the reason when they cannot be had here
 */
export async function ensureDebianPackages(
  { packages, programs }: DebianPart,
  log: (line: string) => void = () => undefined,
): Promise<Lacking> {
  if ((await missing(programs)).length === 0) return undefined;
  const wanted = `install ${packages.join(', ')}`;
  if (process.getuid?.() !== 0) return `${(await missing(programs)).join(', ')} not found; ${wanted} or run as root`;
  if (!(await exists('/usr/bin/apt-get')))
    return `${(await missing(programs)).join(', ')} not found and no apt-get; ${wanted}`;
  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  return withLock(
    join(cache, 'apt-lock'),
    () => log('another process installs packages; waiting for it'),
    async () => {
      if ((await missing(programs)).length === 0) return undefined;
      log(`installing ${packages.join(', ')} (about 30 s, once)`);
      const refused = await install(packages);
      if (refused !== undefined) return refused;
      const still = await missing(programs);
      return still.length === 0 ? undefined : `${packages.join(', ')} installed, but ${still.join(', ')} not found`;
    },
  );
}

async function install(packages: readonly string[]): Promise<Lacking> {
  const environment = { ...process.env, ...NO_DAEMONS, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args], { env: environment, maxBuffer: 2 ** 26 });
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
  try {
    // The lists may be absent or old on a fresh machine; most often they are neither.
    await withoutDaemons(() =>
      install().catch(async () => {
        await apt('update');
        return install();
      }),
    );
    return undefined;
  } catch (error) {
    return `apt-get could not install ${packages.join(', ')}: ${lastLine((error as { stderr?: string }).stderr ?? String(error))}`;
  }
}

async function missing(programs: readonly string[]): Promise<string[]> {
  const found = await Promise.all(programs.map(isProgram));
  return programs.filter((_, index) => !found[index]);
}

async function isProgram(program: string): Promise<boolean> {
  if (isAbsolute(program)) return exists(program);
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = await Promise.all(folders.map((folder) => exists(join(folder, program))));
  return found.includes(true);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
