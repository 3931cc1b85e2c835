import { mkdir } from 'node:fs/promises';
import { withLock } from '../binaries/lock.ts';
import { ToolError } from '../errors.ts';
import { clearLeftovers } from './leftovers.ts';
import { clusterLacking } from './lacking.ts';
import { clusterLayout, highestIndex, lockOf, stateFolder } from './layout.ts';
import { RunningCluster } from './running-cluster.ts';
import type { RunningContainer } from './usage.ts';

export interface ClusterOptions {
  /** Of the cluster and of its node. */
  readonly name: string;
  /** 1 to 50. Decides all addresses; a cluster of the same index waits until this one has stopped, also another process's. */
  readonly index: number;
  /** Devices called `nvidia.com/gpu` that the node is said to have. Default 0. */
  readonly gpus?: number;
}

export interface StartOptions {
  /** Told of downloads, builds and waits. */
  readonly log?: (line: string) => void;
  /** When aborted, everything is stopped. */
  readonly signal?: AbortSignal;
}

/**
 * A whole Kubernetes of one node that runs Pods: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, containerd with
 * runc, kubelet, kube-proxy, CoreDNS, and volumes. NetworkPolicies are accepted and not enforced.
 */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** Of its node and API server: this machine and Pods of every cluster reach it. */
  readonly address: string;
  /** https://address:6443 */
  readonly server: string;
  /** Of the certificate authority, PEM. */
  readonly ca: string;
  /** Path of a kubeconfig in the group system:masters. */
  readonly adminKubeconfig: string;
  /** Holds the logs, `<program>.log`, until `stop`. */
  readonly directory: string;
  /** As the administrator. @throws ToolError CommandFailed */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Gives the node an image out of its archive (docker-archive or OCI): no registry is asked. */
  importImage(archive: string): Promise<void>;
  /** SIGKILL to every process of a Pod at once; its object stays, and kubelet starts it again. */
  killPod(namespace: string, name: string): Promise<void>;
  /** Those of the Pods that there are now, to be measured. */
  containers(namespace: string): Promise<RunningContainer[]>;
  /** SIGKILL; Pods run on. */
  killKubelet(): Promise<void>;
  /** After `killKubelet`. Resolves when it serves again. */
  startKubelet(): Promise<void>;
  /** Ends everything, and removes every trace of it. */
  stop(): Promise<void>;
}

/** @throws ToolError BinaryUnavailable when a part is missing (ask `clusterLacking` before), ProcessExited, NotInTime */
export async function startCluster(options: ClusterOptions, startOptions: StartOptions = {}): Promise<Cluster> {
  const [cluster] = await startClusters([options], startOptions);
  return cluster!;
}

/** Several at once, each on a machine of its own as far as they can tell; when one fails, none is left. */
export async function startClusters(
  options: readonly ClusterOptions[],
  startOptions: StartOptions = {},
): Promise<Cluster[]> {
  const { log = () => undefined, signal } = startOptions;
  for (const { index } of options) {
    if (Number.isInteger(index) && index >= 1 && index <= highestIndex) continue;
    throw new ToolError('CommandFailed', `index ${index} of a cluster: take a whole number from 1 to ${highestIndex}`);
  }
  const lacking = await clusterLacking(signal === undefined ? { log } : { log, signal });
  if (lacking !== undefined) throw new ToolError('BinaryUnavailable', lacking);
  await mkdir(stateFolder, { recursive: true });
  const started: { options: ClusterOptions; release: () => void }[] = [];
  try {
    // Always in the same order, so that two processes never wait for each other.
    for (const one of options.toSorted((a, b) => a.index - b.index)) {
      started.push({ options: one, release: await hold(one.index, log, signal) });
    }
  } catch (error) {
    for (const { release } of started) release();
    throw error;
  }
  const results = await Promise.allSettled(
    started.map(async ({ options: one, release }) => {
      try {
        await clearLeftovers(clusterLayout(one.name, one.index, ''));
        return await RunningCluster.start(one, { release, signal });
      } catch (error) {
        release();
        throw error;
      }
    }),
  );
  const clusters = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    throw failure.reason;
  }
  return options.map(({ index }) => clusters.find((cluster) => cluster.index === index)!);
}

/** Takes the index for this process, until the returned function is called or the process ends. */
function hold(index: number, log: (line: string) => void, signal: AbortSignal | undefined): Promise<() => void> {
  const released = Promise.withResolvers<undefined>();
  return new Promise((resolve, reject) => {
    withLock(
      lockOf(index),
      () => log(`cluster ${index} of this machine is in use; waiting for it`),
      () => {
        resolve(() => released.resolve(undefined));
        return released.promise;
      },
      signal,
    ).catch(reject);
  });
}
