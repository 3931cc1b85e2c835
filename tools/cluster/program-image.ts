import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../images/command.ts';

/** Holds the namespaces of a Pod. Made here, because no registry may be reachable. */
export const pauseImage = 'registry.local/pause:1';

export interface ProgramImage {
  /** `registry/repository:tag`; not `latest`, which is always pulled. */
  readonly reference: string;
  /** Absolute path on this machine. */
  readonly program: string;
  /** Its arguments. */
  readonly args?: readonly string[];
}

/**
 * An image of nothing but a program of this machine and the libraries that it loads.
 * @param file the archive to write (docker-archive)
 */
export async function writeProgramImage({ reference, program, args = [] }: ProgramImage, file: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'isochrone-image-'));
  try {
    const layer = join(work, 'layer.tar');
    const real = await realpath(program);
    const libraries = (await command('ldd', [real])).match(/\/\S+/g) ?? [];
    const same = ['--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0'];
    const paths = [real, ...libraries].map((path) => path.slice(1));
    await command('tar', ['-C', '/', '-h', ...same, '-cf', layer, ...paths]);
    const diff = await sha256(layer);
    const config = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: [real, ...args], User: '65532:65532' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${diff}`] },
    });
    const name = `${createHash('sha256').update(config).digest('hex')}.json`;
    await writeFile(join(work, name), config);
    const manifest = [{ Config: name, RepoTags: [reference], Layers: ['layer.tar'] }];
    await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
    await mkdir(join(file, '..'), { recursive: true });
    await command('tar', ['-C', work, ...same, '-cf', file, 'manifest.json', name, 'layer.tar']);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
