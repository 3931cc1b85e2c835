import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { build } from 'esbuild';
import { pack } from 'tar-stream';
import packageJson from '../../package.json' with { type: 'json' };
import { command } from '../images/command.ts';
import { downloadUri, krewManifest } from './krew-manifest.ts';

const root = join(import.meta.dirname, '..', '..');

/** As krew names platforms. The archives hold the bundle, which is the same everywhere and needs Node.js. */
const platforms = ['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64', 'windows-amd64'] as const;

/** What a package cannot have: native code, and what lives off the files of the repository. */
const leftOut = ['@isochrone/node-agent', '@isochrone/node-agent/*', '*/demo/run-demo.ts'];

/** What kubectl asks when a user completes a command of the plug-in. */
const completion = 'kubectl_complete-isochrone';

/** https://nodejs.org/api/single-executable-applications.html */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Writes `isochrone.cjs` and `kubectl-isochrone` (bundles), `kubectl-isochrone-linux-x64` (no Node.js needed; on linux-x64
 * only), `kubectl-isochrone-<os>-<arch>.tar.gz` for krew (with the program that completes its commands, and the
 * licence), `isochrone.yaml` (krew's manifest of them), and `checksums.txt` as sha256sum reads it.
 * @param uri where the archives will be served; the default is the project's own place for the version
 * @returns their paths
 * @throws ToolError CommandFailed
 */
export async function packageCli(output: string, uri = downloadUri(packageJson.version)): Promise<string[]> {
  await mkdir(output, { recursive: true });
  const files = [await bundle('isochrone', join(output, 'isochrone.cjs'))];
  const plugin = await bundle('kubectl-isochrone', join(output, 'kubectl-isochrone'));
  files.push(plugin);
  if (`${process.platform}-${process.arch}` === 'linux-x64') {
    files.push(await singleExecutable(plugin, join(output, 'kubectl-isochrone-linux-x64')));
  }
  const archives = [];
  for (const platform of platforms) {
    const file = await archive(plugin, platform, output);
    files.push(file);
    archives.push({ platform, uri: `${uri}/${basename(file)}`, sha256: await sha256Of(file) });
  }
  const manifest = join(output, 'isochrone.yaml');
  await writeFile(manifest, krewManifest(packageJson.version, archives));
  files.push(manifest);
  const checksums = join(output, 'checksums.txt');
  await writeFile(checksums, (await Promise.all(files.map(checksum))).join(''));
  return [...files, checksums];
}

/** CommonJS: a single executable takes nothing else in Node.js 24. */
async function bundle(program: string, outfile: string): Promise<string> {
  await build({
    entryPoints: [join(root, 'cli', `${program}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    external: [...leftOut, 'pg-native'],
    // Names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    logLevel: 'error',
  });
  await chmod(outfile, 0o755);
  return outfile;
}

/** The Node.js that runs this, with the bundle in it. */
async function singleExecutable(script: string, target: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'isochrone-package-'));
  try {
    // By names alone: the path of the script would be in the executable.
    const settings = { main: 'kubectl-isochrone.cjs', output: 'blob', disableExperimentalSEAWarning: true };
    await copyFile(script, join(work, settings.main));
    await writeFile(join(work, 'settings.json'), JSON.stringify(settings));
    await command(process.execPath, ['--experimental-sea-config', 'settings.json'], { cwd: work });
    await copyFile(process.execPath, target);
    const postject = join(root, 'node_modules', '.bin', 'postject');
    await command(process.execPath, [postject, target, 'NODE_SEA_BLOB', join(work, 'blob'), '--sentinel-fuse', fuse]);
    await chmod(target, 0o755);
    return target;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * The same bytes for the same sources, or their checksum would be good for nothing: hence no dates, and nobody's numbers. By a
 * library, because the `tar` of each system takes other flags for that.
 */
async function archive(plugin: string, platform: string, output: string): Promise<string> {
  const file = join(output, `kubectl-isochrone-${platform}.tar.gz`);
  const tar = pack();
  for (const [name, content, mode] of await archived(plugin, platform)) {
    tar.entry({ name, mode, mtime: new Date(0), uid: 0, gid: 0 }, content);
  }
  tar.finalize();
  await pipeline(tar, createGzip({ level: 9 }), createWriteStream(file));
  return file;
}

type Entry = readonly [name: string, content: Buffer | string, mode: number];

async function archived(plugin: string, platform: string): Promise<Entry[]> {
  const program = await readFile(plugin);
  const licence: Entry = ['LICENSE', await readFile(join(root, 'LICENSE')), 0o644];
  if (!platform.startsWith('windows')) {
    return [
      licence,
      ['kubectl-isochrone', program, 0o755],
      [completion, await readFile(join(root, 'cli', completion)), 0o755],
    ];
  }
  const start = '@node "%~dp0kubectl-isochrone.cjs"';
  return [
    licence,
    ['kubectl-isochrone.cjs', program, 0o644],
    ['kubectl-isochrone.cmd', `${start} %*\r\n`, 0o755],
    [`${completion}.cmd`, `${start} __complete %*\r\n`, 0o755],
  ];
}

async function checksum(file: string): Promise<string> {
  return `${await sha256Of(file)}  ${basename(file)}\n`;
}

async function sha256Of(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
