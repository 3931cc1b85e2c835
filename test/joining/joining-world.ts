import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  annotations,
  edgeClusterResource,
  edgeJoinRequestResource,
  JOIN_NAMESPACE,
  names,
  SYSTEM_NAMESPACE,
  type EdgeCluster,
  type EdgeJoinRequest,
} from '@isochrone/api';
import { ApiClient, core, findCondition, systemClock, type Clock, type Event } from '@isochrone/kube';
import { edgeOptions, runEdge } from '@isochrone/operator/edge';
import { loadOptions } from '@isochrone/service';
import type { ControlPlane } from '../harness/index.ts';
import {
  applyRights,
  kubeconfigOf,
  startProgram,
  withPlane,
  type RunningProgram,
  type TestFederation,
} from '../federation/federation.ts';

const program = join(import.meta.dirname, '..', '..', 'cli', 'kubectl-isochrone.ts');

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the plug-in as the administrator of the hub. */
export function pluginOf(hub: ControlPlane): (...args: string[]) => Promise<Outcome> {
  return (...args) =>
    new Promise((resolve) => {
      execFile(process.execPath, [program, ...args, '--kubeconfig', hub.adminKubeconfig], (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
}

/** For a cluster that does not exist yet: `edge accept` creates it of this. */
export const newCluster = [
  ...['--provider', 'alpha', '--latitude', '50.11', '--longitude', '8.68'],
  ...['--country', 'DE', '--region', 'eu-central'],
];

/** A cluster of its own, with the rights of the edge operator. */
export interface Installation {
  readonly client: ApiClient;
  readonly tokenFile: string;
  /** Puts a token where the edge operator looks. */
  putToken(text: string): Promise<void>;
  startEdge(cluster: string, clock?: Clock): Promise<RunningProgram>;
  /** Ends the edge operator, and forgets the hub. */
  reset(edge: RunningProgram): Promise<void>;
  secret(): Promise<{ readonly [key: string]: string; readonly fingerprint: string }>;
}

export async function withInstallation(federation: TestFederation, name: string): Promise<Installation> {
  const plane = await withPlane(name);
  await applyRights(plane, 'edge');
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  after(() => client.close());
  const memberKubeconfig = await kubeconfigOf(plane, 'isochrone-edge');
  const joinTokenFile = join(federation.directory, `token-${name}`);
  const ref = { namespace: SYSTEM_NAMESPACE, name: names.hubCredential };
  return {
    client,
    tokenFile: joinTokenFile,
    putToken: (text) => writeFile(joinTokenFile, `${text}\n`, { mode: 0o600 }),
    async startEdge(cluster, clock = systemClock) {
      const values = loadOptions(edgeOptions, { flags: { cluster, joinTokenFile, memberKubeconfig } });
      const edge = startProgram(`edge-${cluster}`, (context) => runEdge(values, context, clock));
      federation.running.add(edge);
      return edge;
    },
    async reset(edge) {
      federation.running.delete(edge);
      await edge.stop();
      if ((await client.find(core.secrets, ref)) !== undefined) await client.delete(core.secrets, ref);
    },
    async secret() {
      const { data = {}, metadata } = await client.get(core.secrets, ref);
      const texts = Object.entries(data).map(([key, value]): [string, string] => [
        key,
        Buffer.from(value, 'base64').toString('utf8'),
      ]);
      return {
        ...Object.fromEntries<string>(texts),
        fingerprint: metadata.annotations?.[annotations.fingerprint] ?? '',
      };
    },
  };
}

/** The newest request for the cluster. */
export async function requestOf(admin: ApiClient, cluster: string): Promise<EdgeJoinRequest> {
  const { items } = await admin.list(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE });
  const theirs = items.filter(({ spec }) => spec.clusterName === cluster);
  const newest = theirs.toSorted(
    (one, other) => Number(other.metadata.resourceVersion) - Number(one.metadata.resourceVersion),
  )[0];
  assert.ok(newest, `a request for ${cluster}`);
  return newest;
}

export async function joinReason(admin: ApiClient, name: string, type: 'Accepted' | 'Joined'): Promise<string> {
  const { status } = await admin.get(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE, name });
  return findCondition(status?.conditions, type)?.reason ?? '';
}

export async function clusterReason(
  admin: ApiClient,
  name: string,
  type: 'Ready' | 'CredentialValid' | 'FlowControlled',
): Promise<string> {
  const cluster: EdgeCluster | undefined = await admin.find(edgeClusterResource, { name });
  return findCondition(cluster?.status?.conditions, type)?.reason ?? '';
}

/** Events about the object, or all with the reason. */
export async function eventsOf(client: ApiClient, reason: string, name?: string): Promise<Event[]> {
  const { items } = await client.list(core.events);
  return items.filter((event) => event.reason === reason && (name === undefined || event.regarding?.name === name));
}

/** Of a counter with the label `outcome`. */
export async function counted(
  { registry }: Pick<RunningProgram, 'registry'>,
  name: string,
  outcome: string,
): Promise<number> {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
}
