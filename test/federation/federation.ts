import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { annotations, edgeNamespace, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { ApiClient, core, formatTime, systemClock, type Clock } from '@isochrone/kube';
import { operatorOptions, runOperator } from '@isochrone/operator/hub';
import {
  createLogger,
  createRegistry,
  HealthChecks,
  loadOptions,
  logLevels,
  type ServiceContext,
} from '@isochrone/service';
import { eventually, kubectl, withControlPlane, type ControlPlane } from '../harness/index.ts';

const charts = join(import.meta.dirname, '..', '..', 'charts');
/** The roles of each program, by the name that its manifest has in files/rbac. */
const chartOf = { operator: 'isochrone', scheduler: 'isochrone', edge: 'isochrone-edge', agent: 'isochrone-edge' };

/** A program that runs in this process, as `isochrone operator` or `isochrone edge` would. */
export interface RunningProgram {
  readonly health: HealthChecks;
  readonly registry: ReturnType<typeof createRegistry>;
  /** Settles when it ends, by itself or by `stop`. */
  readonly ended: Promise<void>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

export function startProgram(name: string, run: (context: ServiceContext) => Promise<void>): RunningProgram {
  const abort = new AbortController();
  const health = new HealthChecks();
  const registry = createRegistry(name, 'test');
  const logger = createLogger({
    program: name,
    level: logLevels.find((level) => level === process.env['ISOCHRONE_TEST_LOG']) ?? 'error',
  });
  const ended = run({ logger, registry, health, signal: abort.signal });
  // stop() tells it; until then a rejection is not unhandled.
  ended.catch((error: unknown) => logger.error({ err: error }, 'ended'));
  return {
    health,
    registry,
    ended,
    async stop() {
      abort.abort();
      await ended;
    },
  };
}

/** A kubeconfig with the rights of a ServiceAccount of the charts. */
export async function kubeconfigOf(plane: ControlPlane, serviceAccount: string): Promise<string> {
  const token = await kubectl(plane.adminKubeconfig, [
    'create',
    'token',
    serviceAccount,
    '-n',
    SYSTEM_NAMESPACE,
    '--duration=1h',
  ]);
  return plane.kubeconfigForToken(serviceAccount, token.trim());
}

/** A control plane with the namespace of the system. */
export async function withPlane(name: string, withControllerManager = false): Promise<ControlPlane> {
  const plane = await withControlPlane({ name, withControllerManager });
  await kubectl(plane.adminKubeconfig, ['create', 'namespace', SYSTEM_NAMESPACE]);
  return plane;
}

/** Applies the ServiceAccount and the roles of a program. */
export async function applyRights(plane: ControlPlane, program: keyof typeof chartOf): Promise<void> {
  const manifest = join(charts, chartOf[program], 'files', 'rbac', `${program}.yaml`);
  await kubectl(plane.adminKubeconfig, ['apply', '--server-side', '-f', manifest]);
}

/** When the token was issued that is encrypted in the credential of a member. */
export async function issuedTimeOf(admin: ApiClient, cluster: string): Promise<string> {
  const { metadata } = await admin.get(core.secrets, credentialOf(cluster));
  return metadata.annotations?.[annotations.issuedTime] ?? '';
}

/**
 * Makes the credential of a member 17 hours old, which is beyond two thirds of its day, and waits until the hub has rotated it.
 * A clock of the hub that jumps would do more: to it every token is as old, so it rotates at each look.
 */
export async function rotateCredential(admin: ApiClient, cluster: string): Promise<void> {
  const hoursFromNow = (hours: number): string => formatTime(Date.now() + hours * 3_600_000);
  const [aged, end] = [hoursFromNow(-17), hoursFromNow(7)];
  await admin.mergePatch(core.secrets, credentialOf(cluster), {
    metadata: { annotations: { [annotations.issuedTime]: aged, [annotations.expirationTime]: end } },
  });
  const isRotated = async (): Promise<boolean> => (await issuedTimeOf(admin, cluster)) !== aged;
  await eventually(isRotated, { timeout: 60_000, describe: 'the hub rotates the credential' });
}

function credentialOf(cluster: string): { namespace: string; name: string } {
  return { namespace: edgeNamespace(cluster), name: names.edgeCredential };
}

export interface TestFederation {
  readonly hub: ControlPlane;
  readonly admin: ApiClient;
  readonly directory: string;
  /** Stopped after the tests of the file. */
  readonly running: Set<RunningProgram>;
  /** Starts the hub operator with the rights of its ServiceAccount. */
  startOperator(options?: Record<string, string>, clock?: Clock): Promise<RunningProgram>;
}

/** A hub with the real operator, for the tests of one file. */
export async function withFederation({ withControllerManager = false } = {}): Promise<TestFederation> {
  const running = new Set<RunningProgram>();
  const directory = await mkdtemp(join(tmpdir(), 'isochrone-federation-'));
  // Hooks run in the order of their registration: the programs end before what they talk to.
  after(() => Promise.all([...running].map((program) => program.stop())));
  const hub = await withPlane('hub', withControllerManager);
  await applyRights(hub, 'operator');
  const admin = await ApiClient.fromKubeconfig({ path: hub.adminKubeconfig });
  after(async () => {
    await admin.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    hub,
    admin,
    directory,
    running,
    async startOperator(options = {}, clock = systemClock) {
      const kubeconfig = await kubeconfigOf(hub, 'isochrone-operator');
      const values = loadOptions(operatorOptions, {
        flags: {
          kubeconfig,
          ledger: join(directory, 'ledger.sqlite'),
          schedulerAddress: '127.0.0.1:1',
          ledgerPollSeconds: '1',
          ...options,
        },
      });
      const program = startProgram('operator', (context) => runOperator(values, context, clock));
      running.add(program);
      return program;
    },
  };
}
