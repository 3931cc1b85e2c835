import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import {
  CertificateAuthority,
  ensureBinaries,
  freePort,
  kubectl,
  kubectlCache,
  ProcessSupervisor,
  startControlPlane,
  startObjectStore,
  type ControlPlane,
  type Identity,
  type ObjectStore,
} from '@isochrone/tools/local';
import { joinMember } from './join-member.ts';
import {
  agentProgram,
  edgeProgram,
  operatorProgram,
  schedulerProgram,
  verifierProgram,
  type SchedulerTls,
} from './programs.ts';
import { compileCache, ProgramProcesses, type ProgramSpecification } from './program-processes.ts';
import { programKubeconfig, roles } from './roles.ts';
import { ocrMembers, type MemberSpecification } from './topology.ts';

const repository = join(import.meta.dirname, '..', '..');

export interface FederationOptions {
  /** Default: the hub's own trusted cluster, frankfurt, san-francisco and singapore. */
  readonly members?: readonly MemberSpecification[];
  /** Manifests of their Providers and EdgeClusters. Default: those of examples/ocr. */
  readonly manifests?: readonly string[];
  /** Term of the leases between hub and members. Default: the operator's. */
  readonly leaseSeconds?: number;
  /** Added to the environment of a program, by the name of its process or by the program. */
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Added to the flags of a program, by the name of its process or by the program. */
  readonly flags?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Where a member finds the hub, for tests that stand in between. Default: the address of the hub itself. */
  readonly hubAddress?: (cluster: string, hub: ControlPlane) => Promise<string>;
  /** Told of each thing that is done. */
  readonly onStep?: (step: string) => void;
  /** When aborted, everything is stopped. */
  readonly signal?: AbortSignal;
}

/** A whole federation on loopback: real API servers, an S3 server, and every program as a process with a user of its own. */
export interface Federation extends AsyncDisposable {
  readonly hub: ControlPlane;
  /** By name of the EdgeCluster; the trusted one is the hub itself. */
  readonly members: ReadonlyMap<string, ControlPlane>;
  readonly objects: ObjectStore;
  /** The SQLite file of the operator. */
  readonly ledger: string;
  /** Holds `kubectl`, `isochrone`, `kubectl-isochrone` and `kubectl_complete-isochrone`: for a PATH. */
  readonly bin: string;
  /** `operator`, `scheduler`, `edge-<cluster>`, `agent-<node>`, `verifier-<node>`. */
  readonly programs: ProgramProcesses;
  /** Lets a member join again, by a new token: for one whose credential does not count any more. */
  join(cluster: string): Promise<void>;
  /** On the hub, as its administrator. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  stop(): Promise<void>;
}

/** @throws ToolError, CliError DEMO_FAILED; whatever was started is stopped again */
export async function startFederation(options: FederationOptions = {}): Promise<Federation> {
  const { members = ocrMembers, signal, onStep = () => undefined } = options;
  const stack = new AsyncDisposableStack();
  try {
    const common = signal === undefined ? {} : { signal };
    // Built or downloaded once, before several parts ask for the same.
    await ensureBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'versitygw'], common);
    const supervisor = stack.use(await ProcessSupervisor.create({ name: 'programs', ...common }));
    const start = async (name: string): Promise<ControlPlane> => {
      const plane = stack.use(await startControlPlane({ name, withControllerManager: name === 'hub', ...common }));
      await prepareCluster(plane, name === 'hub', signal);
      onStep(`cluster ${name}: etcd, kube-apiserver${name === 'hub' ? ', kube-controller-manager' : ''}`);
      return plane;
    };
    const names = ['hub', ...members.filter(({ isHub }) => isHub !== true).map(({ name }) => name)];
    const [objects, ...planes] = await settled([
      startObjectStore(common).then((store) => stack.use(store)),
      ...names.map((name) => start(name)),
    ] as const);
    const hub = planes[0] as ControlPlane;
    const planeOf = new Map(
      members.map(({ name, isHub }) => [name, isHub === true ? hub : (planes[names.indexOf(name)] as ControlPlane)]),
    );
    const federation = new LocalFederation(hub, planeOf, objects as ObjectStore, supervisor, stack, options);
    await federation.begin(members);
    return federation;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Waits for all, also when one fails: what the others start must be known before everything is stopped. */
async function settled<T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

async function prepareCluster(plane: ControlPlane, isHub: boolean, signal: AbortSignal | undefined): Promise<void> {
  const run = (args: readonly string[], input = ''): Promise<string> =>
    kubectl(plane.adminKubeconfig, args, input, signal);
  const crds = isHub
    ? [join(repository, 'crds')]
    : ['inferencetasks', 'inferencenodes'].map((plural) => join(repository, 'crds', `isochrone.dev_${plural}.yaml`));
  const files = crds.flatMap((path) => ['-f', path]);
  await run(['apply', '--server-side', ...files]);
  await run(['wait', '--for=condition=Established', '--timeout=30s', ...files]);
  await run(['create', 'namespace', SYSTEM_NAMESPACE]);
}

class LocalFederation implements Federation {
  readonly hub: ControlPlane;
  readonly members: ReadonlyMap<string, ControlPlane>;
  readonly objects: ObjectStore;
  readonly programs: ProgramProcesses;
  readonly ledger: string;
  readonly bin: string;
  readonly #folder: string;
  readonly #stack: AsyncDisposableStack;
  readonly #options: FederationOptions;

  constructor(
    hub: ControlPlane,
    members: ReadonlyMap<string, ControlPlane>,
    objects: ObjectStore,
    supervisor: ProcessSupervisor,
    stack: AsyncDisposableStack,
    options: FederationOptions,
  ) {
    this.hub = hub;
    this.members = members;
    this.objects = objects;
    this.programs = new ProgramProcesses(supervisor);
    this.#folder = supervisor.directory;
    this.ledger = join(this.#folder, 'ledger.sqlite');
    this.bin = join(this.#folder, 'bin');
    this.#stack = stack;
    this.#options = options;
  }

  async begin(members: readonly MemberSpecification[]): Promise<void> {
    const { onStep = () => undefined, leaseSeconds } = this.#options;
    await this.#writeBin();
    const manifests =
      this.#options.manifests ??
      ['providers.yaml', 'edgeclusters.yaml'].map((name) => join(repository, 'examples', 'ocr', name));
    const [schedulerUser, operatorUser] = await Promise.all([
      programKubeconfig(this.hub, roles.scheduler),
      programKubeconfig(this.hub, roles.operator),
    ]);
    // Fixed, so that the operator finds a scheduler that was restarted.
    const schedulerPort = await freePort();
    await this.kubectl(['apply', ...manifests.flatMap((file) => ['-f', file])]);
    const schedulerTls = await this.#writeSchedulerTls();
    const operator = operatorProgram({
      kubeconfig: operatorUser,
      schedulerAddress: `localhost:${schedulerPort}`,
      schedulerTls,
      ledger: this.ledger,
      ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    });
    await settled([
      settled([
        this.#run(schedulerProgram(schedulerUser, `127.0.0.1:${schedulerPort}`, schedulerTls)),
        this.#run(operator),
      ]).then(() => {
        onStep('scheduler and operator');
      }),
      ...members.map((member) => this.#begin(member)),
    ]);
  }

  /** An authority for these two programs alone: whoever has a certificate of it may place. */
  async #writeSchedulerTls(): Promise<SchedulerTls> {
    const authority = new CertificateAuthority('isochrone-scheduler-ca');
    const write = async (name: string, text: string): Promise<string> => {
      const path = join(this.#folder, name);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    };
    const identity = async (name: string, { certificate, key }: Identity): Promise<SchedulerTls['server']> => ({
      certificate: await write(`${name}.crt`, certificate),
      key: await write(`${name}.key`, key),
    });
    return {
      ca: await write('scheduler-ca.crt', authority.certificate),
      server: await identity('scheduler', authority.issueServer('isochrone-scheduler', ['localhost'])),
      client: await identity('operator', authority.issueClient({ user: 'isochrone-operator' })),
    };
  }

  /** Starts the programs of a member and lets it join. */
  async #begin({ name, nodes }: MemberSpecification): Promise<void> {
    const member = this.members.get(name)!;
    const [memberKubeconfig, agentKubeconfig] = await Promise.all([
      programKubeconfig(member, roles.edge),
      programKubeconfig(member, roles.agent),
    ]);
    const nodesUp = nodes.map(async ({ name: node, price }) => {
      const folder = await this.#makeFolder(node);
      await this.#run(verifierProgram(node, folder));
      await this.#run(agentProgram(node, folder, { kubeconfig: agentKubeconfig, price }));
    });
    const joinTokenFile = this.#joinTokenFile(name);
    await settled([this.#run(edgeProgram(name, { joinTokenFile, memberKubeconfig })), this.join(name), ...nodesUp]);
    this.#options.onStep?.(`member ${name}: edge operator, ${nodes.length} node${nodes.length === 1 ? '' : 's'}`);
  }

  async join(cluster: string): Promise<void> {
    const { hubAddress, signal } = this.#options;
    await joinMember(this.hub, cluster, this.#joinTokenFile(cluster), signal, await hubAddress?.(cluster, this.hub));
  }

  #joinTokenFile(cluster: string): string {
    return join(this.#folder, `join-token-${cluster}`);
  }

  /** Runs a program with what the options add for it. */
  async #run(specification: ProgramSpecification): Promise<void> {
    const { name, program } = specification;
    const { env = {}, flags = {} } = this.#options;
    await this.programs.run({
      ...specification,
      flags: { ...specification.flags, ...flags[program], ...flags[name] },
      env: { ...env[program], ...env[name] },
    });
  }

  async #makeFolder(name: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }

  /** Small scripts, because a program's own first line would find whatever Node.js comes first on the PATH. */
  async #writeBin(): Promise<void> {
    await mkdir(this.bin);
    const [kubectlBinary] = await ensureBinaries(['kubectl']);
    const cache = `KUBECACHEDIR='${kubectlCache(this.hub.adminKubeconfig)}'`;
    const run = (program: string): string =>
      `NODE_COMPILE_CACHE='${compileCache}' exec '${process.execPath}' '${join(import.meta.dirname, '..', `${program}.ts`)}'`;
    const commands = {
      // By the environment, because a plug-in's name must come before every flag.
      kubectl: `${cache} exec '${kubectlBinary!.path}'`,
      isochrone: run('isochrone'),
      'kubectl-isochrone': run('kubectl-isochrone'),
      // By this name kubectl asks what completes the arguments of its plug-in.
      'kubectl_complete-isochrone': `exec '${join(this.bin, 'kubectl-isochrone')}' __complete`,
    };
    for (const [name, command] of Object.entries(commands))
      await writeFile(join(this.bin, name), `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 });
  }

  async kubectl(args: readonly string[], input = ''): Promise<string> {
    return kubectl(this.hub.adminKubeconfig, args, input, this.#options.signal);
  }

  async stop(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
