import { join } from 'node:path';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  files,
  type ControlPlaneLayout,
} from '../local/control-plane-arguments.ts';
import { apiServerPort, nodeFiles, type ClusterLayout } from './layout.ts';

export type ClusterProgram =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'
  | 'coredns'
  | 'containerd';

/** The command line of each program, with its own files only. */
export function programArguments(layout: ClusterLayout): Readonly<Record<ClusterProgram, readonly string[]>> {
  const { directory, name, address, serviceRange } = layout;
  const file = (path: string): string => join(directory, path);
  const plane: ControlPlaneLayout = { directory, port: apiServerPort, node: { address, serviceRange } };
  const scheduler = file(kubeconfigs['kube-scheduler']);
  return {
    etcd: etcdArguments(plane),
    'kube-apiserver': apiServerArguments(plane),
    // A machine that stops answering is noticed in half the usual time.
    'kube-controller-manager': [...controllerManagerArguments(plane), '--node-monitor-grace-period=20s'],
    'kube-scheduler': [
      `--kubeconfig=${scheduler}`,
      `--authentication-kubeconfig=${scheduler}`,
      `--authorization-kubeconfig=${scheduler}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--profiling=false',
    ],
    kubelet: [
      `--config=${file(nodeFiles.kubelet)}`,
      `--kubeconfig=${file(kubeconfigs.kubelet)}`,
      `--hostname-override=${name}`,
      `--node-ip=${address}`,
    ],
    'kube-proxy': [`--config=${file(nodeFiles.proxy)}`],
    coredns: ['-conf', file(nodeFiles.names)],
    containerd: ['--config', file(nodeFiles.containerd)],
  };
}

/** Beside the administrator's, in the directory of the cluster. */
export const kubeconfigs = {
  'kube-controller-manager': files.controllerManagerKubeconfig,
  'kube-scheduler': 'kube-scheduler.kubeconfig',
  'kube-proxy': 'kube-proxy.kubeconfig',
  kubelet: 'kubelet.kubeconfig',
} as const;

/** As RBAC and the node authorizer know the programs. */
export function programUser(
  program: keyof typeof kubeconfigs,
  { name }: ClusterLayout,
): { user: string; groups?: readonly string[] } {
  if (program === 'kubelet') return { user: `system:node:${name}`, groups: ['system:nodes'] };
  return { user: `system:${program}` };
}
