import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { addNodeUser, debianArchive, nodeArchive, type BaseOptions } from './base-images.ts';
import { command } from './command.ts';
import { buildOptions, type BuildRequest, type Engine } from './engine.ts';

const debianImage = 'docker.io/library/debian:bookworm-slim';
const nodeImage = (version: string): string => `docker.io/library/node:${version}-bookworm-slim`;

/** Everything is thrown away when there are more images than this. Each step of a build is one; a whole build has about 40. */
const mostImages = 600;

export interface BuildahOptions {
  /** Of its store and its archives; nothing is shared with the machine's own. */
  readonly folder: string;
  readonly nodeVersion: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** buildah as root with a store of its own. Disposed of, it leaves no container and nothing mounted. */
export class BuildahEngine implements Engine, AsyncDisposable {
  readonly #options: BuildahOptions;
  readonly #store: string;

  private constructor(options: BuildahOptions) {
    this.#options = options;
    this.#store = join(options.folder, 'storage');
  }

  /** Brings the base images: from their registry, or made here where that does not answer. */
  static async open(options: BuildahOptions): Promise<BuildahEngine> {
    const engine = new BuildahEngine(options);
    await mkdir(engine.#store, { recursive: true });
    try {
      await engine.#clean(); // what a killed run left
      const stored = (await engine.#buildah('images', '--all', '--quiet')).split('\n').filter((id) => id !== '');
      if (stored.length > mostImages) await engine.#buildah('rmi', '--all', '--force');
      await engine.#ensureBases();
      return engine;
    } catch (error) {
      await engine.#clean();
      throw error;
    }
  }

  async build(request: BuildRequest): Promise<void> {
    const mounts = (await machineFiles()).flatMap(([from, to]) => ['--volume', `${from}:${to}:ro`]);
    // The base images are there; asking a registry for newer ones would fail where none answers.
    const how = ['--pull=never', '--isolation', 'chroot', '--layers', '--timestamp', '0', '--quiet'];
    await this.#buildah('build', ...how, ...mounts, ...buildOptions(request), request.context);
  }

  async save(reference: string, file: string): Promise<void> {
    await this.#buildah('push', '--quiet', reference, `docker-archive:${file}:${reference}`);
  }

  async read(reference: string, path: string): Promise<Buffer> {
    return this.#inContainer(reference, async (_container, root) => readFile(join(root, path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clean();
  }

  async #ensureBases(): Promise<void> {
    const { folder, nodeVersion, log, signal } = this.#options;
    const node = nodeImage(nodeVersion);
    if ((await this.#has(debianImage)) && (await this.#has(node))) return;
    if (await registryAnswers(signal)) {
      log(`pulling ${debianImage} and ${node}`);
      for (const image of [debianImage, node]) await this.#buildah('pull', '--quiet', image);
      return;
    }
    const options: BaseOptions = { folder: join(folder, 'base'), log, signal };
    const debian = await debianArchive(options);
    await this.#commit('scratch', debianImage, ['--cmd', 'bash'], (container) =>
      this.#buildah('add', '--quiet', container, debian, '/'),
    );
    const archive = await nodeArchive(nodeVersion, options);
    await this.#commit(
      debianImage,
      node,
      ['--cmd', 'node', '--env', `NODE_VERSION=${nodeVersion}`],
      async (container, root) => {
        await this.#buildah('add', '--quiet', container, archive, '/');
        await addNodeUser(root);
      },
    );
  }

  async #commit(
    from: string,
    name: string,
    config: readonly string[],
    change: (container: string, root: string) => Promise<unknown>,
  ): Promise<void> {
    await this.#inContainer(from, async (container, root) => {
      await change(container, root);
      await this.#buildah('config', '--env', `PATH=${path}`, ...config, container);
      await this.#buildah('commit', '--quiet', '--timestamp', '0', container, name);
    });
  }

  async #inContainer<T>(image: string, use: (container: string, root: string) => Promise<T>): Promise<T> {
    const container = trim(await this.#buildah('from', '--pull-never', image));
    try {
      return await use(container, trim(await this.#buildah('mount', container)));
    } finally {
      await this.#always('rm', container);
    }
  }

  async #has(image: string): Promise<boolean> {
    return (await this.#buildah('images', '--quiet', '--filter', `reference=${image}`)).trim() !== '';
  }

  /** Containers of builds that were stopped, and the store's own mount, which would keep it from being deleted. */
  async #clean(): Promise<void> {
    await this.#always('rm', '--all');
    const overlay = join(this.#store, 'overlay');
    if ((await readFile('/proc/self/mounts', 'utf8')).includes(` ${overlay} `)) await command('umount', [overlay]);
  }

  #buildah(...args: string[]): Promise<string> {
    return command('buildah', [...this.#where(), ...args], { signal: this.#options.signal });
  }

  /** Also after a stop: what cleans up. */
  #always(...args: string[]): Promise<string> {
    return command('buildah', [...this.#where(), ...args]);
  }

  #where(): string[] {
    return ['--root', this.#store, '--runroot', join(this.#options.folder, 'run')];
  }
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What npm needs to reach the registry from this machine, and where it looks for it in the image: authorities and settings.
 * Mounted while it runs, never part of an image.
 */
async function machineFiles(): Promise<[from: string, to: string][]> {
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  const global = trim(await command('npm', ['config', 'get', 'globalconfig']));
  const candidates: { from: string[]; to: string }[] = [
    { from: [authorities], to: authorities },
    // npm's own answer depends on where the Node.js that runs it lies; the machine's settings are in one of the others.
    { from: [global, '/etc/npmrc', '/usr/local/etc/npmrc', '/usr/etc/npmrc'], to: '/usr/local/etc/npmrc' },
    { from: [join(homedir(), '.npmrc')], to: '/root/.npmrc' },
  ];
  return candidates.flatMap(({ from, to }): [string, string][] => {
    const found = from.find((file) => existsSync(file));
    return found === undefined ? [] : [[found, to]];
  });
}

async function registryAnswers(signal: AbortSignal | undefined): Promise<boolean> {
  const limit = AbortSignal.timeout(5000);
  const any = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  return fetch('https://registry-1.docker.io/v2/', { method: 'HEAD', signal: any }).then(
    () => true,
    () => false,
  );
}

function trim(text: string): string {
  return text.trim();
}
