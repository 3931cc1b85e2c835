import { copyFile, glob, link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../binaries/ensure.ts';
import { withLock } from '../binaries/lock.ts';
import { ensureDebianPackages, type Lacking } from '../debian.ts';
import { ToolError } from '../errors.ts';
import { BuildahEngine } from './buildah-engine.ts';
import { imageNamed, imageReference, ordinaryImages, type ImageName } from './catalog.ts';
import { command } from './command.ts';
import { dockerEngine, type Engine } from './engine.ts';

const root = join(import.meta.dirname, '..', '..');
const softwareListPath = '/usr/share/isochrone/sbom.cdx.json';
/** Archives that are kept per image: of the tags that a test of an upgrade goes through. */
const keptArchives = 3;

export interface BuildOptions {
  readonly tag: string;
  /** Folder for `<name>.tar` (docker-archive) and `<name>.cdx.json` (software bill of materials). */
  readonly output: string;
  /** Without CUDA's by default. */
  readonly names?: readonly ImageName[];
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface BuiltImage {
  readonly name: ImageName;
  readonly reference: string;
  readonly id: string;
  readonly archive: string;
  readonly softwareList: string;
  /** Of the layers, unpacked. */
  readonly bytes: number;
}

/**
 * Builds images from their Containerfiles: by docker or podman where one runs, else by buildah as root, which makes the
 * base images itself where no registry answers. Unchanged sources give the same archive at once. Safe to call from several
 * processes at once.
 * @throws ToolError BinaryUnavailable, CommandFailed, ImageTooLarge; the signal's reason, when everything is cleaned up
 */
export async function buildImages(options: BuildOptions): Promise<BuiltImage[]> {
  const { tag, output, names = ordinaryImages, log = () => undefined, signal } = options;
  const lacking = await imagesLacking(log);
  if (lacking !== undefined) throw new ToolError('BinaryUnavailable', `buildah: ${lacking}; or start docker or podman`);
  const folder = join(cacheFolder(), 'images');
  await mkdir(folder, { recursive: true });
  await mkdir(output, { recursive: true });
  const waits = (): void => log('another process builds images; waiting for it');
  return withLock(
    join(folder, 'lock'),
    waits,
    async () => {
      const nodeVersion = await pinnedNodeVersion();
      const program = await runningEngine();
      await using buildah =
        program === undefined ? await BuildahEngine.open({ folder, nodeVersion, log, signal }) : undefined;
      const engine: Engine = buildah ?? dockerEngine(program!, { signal });
      const buildArguments = { NODE_VERSION: nodeVersion, ...(await labelArguments()) };
      const built: BuiltImage[] = [];
      for (const name of names) {
        log(`building ${imageReference(name, tag)}`);
        built.push(await buildImage(engine, name, { tag, output, archives: join(folder, 'archives'), buildArguments }));
      }
      return built;
    },
    signal,
  );
}

/** The reason why no image can be built here; undefined when it can. */
export async function imagesLacking(log?: (line: string) => void): Promise<Lacking> {
  if ((await runningEngine()) !== undefined) return undefined;
  if (process.getuid?.() !== 0) return 'neither docker nor podman runs here, and buildah is used as root only';
  return ensureDebianPackages({ packages: ['buildah', 'debootstrap'], programs: ['buildah', 'debootstrap'] }, log);
}

interface ImageSettings {
  readonly tag: string;
  readonly output: string;
  readonly archives: string;
  readonly buildArguments: Readonly<Record<string, string>>;
}

async function buildImage(engine: Engine, name: ImageName, settings: ImageSettings): Promise<BuiltImage> {
  const { tag, output, archives, buildArguments } = settings;
  const reference = imageReference(name, tag);
  const containerfile = join(root, 'images', name, 'Containerfile');
  const id = await engine.build({ context: root, containerfile, reference, buildArguments });
  const kept = join(archives, `${name}+${id}+${tag}.tar`);
  if (!(await exists(kept))) {
    await mkdir(archives, { recursive: true });
    const partial = join(archives, `partial-${name}.tar`);
    await rm(partial, { force: true });
    try {
      await engine.save(reference, partial);
      await writeFile(`${kept}.cdx.json`, await engine.read(reference, softwareListPath));
      await rename(partial, kept);
    } finally {
      await rm(partial, { force: true });
    }
  }
  const { size: bytes } = await stat(kept);
  assertWithinBudget(name, bytes);
  await utimes(kept, new Date(), new Date());
  await dropOldArchives(archives, name);
  const [archive, softwareList] = [join(output, `${name}.tar`), join(output, `${name}.cdx.json`)];
  await put(kept, archive);
  await put(`${kept}.cdx.json`, softwareList);
  return { name, reference, id, archive, softwareList, bytes };
}

/** @throws ToolError ImageTooLarge */
export function assertWithinBudget(name: ImageName, bytes: number): void {
  const megabytes = bytes / 1e6;
  const { budgetMegabytes } = imageNamed(name)!;
  if (megabytes <= budgetMegabytes) return;
  throw new ToolError(
    'ImageTooLarge',
    `${name} has ${megabytes.toFixed(0)} MB, budgetMegabytes in tools/images/catalog.ts allows ${budgetMegabytes}; find out what came in, or raise it knowingly`,
  );
}

async function dropOldArchives(archives: string, name: ImageName): Promise<void> {
  const files: { file: string; at: number }[] = [];
  for await (const entry of glob(`${name}+*.tar`, { cwd: archives })) {
    const file = join(archives, entry);
    files.push({ file, at: (await stat(file)).mtimeMs });
  }
  for (const { file } of files.toSorted((a, b) => b.at - a.at).slice(keptArchives)) {
    await rm(file, { force: true });
    await rm(`${file}.cdx.json`, { force: true });
  }
}

/** A link costs nothing; across file systems it is a copy. */
async function put(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { force: true });
  await link(from, partial).catch(() => copyFile(from, partial));
  await rename(partial, to);
}

async function runningEngine(): Promise<'docker' | 'podman' | undefined> {
  for (const program of ['docker', 'podman'] as const) {
    const runs = await command(program, ['info', '--format', '{{json .}}']).then(
      (output) => !output.includes('"ServerErrors"'),
      () => false,
    );
    if (runs) return program;
  }
  return undefined;
}

/** The one that tools/node.sh brings. */
export async function pinnedNodeVersion(): Promise<string> {
  const script = await readFile(join(root, 'tools', 'node.sh'), 'utf8');
  return /^pinned=(\S+)$/m.exec(script)![1]!;
}

/** For the labels. The revision is that of the last change to what images are built from, so that others rebuild nothing. */
async function labelArguments(): Promise<Record<string, string>> {
  const ignore = await readFile(join(root, '.containerignore'), 'utf8');
  const paths = ['images', ...ignore.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))];
  const git = (...args: string[]): Promise<string> =>
    command('git', args, { cwd: root }).then(
      (output) => output.trim(),
      () => '',
    );
  const revision = await git('log', '-1', '--format=%H', '--', ...paths);
  const changed = await git('status', '--porcelain', '--', ...paths);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    VERSION: version,
    REVISION: revision === '' ? 'unknown' : `${revision}${changed === '' ? '' : '-dirty'}`,
    SOURCE: publicAddress(await git('remote', 'get-url', 'origin')),
  };
}

/** Where anyone can look the sources up: an address of the web, without the credential that it may hold. */
export function publicAddress(remote: string): string {
  if (!/^https:\/\//.test(remote)) return 'unknown';
  const url = new URL(remote);
  return `https://${url.host}${url.pathname.replace(/\.git$/, '')}`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
