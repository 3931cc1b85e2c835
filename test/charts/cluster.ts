import { join } from 'node:path';
import { stringify } from 'yaml';
import { kubectl, type ControlPlane } from '../harness/index.ts';
import { chartFolder, helm, type Chart, type Rendered, type Values } from './helm.ts';

const crds = join(import.meta.dirname, 'crds');

/** The CRDs of the Prometheus Operator and of cert-manager, so that objects of theirs are really accepted. */
export async function applyOtherCrds({ adminKubeconfig }: ControlPlane): Promise<void> {
  await kubectl(adminKubeconfig, ['apply', '--server-side', '-f', crds]);
  await kubectl(adminKubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', '-f', crds]);
}

/** `helm install`, `upgrade` and so on, of a chart in a cluster. */
export async function helmIn(
  { adminKubeconfig }: ControlPlane,
  verb: 'install' | 'upgrade',
  chart: Chart,
  values: Values,
  { release, flags = [] }: { readonly release?: string; readonly flags?: readonly string[] } = {},
): Promise<string> {
  return helm([verb, release ?? chart, chartFolder(chart), '--kubeconfig', adminKubeconfig, ...flags], values);
}

/** What `helm install` says without installing anything; it looks at the cluster. */
export async function dryInstall(plane: ControlPlane, chart: Chart, values: Values, release?: string): Promise<string> {
  return helmIn(plane, 'install', chart, values, { flags: ['--dry-run=server'], ...(release && { release }) });
}

export async function apply(plane: ControlPlane, ...objects: readonly object[]): Promise<void> {
  await kubectl(plane.adminKubeconfig, ['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest(objects));
}

/** Lets the API server and its admission judge the objects as if they were applied. */
export async function dryApply(plane: ControlPlane, objects: readonly Rendered[]): Promise<string> {
  const flags = ['--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict'];
  return kubectl(plane.adminKubeconfig, ['apply', ...flags, '-f', '-'], manifest(objects));
}

const manifest = (objects: readonly object[]): string => objects.map((object) => stringify(object)).join('---\n');

export const systemNamespace = (podSecurity: 'restricted' | 'privileged'): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'isochrone-system', labels: { 'pod-security.kubernetes.io/enforce': podSecurity } },
});

/** What the values of the matrix name in a cluster, and what its controller manager would have made. */
export const surroundings: readonly object[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'isochrone-system' } },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
  },
  { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' },
  {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name: 'gpu.nvidia.com' },
    spec: { selectors: [{ cel: { expression: "device.driver == 'gpu.nvidia.com'" } }] },
  },
];
