import { join } from 'node:path';

/** Files and addresses of one control plane. */
export interface ControlPlaneLayout {
  readonly directory: string;
  readonly port: number;
  /** As which older version the API server behaves, for example 1.33. */
  readonly emulatedVersion?: string | undefined;
  /** Of a cluster that Pods run in; without it everything is on loopback, and for clients of the API alone. */
  readonly node?: { readonly address: string; readonly serviceRange: string };
}

export const files = {
  ca: 'ca.crt',
  apiServerCertificate: 'kube-apiserver.crt',
  apiServerKey: 'kube-apiserver.key',
  tokenPublicKey: 'service-account.pub',
  tokenPrivateKey: 'service-account.key',
  kubeletClientCertificate: 'kubelet-client.crt',
  kubeletClientKey: 'kubelet-client.key',
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

export function apiServerArguments({ directory, port, node, emulatedVersion }: ControlPlaneLayout): string[] {
  const file = (name: string): string => join(directory, name);
  const reach =
    node === undefined
      ? [
          '--bind-address=127.0.0.1',
          '--advertise-address=127.0.0.1',
          '--endpoint-reconciler-type=none', // a loopback address is refused as an endpoint of the `kubernetes` Service
          '--service-cluster-ip-range=10.96.0.0/24',
        ]
      : [
          '--bind-address=0.0.0.0',
          `--advertise-address=${node.address}`,
          `--service-cluster-ip-range=${node.serviceRange}`,
          `--kubelet-certificate-authority=${file(files.ca)}`,
          `--kubelet-client-certificate=${file(files.kubeletClientCertificate)}`,
          `--kubelet-client-key=${file(files.kubeletClientKey)}`,
          '--kubelet-preferred-address-types=InternalIP', // nobody resolves the node's name
        ];
  return [
    `--etcd-servers=unix://${file(files.etcdSocket)}`,
    ...reach,
    ...(emulatedVersion === undefined ? [] : [`--emulated-version=${emulatedVersion}`]),
    `--secure-port=${port}`,
    `--tls-cert-file=${file(files.apiServerCertificate)}`,
    `--tls-private-key-file=${file(files.apiServerKey)}`,
    `--client-ca-file=${file(files.ca)}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file(files.tokenPublicKey)}`,
    `--service-account-signing-key-file=${file(files.tokenPrivateKey)}`,
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

export function controllerManagerArguments({ directory, node }: ControlPlaneLayout): string[] {
  const file = (name: string): string => join(directory, name);
  const kubeconfig = file(files.controllerManagerKubeconfig);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    // What needs a cloud or a signing authority has nothing to do here; nor what needs machines, where there are none.
    '--controllers=*,-node-ipam-controller,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller,' +
      (node === undefined
        ? '-persistentvolume-binder-controller,-persistentvolume-attach-detach-controller,-persistentvolume-expander-controller,'
        : '') +
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
