import { join } from 'node:path';

/** Files and addresses of one control plane. */
export interface ControlPlaneLayout {
  readonly directory: string;
  readonly port: number;
}

export const files = {
  ca: 'ca.crt',
  apiServerCertificate: 'kube-apiserver.crt',
  apiServerKey: 'kube-apiserver.key',
  tokenPublicKey: 'service-account.pub',
  tokenPrivateKey: 'service-account.key',
  controllerManagerKubeconfig: 'kube-controller-manager.kubeconfig',
  etcdSocket: 'etcd.sock',
} as const;

/** etcd on a Unix socket: no port that could be taken, and nothing left listening. */
export function etcdArguments({ directory }: ControlPlaneLayout): string[] {
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=unix://${join(directory, files.etcdSocket)}`,
    '--advertise-client-urls=http://127.0.0.1:0', // must be host:port; only other members would read it
    '--listen-peer-urls=http://127.0.0.1:0',
    '--log-level=warn',
  ];
}

export function apiServerArguments({ directory, port }: ControlPlaneLayout): string[] {
  const file = (name: string): string => join(directory, name);
  return [
    `--etcd-servers=unix://${file(files.etcdSocket)}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    '--endpoint-reconciler-type=none', // a loopback address is refused as an endpoint of the `kubernetes` Service
    `--tls-cert-file=${file(files.apiServerCertificate)}`,
    `--tls-private-key-file=${file(files.apiServerKey)}`,
    `--client-ca-file=${file(files.ca)}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file(files.tokenPublicKey)}`,
    `--service-account-signing-key-file=${file(files.tokenPrivateKey)}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

export function controllerManagerArguments({ directory }: ControlPlaneLayout): string[] {
  const file = (name: string): string => join(directory, name);
  const kubeconfig = file(files.controllerManagerKubeconfig);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    // What needs machines, a cloud or a signing authority has nothing to do here.
    '--controllers=*,-node-ipam-controller,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller,' +
      '-persistentvolume-binder-controller,-persistentvolume-attach-detach-controller,-persistentvolume-expander-controller,' +
      '-certificatesigningrequest-signing-controller,-certificatesigningrequest-approving-controller,-bootstrap-signer-controller',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${file(files.tokenPrivateKey)}`,
    `--root-ca-file=${file(files.ca)}`,
    '--leader-elect=false',
    '--kube-api-qps=1000',
    '--kube-api-burst=2000',
    '--secure-port=0',
    '--profiling=false',
  ];
}
