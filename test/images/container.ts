import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The part of an image's configuration that the tests look at. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** Host folder → path in the container, writable there. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the image's own entry point. */
  readonly entrypoint?: readonly string[];
}

/** An image out of its archive, unpacked as a container runtime would, to be run by runc as Pods run it. */
export class UnpackedImage implements AsyncDisposable {
  readonly root: string;
  readonly config: ImageConfig;
  readonly #folder: string;
  #containers = 0;

  private constructor(folder: string, config: ImageConfig) {
    this.#folder = folder;
    this.root = join(folder, 'root');
    this.config = config;
  }

  static async of(archive: string): Promise<UnpackedImage> {
    const folder = await mkdtemp(join(tmpdir(), 'isochrone-unpacked-'));
    const [layers, root] = [join(folder, 'layers'), join(folder, 'root')];
    await mkdir(layers);
    await mkdir(root);
    await run('tar', ['-xf', archive, '-C', layers]);
    const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(layers, name), 'utf8'));
    const [manifest] = (await read('manifest.json')) as [{ Config: string; Layers: string[] }];
    for (const layer of manifest.Layers) {
      await run('tar', ['-xpf', join(layers, layer), '-C', root, '--numeric-owner']);
    }
    const { config } = (await read(manifest.Config)) as { config: ImageConfig };
    await rm(layers, { recursive: true });
    return new UnpackedImage(folder, config);
  }

  /** Starts a container as "restricted" Pods are: the image's own user, no capability, a read-only root, /tmp in memory. */
  async start(args: readonly string[], { volumes = {}, env = {}, entrypoint }: RunOptions = {}): Promise<ChildProcess> {
    const bundle = join(this.#folder, `bundle-${(this.#containers += 1)}`);
    await mkdir(bundle);
    const [uid, gid] = this.config.User.split(':').map(Number);
    const settings = {
      ociVersion: '1.0.2',
      process: {
        user: { uid, gid },
        args: [...(entrypoint ?? this.config.Entrypoint), ...args],
        env: [...this.config.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
        cwd: this.config.WorkingDir,
        noNewPrivileges: true,
        capabilities: { bounding: [], effective: [], permitted: [], ambient: [] },
      },
      root: { path: this.root, readonly: true },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
        { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
        ...Object.entries(volumes).map(([source, destination]) => ({
          destination,
          type: 'bind',
          source,
          options: ['rbind', 'rw'],
        })),
      ],
      // The network of the machine: probes are asked from outside.
      linux: { namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })) },
    };
    await writeFile(join(bundle, 'config.json'), JSON.stringify(settings));
    const id = `isochrone-${process.pid}-${this.#containers}`;
    const state = join(this.#folder, 'runc');
    return spawn('runc', ['--root', state, 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs one to its end. */
  async run(
    args: readonly string[],
    options?: RunOptions,
  ): Promise<{ status: number; output: string; errors: string }> {
    const child = await this.start(args, options);
    const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
    const [output, errors, status] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
    return { status, output, errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
