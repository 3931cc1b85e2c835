import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { ensureBinaries } from '../binaries/ensure.ts';
import { CertificateAuthority, makeTokenKey, type Identity } from './certificate-authority.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  files,
  type ControlPlaneLayout,
} from './control-plane-arguments.ts';
import { acceptsConnections, freePort } from './sockets.ts';
import { kubeconfig } from './kubeconfig.ts';
import { ProcessSupervisor, type ProcessSpecification } from './process-supervisor.ts';
import { getStatus } from './secure-get.ts';

export type ControlPlaneProcess = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

export interface ControlPlaneOptions {
  /** Cluster name in kubeconfigs, and part of the folder's name. */
  readonly name: string;
  /** Where its folder is made, which is removed when it stops. Default: in memory where there is room. */
  readonly directory?: string;
  /** Default false: then nothing collects garbage, deletes a namespace's contents or makes ServiceAccounts. */
  readonly withControllerManager?: boolean;
  /** As which older version the API server behaves, for example 1.33. */
  readonly emulatedVersion?: string;
  /** Told of downloads and builds. */
  readonly logger?: { info(message: string): void };
  /** When aborted, it is stopped. */
  readonly signal?: AbortSignal;
}

/** A real etcd and kube-apiserver (RBAC, TLS, ServiceAccount tokens), and on request kube-controller-manager. No kubelet. */
export interface ControlPlane extends AsyncDisposable {
  readonly name: string;
  /** https://127.0.0.1:port; the same after a restart. */
  readonly server: string;
  /** Of the certificate authority, PEM. */
  readonly ca: string;
  /** Path of a kubeconfig in the group system:masters. */
  readonly adminKubeconfig: string;
  /** Holds the logs, `<process>.log`, until `stop`. */
  readonly directory: string;
  /** Writes a kubeconfig with a client certificate, with no right but what RBAC gives it; returns its path. */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /** Writes a kubeconfig with a bearer token; returns its path. */
  kubeconfigForToken(user: string, token: string): Promise<string>;
  /** Resolves when it is ready again. */
  restartApiServer(): Promise<void>;
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** SIGKILL. */
  kill9(which: ControlPlaneProcess): Promise<void>;
  /** After `kill9`: starts it again on the same data and address. */
  start(which: ControlPlaneProcess): Promise<void>;
  /** Any signal: SIGSTOP makes a server that hangs, SIGCONT brings it back. */
  signal(which: ControlPlaneProcess, signal: NodeJS.Signals): void;
  /** Removes processes and folder. */
  stop(): Promise<void>;
}

/** How often a port that someone else took meanwhile is replaced by another. */
const portAttempts = 5;

/** @throws ToolError BinaryUnavailable, ProcessExited, NotInTime */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { name, withControllerManager = false, emulatedVersion, logger, directory: parent, signal } = options;
  const names: ControlPlaneProcess[] = [
    'etcd',
    'kube-apiserver',
    ...(withControllerManager ? (['kube-controller-manager'] as const) : []),
  ];
  const located = await ensureBinaries(names, {
    ...(logger && { log: (line: string) => logger.info(line) }),
    ...(signal && { signal }),
  });
  const binaries = new Map(located.map((binary) => [binary.name as ControlPlaneProcess, binary.path]));
  const supervisor = await ProcessSupervisor.create({ name, ...(parent && { parent }), ...(signal && { signal }) });
  try {
    const authority = new CertificateAuthority(`${name}-ca`);
    for (let attempt = 1; ; attempt += 1) {
      const layout = { directory: supervisor.directory, port: await freePort(), emulatedVersion };
      const plane = new LocalControlPlane(name, layout, authority, supervisor, binaries);
      await plane.writeFiles();
      try {
        await plane.startAll();
        return plane;
      } catch (error) {
        if (
          attempt === portAttempts ||
          !(error instanceof ToolError) ||
          !error.message.includes('address already in use')
        )
          throw error;
        await supervisor.stopEvery();
      }
    }
  } catch (error) {
    await supervisor.stopAll();
    throw error;
  }
}

class LocalControlPlane implements ControlPlane {
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly adminKubeconfig: string;
  readonly directory: string;
  readonly #layout: ControlPlaneLayout;
  readonly #authority: CertificateAuthority;
  readonly #admin: Identity;
  readonly #supervisor: ProcessSupervisor;
  readonly #binaries: ReadonlyMap<ControlPlaneProcess, string>;

  constructor(
    name: string,
    layout: ControlPlaneLayout,
    authority: CertificateAuthority,
    supervisor: ProcessSupervisor,
    binaries: ReadonlyMap<ControlPlaneProcess, string>,
  ) {
    this.name = name;
    this.server = `https://127.0.0.1:${layout.port}`;
    this.ca = authority.certificate;
    this.directory = layout.directory;
    this.adminKubeconfig = this.#path('admin.kubeconfig');
    this.#layout = layout;
    this.#authority = authority;
    this.#admin = authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    this.#supervisor = supervisor;
    this.#binaries = binaries;
  }

  async writeFiles(): Promise<void> {
    const server = this.#authority.issueServer('kube-apiserver', [
      '127.0.0.1',
      '10.96.0.1',
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
    ]);
    const token = makeTokenKey();
    const manager = { user: 'system:kube-controller-manager' };
    await mkdir(this.#path('kubeconfigs'), { recursive: true });
    await Promise.all([
      this.#write(files.ca, this.ca),
      this.#write(files.apiServerCertificate, server.certificate),
      this.#write(files.apiServerKey, server.key),
      this.#write(files.tokenPublicKey, token.publicKey),
      this.#write(files.tokenPrivateKey, token.privateKey),
      this.#writeKubeconfig('admin.kubeconfig', 'admin', this.#admin),
      this.#writeKubeconfig(files.controllerManagerKubeconfig, manager.user, this.#authority.issueClient(manager)),
    ]);
  }

  /** etcd and the API server at the same time: the latter retries until the former answers. */
  async startAll(): Promise<void> {
    await Promise.all([this.start('etcd'), this.start('kube-apiserver')]);
    if (this.#binaries.has('kube-controller-manager')) await this.start('kube-controller-manager');
  }

  async kubeconfigFor(user: string, groups: readonly string[] = []): Promise<string> {
    return this.#writeKubeconfig(this.#kubeconfigName(user), user, this.#authority.issueClient({ user, groups }));
  }

  async kubeconfigForToken(user: string, token: string): Promise<string> {
    return this.#writeKubeconfig(this.#kubeconfigName(user), user, { token });
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  async stopApiServer(): Promise<void> {
    await this.#supervisor.stop('kube-apiserver');
  }

  async startApiServer(): Promise<void> {
    await this.start('kube-apiserver');
  }

  async kill9(which: ControlPlaneProcess): Promise<void> {
    await this.#supervisor.kill9(which);
  }

  async start(which: ControlPlaneProcess): Promise<void> {
    await this.#supervisor.start(this.#specification(which));
  }

  signal(which: ControlPlaneProcess, signal: NodeJS.Signals): void {
    this.#supervisor.signal(which, signal);
  }

  async stop(): Promise<void> {
    await this.#supervisor.stopAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #specification(which: ControlPlaneProcess): ProcessSpecification {
    const command = this.#binaries.get(which);
    if (command === undefined)
      throw new ToolError('UnknownProcess', `"${which}": ask for it with withControllerManager`);
    const program = { name: which, command, disposable: true };
    switch (which) {
      case 'etcd':
        return {
          ...program,
          args: etcdArguments(this.#layout),
          ready: () => acceptsConnections(this.#path(files.etcdSocket)),
        };
      case 'kube-apiserver':
        // The `default` namespace is made by a post-start hook that /readyz does not wait for.
        return {
          ...program,
          args: apiServerArguments(this.#layout),
          ready: () => this.#answers('/readyz', '/api/v1/namespaces/default'),
        };
      case 'kube-controller-manager':
        return {
          ...program,
          args: controllerManagerArguments(this.#layout),
          ready: () => this.#answers('/api/v1/namespaces/default/serviceaccounts/default'),
        };
    }
  }

  async #answers(...paths: readonly string[]): Promise<boolean> {
    for (const path of paths) {
      if ((await getStatus(new URL(path, this.server), this.ca, this.#admin)) !== 200) return false;
    }
    return true;
  }

  #kubeconfigName(user: string): string {
    return join('kubeconfigs', `${encodeURIComponent(user)}.kubeconfig`);
  }

  async #writeKubeconfig(file: string, user: string, credential: Identity | { token: string }): Promise<string> {
    return this.#write(file, kubeconfig({ cluster: this.name, server: this.server, ca: this.ca, user, credential }));
  }

  async #write(file: string, text: string): Promise<string> {
    const path = this.#path(file);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  #path(file: string): string {
    return join(this.directory, file);
  }
}
