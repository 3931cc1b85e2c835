import { existsSync } from 'node:fs';
import { copyFile, glob, link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../binaries/ensure.ts';
import { withLock } from '../binaries/lock.ts';
import { ensureDebianPackages, type Lacking } from '../debian.ts';
import { ToolError } from '../errors.ts';
import { BuildahEngine } from './buildah-engine.ts';
import { imageNamed, imageReference, ordinaryImages, type ImageName } from './catalog.ts';
import { command } from './command.ts';
import { contextKey, labelArguments } from './context.ts';
import { dockerEngine, type Engine } from './engine.ts';

const repository = join(import.meta.dirname, '..', '..');
const softwareListPath = '/usr/share/isochrone/sbom.cdx.json';
/** Archives that are kept per image: of the tags that a test of an upgrade goes through. */
const keptArchives = 3;

export interface BuildOptions {
  readonly tag: string;
  /** Folder for `<name>.tar` (docker-archive) and `<name>.cdx.json` (software bill of materials). */
  readonly output: string;
  /** Root of the repository that is built, such as that of an earlier commit. Default: this one. */
  readonly root?: string;
  /** Without CUDA's by default. */
  readonly names?: readonly ImageName[];
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface BuiltImage {
  readonly name: ImageName;
  readonly reference: string;
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
  const { tag, output, root = repository, names = ordinaryImages, log = () => undefined, signal } = options;
  const lacking = await imagesLacking(log);
  if (lacking !== undefined) throw new ToolError('BinaryUnavailable', `buildah: ${lacking}; or start docker or podman`);
  const folder = join(cacheFolder(), 'images');
  await mkdir(folder, { recursive: true });
  await mkdir(output, { recursive: true });
  return withLock(
    join(folder, 'lock'),
    () => log('another process builds images; waiting for it'),
    async () => {
      const nodeVersion = await pinnedNodeVersion();
      const buildArguments = { NODE_VERSION: nodeVersion, ...(await labelArguments(root)) };
      const key = await contextKey(root, buildArguments);
      const kept = (name: ImageName): string => join(folder, 'archives', `${name}+${key}+${tag}.tar`);
      const missing = names.filter((name) => !existsSync(kept(name)));
      if (missing.length > 0) {
        await mkdir(join(folder, 'archives'), { recursive: true });
        const program = await runningEngine();
        await using buildah =
          program === undefined ? await BuildahEngine.open({ folder, nodeVersion, log, signal }) : undefined;
        const engine: Engine = buildah ?? dockerEngine(program!, { signal });
        for (const name of missing) {
          log(`building ${imageReference(name, tag)}`);
          await makeArchive(engine, name, { root, tag, buildArguments, file: kept(name) });
        }
      }
      return Promise.all(names.map((name) => handOut(name, { tag, output, kept: kept(name) })));
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

interface Sources {
  readonly root: string;
  readonly tag: string;
  readonly buildArguments: Readonly<Record<string, string>>;
}

async function makeArchive(
  engine: Engine,
  name: ImageName,
  { file, ...what }: Sources & { readonly file: string },
): Promise<void> {
  const reference = await build(engine, name, what);
  const partial = join(dirname(file), `partial-${name}.tar`);
  await rm(partial, { force: true });
  try {
    await engine.save(reference, partial);
    assertWithinBudget(name, (await stat(partial)).size);
    await writeFile(`${file}.cdx.json`, await engine.read(reference, softwareListPath));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  await dropOldArchives(dirname(file), name);
}

/** @returns its full name */
async function build(engine: Engine, name: ImageName, sources: Sources): Promise<string> {
  const { root, tag, buildArguments: given } = sources;
  const { on } = imageNamed(name)!;
  const reference = imageReference(name, tag);
  const base = on === undefined ? {} : { BASE_IMAGE: await build(engine, on, sources) };
  const containerfile = join(root, 'images', name, 'Containerfile');
  await engine.build({ context: root, containerfile, reference, buildArguments: { ...given, ...base } });
  return reference;
}

async function handOut(
  name: ImageName,
  { tag, output, kept }: { tag: string; output: string; kept: string },
): Promise<BuiltImage> {
  const [archive, softwareList] = [join(output, `${name}.tar`), join(output, `${name}.cdx.json`)];
  const { size: bytes } = await stat(kept);
  await utimes(kept, new Date(), new Date());
  await put(kept, archive);
  await put(`${kept}.cdx.json`, softwareList);
  return { name, reference: imageReference(name, tag), archive, softwareList, bytes };
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
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
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
  const script = await readFile(join(repository, 'tools', 'node.sh'), 'utf8');
  return /^pinned=(\S+)$/m.exec(script)![1]!;
}
