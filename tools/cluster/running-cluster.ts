import { access, glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../binaries/ensure.ts';
import { command } from '../images/command.ts';
import { eventually } from '../local/eventually.ts';
import { kubectl } from '../local/kubectl.ts';
import { ProcessSupervisor, type ProcessSpecification } from '../local/process-supervisor.ts';
import { getStatus } from '../local/secure-get.ts';
import { acceptsConnections } from '../local/sockets.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { makeDevicePlugin, type DevicePlugin } from './device-plugin.ts';
import { writeClusterFiles, type Access } from './identities.ts';
import { clusterBinaries } from './lacking.ts';
import { clusterLayout, containerdSocket, nodeEnvironment, nodeFiles, type ClusterLayout } from './layout.ts';
import { nodeScript } from './leftovers.ts';
import { pauseImage, writeProgramImage } from './program-image.ts';
import { programArguments, type ClusterProgram } from './programs.ts';
import { storageObjects } from './storage.ts';
import { runningContainers, type PodList, type RunningContainer } from './usage.ts';

export interface Holding {
  /** Gives the index back. */
  readonly release: () => void;
  readonly signal: AbortSignal | undefined;
}

/** Programs as processes of this machine in the namespaces of the node, so that each is known, logged and killed by itself. */
export class RunningCluster implements Cluster {
  readonly name: string;
  readonly index: number;
  readonly address: string;
  readonly server: string;
  readonly ca: string;
  readonly adminKubeconfig: string;
  readonly directory: string;
  readonly #layout: ClusterLayout;
  readonly #access: Access;
  readonly #supervisor: ProcessSupervisor;
  readonly #holding: Holding;
  readonly #gpus: number;
  readonly #plugin: DevicePlugin | undefined;
  readonly #programs = new Map<string, string>();
  #node = 0;
  #stopped: Promise<void> | undefined;

  private constructor(
    layout: ClusterLayout,
    gpus: number,
    access: Access,
    supervisor: ProcessSupervisor,
    holding: Holding,
  ) {
    this.name = layout.name;
    this.index = layout.index;
    this.address = layout.address;
    this.server = access.server;
    this.ca = access.ca;
    this.adminKubeconfig = access.adminKubeconfig;
    this.directory = layout.directory;
    this.#layout = layout;
    this.#access = access;
    this.#supervisor = supervisor;
    this.#holding = holding;
    const directory = join(layout.directory, 'kubelet', 'device-plugins');
    this.#gpus = gpus;
    this.#plugin = gpus === 0 ? undefined : makeDevicePlugin({ directory, resource: 'nvidia.com/gpu', count: gpus });
    holding.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  static async start({ name, index, gpus = 0 }: ClusterOptions, holding: Holding): Promise<RunningCluster> {
    const { signal } = holding;
    const supervisor = await ProcessSupervisor.create({ name, ...(signal && { signal }) });
    const layout = clusterLayout(name, index, supervisor.directory);
    const cluster = new RunningCluster(layout, gpus, await writeClusterFiles(layout), supervisor, holding);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async kubectl(args: readonly string[], input = ''): Promise<string> {
    return kubectl(this.adminKubeconfig, args, input, this.#holding.signal);
  }

  async importImage(archive: string): Promise<void> {
    const ctr = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io'];
    const { signal } = this.#holding;
    await command('nsenter', [...this.#inside(), ...ctr, 'images', 'import', '--no-unpack', archive], { signal });
  }

  async killPod(namespace: string, name: string): Promise<void> {
    const uid = await this.kubectl(['get', 'pod', name, '--namespace', namespace, '-o', 'jsonpath={.metadata.uid}']);
    const hierarchy = join('/sys/fs/cgroup/pids', this.#layout.cgroup);
    for await (const file of glob(join(hierarchy, '**', `pod${uid}`, '*', 'cgroup.procs'))) {
      for (const pid of (await readFile(file, 'utf8')).split('\n').filter(Boolean))
        process.kill(Number(pid), 'SIGKILL');
    }
  }

  async containers(namespace: string): Promise<RunningContainer[]> {
    const pods = JSON.parse(await this.kubectl(['get', 'pods', '--namespace', namespace, '-o', 'json'])) as PodList;
    return runningContainers(pods, this.#layout.cgroup);
  }

  async killKubelet(): Promise<void> {
    await this.#supervisor.kill9('kubelet');
    // It is a child of what was killed, and dies with it, though not before it: the plug-in must not meet it any more.
    await eventually(async () => !(await acceptsConnections(this.#kubeletSocket)), { describe: 'kubelet is gone' });
  }

  async startKubelet(): Promise<void> {
    await this.#run('kubelet', () => acceptsConnections(this.#kubeletSocket));
    await this.#plugin?.register();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    for (const { name, path } of await ensureBinaries(clusterBinaries)) this.#programs.set(name, path);
    const pid = join(this.directory, nodeFiles.nodePid);
    await this.#supervisor.start({
      name: 'node',
      command: nodeScript,
      args: ['run'],
      env: nodeEnvironment(this.#layout),
      cwd: '/',
      ready: () => access(pid).then(() => true),
    });
    this.#node = Number(await readFile(pid, 'utf8'));
    await together([this.#startContainers(), this.#startPlane()]);
    await together([
      this.#run('kube-controller-manager', () => this.#answers('/api/v1/namespaces/default/serviceaccounts/default')),
      this.#run('kube-scheduler'),
      this.#run('kube-proxy', () => this.#serves(10256, '/healthz')),
      this.#run('coredns', () => this.#serves(8181, '/ready')),
      this.startKubelet(),
      this.#addVolumes(),
    ]);
    await this.#waitForNode();
  }

  async #waitForNode(): Promise<void> {
    const conditions = ['condition=Ready'];
    if (this.#gpus > 0) conditions.push(`jsonpath={.status.allocatable.nvidia\\.com/gpu}=${this.#gpus}`);
    for (const condition of conditions) {
      // It fails at once while there is no node.
      await eventually(() => this.kubectl(['wait', `--for=${condition}`, `node/${this.name}`, '--timeout=60s']), {
        timeout: 60_000,
        describe: `node ${this.name} has ${condition}`,
      });
    }
  }

  async #startContainers(): Promise<void> {
    const archive = join(this.directory, 'pause.tar');
    // By its path in the node, whose root is its own.
    const socket = `/proc/${this.#node}/root${containerdSocket}`;
    await together([
      this.#run('containerd', () => acceptsConnections(socket)),
      writeProgramImage({ reference: pauseImage, program: '/bin/sleep', args: ['infinity'] }, archive),
    ]);
    await this.importImage(archive);
  }

  async #startPlane(): Promise<void> {
    const etcd = join(this.directory, 'etcd.sock');
    await together([
      this.#run('etcd', () => acceptsConnections(etcd)),
      this.#run('kube-apiserver', () => this.#answers('/readyz', '/api/v1/namespaces/default')),
    ]);
  }

  async #addVolumes(): Promise<void> {
    const objects = await storageObjects(this.#layout);
    await this.kubectl(['create', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  }

  async #run(name: ClusterProgram, ready?: ProcessSpecification['ready']): Promise<void> {
    const program = this.#programs.get(name) ?? name;
    await this.#supervisor.start({
      name,
      command: 'nsenter',
      args: [...this.#inside(), program, ...programArguments(this.#layout)[name]],
      disposable: true,
      ...(ready && { ready }),
    });
  }

  get #kubeletSocket(): string {
    return join(this.directory, 'kubelet', 'device-plugins', 'kubelet.sock');
  }

  #inside(): string[] {
    return ['--target', String(this.#node), '--mount', '--uts', '--ipc', '--net', '--pid', '--'];
  }

  async #answers(...paths: readonly string[]): Promise<boolean> {
    for (const path of paths) {
      if ((await getStatus(new URL(path, this.server), this.ca, this.#access.admin)) !== 200) return false;
    }
    return true;
  }

  async #serves(port: number, path: string): Promise<boolean> {
    return (await fetch(`http://${this.address}:${port}${path}`)).ok;
  }

  readonly #onAbort = (): void => void this.stop();

  async #stop(): Promise<void> {
    this.#holding.signal?.removeEventListener('abort', this.#onAbort);
    this.#plugin?.stop();
    await this.#supervisor.stopAll();
    this.#holding.release();
  }
}

/** Waits for all, also when one fails: what the others start must be known before everything is stopped. */
async function together(promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
