import { isDeepStrictEqual } from 'node:util';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { diagnose } from '@isochrone/cli/doctor';
import { ApiClient, core, formatMicroTime, type KubeObject } from '@isochrone/kube';
import { eventually, ProcessSupervisor } from '@isochrone/tools/local';
import { apply, applyOtherCrds, helmIn, surroundings, systemNamespace } from '../charts/cluster.ts';
import { podsOf, render, type Chart, type Values } from '../charts/helm.ts';
import { kubectl, withControlPlane, type ControlPlane } from '../harness/index.ts';

export type Finding = Awaited<ReturnType<typeof diagnose>>[number];

/** A cluster in which a chart was really installed. No kubelet runs its Pods: their status is what the test writes. */
export interface Installed {
  readonly plane: ControlPlane;
  readonly admin: ApiClient;
  kubectl(...args: string[]): Promise<string>;
  apply(...objects: object[]): Promise<void>;
  /** The Pods of the chart that are not there yet, ready. */
  startPods(): Promise<void>;
  setStatus(pod: string, status: object): Promise<void>;
  /** The Lease was renewed so many seconds ago. */
  renewed(lease: string, seconds: number): Promise<void>;
  /** Waits until just these are found, and returns them. */
  finds(...codes: string[]): Promise<Finding[]>;
}

export const isReady = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

export async function withInstalled(chart: Chart, values: Values): Promise<Installed> {
  const plane = await withControlPlane({ name: chart, crds: false });
  const admin = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  after(() => admin.close());
  await apply(plane, systemNamespace('restricted'), ...surroundings);
  await applyOtherCrds(plane);
  await helmIn(plane, 'install', chart, values);
  const pods = podsOf(await render(chart, values)).filter(
    ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] !== 'test',
  );
  const setStatus = async (name: string, status: object): Promise<void> => {
    await admin.mergePatch(core.pods, { namespace: SYSTEM_NAMESPACE, name }, { status } as object, {
      subresource: 'status',
    });
  };
  const installed: Installed = {
    plane,
    admin,
    kubectl: (...args) => kubectl(plane.adminKubeconfig, args),
    apply: (...objects) => apply(plane, ...objects),
    async startPods() {
      for (const pod of pods) {
        const ref = { namespace: SYSTEM_NAMESPACE, name: pod.metadata.name! };
        if ((await admin.find(core.pods, ref)) !== undefined) continue;
        await apply(plane, pod);
        await setStatus(ref.name, isReady);
      }
    },
    setStatus,
    renewed: (name, seconds) =>
      apply(plane, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: SYSTEM_NAMESPACE },
        spec: {
          holderIdentity: 'somebody',
          leaseDurationSeconds: 600,
          renewTime: formatMicroTime(Date.now() - seconds * 1000),
        },
      }),
    async finds(...codes) {
      let found: Finding[] = [];
      const told = (): string[] => found.map(({ code }) => code);
      await eventually(
        async () => {
          found = await diagnose(admin, Date.now());
          return isDeepStrictEqual(told(), codes);
        },
        { timeout: 20_000, interval: 100 },
      ).catch(() => assert.deepEqual(found, codes, `found ${told().join(', ')}`));
      return found;
    },
  };
  return installed;
}

/** The address of this machine that an API server may call a Pod at; undefined where there is none but loopback. */
export const address: string | undefined = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

const isochrone = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');

/** Really runs a program of a Pod, on this machine: the Pod is as ready as the program is, which is not at all. */
export async function runUnready(
  installed: Installed,
  pod: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ stop(): Promise<void> }> {
  const { plane, admin } = installed;
  const supervisor = await ProcessSupervisor.create({ name: 'unready' });
  after(() => supervisor.stopAll());
  await supervisor.start({
    name: pod,
    command: process.execPath,
    args: [isochrone, ...args, '--metrics-address', `${address!}:0`],
    env: { ...env, KUBECONFIG: plane.adminKubeconfig },
  });
  const port = await eventually(
    async () => /"metricsAddress":"[^"]*:(\d+)"/.exec(await readFile(supervisor.logOf(pod), 'utf8'))?.[1],
    { timeout: 60_000, describe: `${pod} listens` },
  );
  const ref = { namespace: SYSTEM_NAMESPACE, name: pod };
  const { metadata, spec } = (await admin.get(core.pods, ref)) as KubeObject & { spec: PodSpec };
  const { name, namespace, labels } = metadata;
  await admin.delete(core.pods, ref);
  const containers = spec.containers.map((container) => ({
    ...container,
    ports: [{ name: 'metrics', containerPort: Number(port) }],
  }));
  const twin = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec: { ...spec, containers } };
  await eventually(async () => (await admin.find(core.pods, ref)) === undefined);
  await installed.apply(twin);
  const conditions = [{ type: 'Ready', status: 'False', message: 'containers with unready status' }];
  await installed.setStatus(pod, { phase: 'Running', podIP: address!, podIPs: [{ ip: address! }], conditions });
  return {
    async stop() {
      await supervisor.stopAll();
      await installed.setStatus(pod, isReady);
    },
  };
}

interface PodSpec {
  readonly containers: readonly object[];
}

const plugin = join(import.meta.dirname, '..', '..', 'cli', 'kubectl-isochrone.ts');

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command itself. */
export function doctor(kubeconfig: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [plugin, 'doctor', ...args, '--kubeconfig', kubeconfig], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The status of a Pod that no machine takes. */
export const unschedulable = (message: string) => ({
  ...{ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] },
});

export const noAddress =
  address === undefined ? 'this machine has no address but loopback, which API servers do not proxy to' : false;
