import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, type CommandOptions } from './command.ts';

export interface BuildRequest {
  /** Folder that is built from. */
  readonly context: string;
  readonly containerfile: string;
  /** Its full name. */
  readonly reference: string;
  readonly buildArguments: Readonly<Record<string, string>>;
}

/** What builds images on this machine. */
export interface Engine {
  build(request: BuildRequest): Promise<void>;
  /** Writes the image as docker-archive, which containerd, docker and podman import. */
  save(reference: string, file: string): Promise<void>;
  /** The bytes of a file of the image. */
  read(reference: string, path: string): Promise<Buffer>;
}

/** docker, or podman, which takes the same arguments. They pull the base images from their registry. */
export function dockerEngine(program: 'docker' | 'podman', options: CommandOptions): Engine {
  const run = (...args: string[]): Promise<string> => command(program, args, options);
  return {
    async build(request) {
      const same = program === 'docker' ? ['--build-arg', 'SOURCE_DATE_EPOCH=0'] : ['--timestamp', '0'];
      await run('build', '--quiet', ...same, ...buildOptions(request), request.context);
    },
    async save(reference, file) {
      await run('save', '--output', file, reference);
    },
    async read(reference, path) {
      const container = (await run('create', reference)).trim();
      try {
        return await inScratch(async (folder) => {
          const file = join(folder, 'file');
          await run('cp', `${container}:${path}`, file);
          return readFile(file);
        });
      } finally {
        await command(program, ['rm', '--force', container]);
      }
    },
  };
}

export function buildOptions({ containerfile, reference, buildArguments }: BuildRequest): string[] {
  const given = Object.entries(buildArguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  return ['--file', containerfile, '--tag', reference, ...given];
}

async function inScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-image-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
