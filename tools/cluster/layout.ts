import { join } from 'node:path';

/** Where what belongs to the clusters of this machine is written down, for whoever comes after a crash. */
export const stateFolder = '/run/isochrone';

/** Set aside for tests of networks (RFC 2544): nobody's own network, and routed nowhere. */
const range = '198.18';

/** This machine, as Pods of every cluster reach it: for what runs beside the clusters. */
export const hostAddress = `${range}.0.1`;

/** Clusters at once: what the addresses have room for. */
export const highestIndex = 50;

/** Addresses, names and files of one cluster. Two of different index have nothing in common. */
export interface ClusterLayout {
  readonly name: string;
  readonly index: number;
  readonly directory: string;
  /** Of its one node. */
  readonly address: string;
  readonly podRange: string;
  readonly serviceRange: string;
  /** The first of the services: the API server's own. */
  readonly apiService: string;
  readonly cgroup: string;
  readonly dnsAddress: string;
}

export const apiServerPort = 6443;

export function clusterLayout(name: string, index: number, directory: string): ClusterLayout {
  const address = `${range}.0.${10 + index}`;
  return {
    name,
    index,
    directory,
    address,
    podRange: `${range}.${100 + index}.0/24`,
    serviceRange: `${range}.${200 + index}.0/24`,
    apiService: `${range}.${200 + index}.1`,
    cgroup: `isochrone-cluster-${index}`,
    dnsAddress: address,
  };
}

/** For node.sh. */
export function nodeEnvironment(layout: ClusterLayout): Record<string, string> {
  return {
    NAME: layout.name,
    FOLDER: layout.directory,
    CGROUP: layout.cgroup,
    LINK: `isochrone-${layout.index}`,
    BRIDGE: 'isochrone0',
    BRIDGE_ADDRESS: hostAddress,
    RANGE: `${range}.0.0/16`,
    ADDRESS: layout.address,
    SERVICES: layout.serviceRange,
    NETWORK_LOCK: join(stateFolder, 'network.lock'),
    RECORD: recordOf(layout.index),
  };
}

export function recordOf(index: number): string {
  return join(stateFolder, `cluster-${index}.pid`);
}

export function lockOf(index: number): string {
  return join(stateFolder, `cluster-${index}.lock`);
}

/** Beside the certificates of the control plane, relative to the directory. */
export const nodeFiles = {
  containerd: 'containerd.toml',
  network: 'net.d',
  kubelet: 'kubelet.json',
  kubeletCertificate: 'kubelet.crt',
  kubeletKey: 'kubelet.key',
  proxy: 'kube-proxy.json',
  names: 'Corefile',
  resolver: 'resolv.conf',
  nodePid: 'node.pid',
} as const;

/** Of the container runtime, inside the node. */
export const containerdSocket = '/run/containerd/containerd.sock';
