import { access, readFile } from 'node:fs/promises';
import { ensureBinaries, type EnsureOptions } from '../binaries/ensure.ts';
import type { BinaryName } from '../binaries/catalog.ts';
import { ensureDebianPackages, type Lacking } from '../debian.ts';
import { ToolError } from '../errors.ts';
import { command } from '../images/command.ts';

export const clusterBinaries = [
  ...(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'] as const),
  ...(['coredns', 'kubectl'] as const),
] satisfies BinaryName[];

const parts = [
  { packages: ['containerd'], programs: ['containerd', 'ctr'] },
  { packages: ['runc'], programs: ['runc'] },
  {
    packages: ['containernetworking-plugins'],
    programs: ['bridge', 'host-local', 'loopback', 'portmap'].map((name) => `/usr/lib/cni/${name}`),
  },
  { packages: ['nftables', 'iptables', 'conntrack'], programs: ['nft', 'iptables', 'conntrack'] },
  { packages: ['iproute2', 'util-linux', 'mawk'], programs: ['ip', 'unshare', 'nsenter', 'flock', 'awk'] },
];

/** Why no cluster with Pods can run here, by the name of the part; undefined when it can. Gets what can be got. */
export async function clusterLacking(options: EnsureOptions = {}): Promise<Lacking> {
  if (process.platform !== 'linux') return `Linux: this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'root: namespaces, cgroups and a bridge are made';
  if ((await exists('/sys/fs/cgroup/cgroup.controllers')) || !(await exists('/sys/fs/cgroup/memory'))) {
    return 'cgroups of version 1: this machine has version 2, which was not tried; `make kind` runs the same on it';
  }
  for (const part of parts) {
    const lacking = await ensureDebianPackages(part, options.log);
    if (lacking !== undefined) return lacking;
  }
  if (!/^nodev\toverlay$/m.test(await readFile('/proc/filesystems', 'utf8'))) return 'overlayfs in the kernel';
  try {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--fork'];
    await command('unshare', [...namespaces, 'ip', 'link', 'add', 'isochrone-probe', 'type', 'bridge']);
    await ensureBinaries(clusterBinaries, options);
    return undefined;
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
