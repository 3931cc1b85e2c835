import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { hostAddress, startClusters, type Cluster } from '@isochrone/tools/cluster';
import { buildImages, type BuiltImage } from '@isochrone/tools/images';
import {
  ensureBinaries,
  eventually,
  startObjectStore,
  startPostgres,
  type ObjectStore,
  type Postgres,
} from '@isochrone/tools/local';

const run = promisify(execFile);
export const repository = join(import.meta.dirname, '..', '..');
/** Of the images of the present sources; those of earlier ones have another. */
const present = 'test';

/** EdgeClusters of examples/ocr, and what their machines are. */
const members = [
  { name: 'hub', values: ['cpu.enabled=true', 'cpu.price=0.30', 'crds.install=false'] },
  { name: 'frankfurt', values: ['cpu.enabled=true', 'cpu.price=0.22'] },
  // As a machine with one GPU; the image without CUDA finds no device in it, and offers its processor.
  {
    name: 'san-francisco',
    gpus: 2,
    values: [
      'nodeClasses[0].name=gpu',
      'nodeClasses[0].gpus=1',
      'nodeClasses[0].price=0.18',
      'agent.gpuImage.repository=isochrone/node-agent',
    ],
  },
] as const;

/** Charts, and the images that they install. */
export interface Release {
  readonly charts: string;
  readonly tag: string;
}

export const presentRelease: Release = { charts: join(repository, 'charts'), tag: present };

export type MemberName = (typeof members)[number]['name'];

/** Three clusters with the images, and beside them what a user brings: an S3 server and PostgreSQL. */
export class Installation implements AsyncDisposable {
  readonly hub: Cluster;
  /** The trusted one is the hub itself. */
  readonly members: ReadonlyMap<MemberName, Cluster>;
  readonly objects: ObjectStore;
  readonly postgres: Postgres;
  /** For files of this test. */
  readonly folder: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    clusters: readonly Cluster[],
    objects: ObjectStore,
    postgres: Postgres,
    folder: string,
    stack: AsyncDisposableStack,
  ) {
    this.hub = clusters[0]!;
    this.members = new Map(members.map(({ name }, index) => [name, clusters[index]!]));
    this.objects = objects;
    this.postgres = postgres;
    this.folder = folder;
    this.#stack = stack;
  }

  static async start(log: (line: string) => void = () => undefined): Promise<Installation> {
    const stack = new AsyncDisposableStack();
    try {
      const folder = await mkdtemp(join(tmpdir(), 'isochrone-installation-'));
      stack.defer(() => rm(folder, { recursive: true }));
      const images = await buildImages({ tag: present, output: folder, log });
      const clusters = await startClusters(
        members.map(({ name, ...rest }, index) => ({ name, index: index + 1, ...rest })),
        { log },
      );
      for (const cluster of clusters) stack.use(cluster);
      log('clusters are up');
      await importEverywhere(clusters, images);
      log('images are imported');
      const objects = stack.use(await startObjectStore({ host: hostAddress }));
      const postgres = stack.use(await startPostgres({ host: hostAddress }));
      for (const cluster of clusters) await createNamespace(cluster);
      return new Installation(clusters, objects, postgres, folder, stack);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.hub.kubectl(args, input);
  }

  /** `kubectl isochrone …` on the hub. */
  async plugin(...args: string[]): Promise<string> {
    return this.#cli('kubectl-isochrone', args, { KUBECONFIG: this.hub.adminKubeconfig });
  }

  /** `isochrone …` on this machine, with the hub's ledger. */
  async isochrone(...args: string[]): Promise<string> {
    return this.#cli('isochrone', args, { ISOCHRONE_LEDGER: this.postgres.url });
  }

  async helm(cluster: Cluster, ...args: string[]): Promise<string> {
    const [helm] = await ensureBinaries(['helm']);
    const home = join(this.folder, `helm-${cluster.name}`);
    const env = {
      ...process.env,
      KUBECONFIG: cluster.adminKubeconfig,
      HELM_CACHE_HOME: home,
      HELM_CONFIG_HOME: home,
      HELM_DATA_HOME: home,
    };
    const { stdout } = await run(helm!.path, [...args, '--namespace', SYSTEM_NAMESPACE], { env, cwd: repository });
    return stdout;
  }

  /** The images of earlier sources, for their charts. */
  async addEarlier(root: string): Promise<Release> {
    const output = join(this.folder, 'earlier-images');
    const images = await buildImages({ tag: 'earlier', output, root });
    await importEverywhere([...this.members.values()], images);
    return { charts: join(root, 'charts'), tag: 'earlier' };
  }

  /** Installs or upgrades the hub. */
  async upgradeHub({ charts, tag }: Release, ...values: string[]): Promise<void> {
    const settings = [`image.tag=${tag}`, `operator.edgeServer=${this.hub.server}`, ...values];
    await this.#upgrade(this.hub, 'isochrone', join(charts, 'isochrone'), settings);
  }

  /** Installs or upgrades a member. */
  async upgradeEdge({ charts, tag }: Release, name: MemberName, ...values: string[]): Promise<void> {
    const member = members.find((one) => one.name === name)!;
    const settings = [`image.tag=${tag}`, `cluster=${name}`, ...member.values, ...values];
    await this.#upgrade(this.members.get(name)!, 'isochrone-edge', join(charts, 'isochrone-edge'), settings);
  }

  /** As an administrator of both clusters lets a member in. It is ready only once the hub has accepted it. */
  async join(name: MemberName, release: Release): Promise<void> {
    const token = await this.plugin('edge', 'token', 'create', name, '--server', this.hub.server);
    const installed = this.upgradeEdge(release, name, `token=${token.trim()}`);
    const accepted = patiently(() => this.plugin('edge', 'accept', name), `the key of ${name} is accepted`);
    await Promise.all([installed, accepted]);
  }

  get memberNames(): MemberName[] {
    return members.map(({ name }) => name);
  }

  async stop(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #upgrade(cluster: Cluster, release: string, chart: string, values: readonly string[]): Promise<void> {
    const settings = values.flatMap((value) => ['--set', value]);
    await this.helm(cluster, 'upgrade', '--install', release, chart, ...settings, '--wait', '--timeout', '120s');
  }

  async #cli(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    const file = join(repository, 'cli', `${program}.ts`);
    const { stdout } = await run(process.execPath, [file, ...args], { env: { ...process.env, ...env } });
    return stdout;
  }
}

/** The one that the charts are installed in, where nothing goes beyond Pod Security "restricted". */
export async function createNamespace(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['create', 'namespace', SYSTEM_NAMESPACE]);
  const level = 'pod-security.kubernetes.io/enforce=restricted';
  await cluster.kubectl(['label', 'namespace', SYSTEM_NAMESPACE, level]);
}

async function importEverywhere(clusters: readonly Cluster[], images: readonly BuiltImage[]): Promise<void> {
  for (const { archive } of images) await Promise.all(clusters.map((cluster) => cluster.importImage(archive)));
}

/** Until it holds, without the haste of `eventually`'s default: everything shares few cores. */
export function patiently<T>(
  probe: () => T | Promise<T>,
  describe: string,
  timeout = 120_000,
): ReturnType<typeof eventually<T>> {
  return eventually(probe, { timeout, interval: 500, describe });
}
