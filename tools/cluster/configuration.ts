import { join } from 'node:path';
import { files } from '../local/control-plane-arguments.ts';
import { containerdSocket, nodeFiles, type ClusterLayout } from './layout.ts';
import { pauseImage } from './program-image.ts';

/** What the programs of a node read, by file name. */
export function nodeConfiguration(layout: ClusterLayout): Readonly<Record<string, string>> {
  return {
    [nodeFiles.containerd]: containerdConfiguration(layout),
    [join(nodeFiles.network, '10-bridge.conflist')]: json(networkConfiguration(layout)),
    [nodeFiles.kubelet]: json(kubeletConfiguration(layout)),
    [nodeFiles.proxy]: json(proxyConfiguration(layout)),
    [nodeFiles.names]: corefile(layout),
    [nodeFiles.resolver]: `nameserver ${layout.dnsAddress}\n`,
  };
}

/**
 * Version 2 of the format is read by containerd 1.6 and 2 alike. Without the right to lower a process's OOM score
 * (CAP_SYS_RESOURCE, which containers and some virtual machines withhold), runc fails with a message about a pipe.
 */
function containerdConfiguration({ directory }: ClusterLayout): string {
  return `version = 2
oom_score = 0
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${pauseImage}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(directory, nodeFiles.network)}"
`;
}

/** A bridge of Pods. It knows nothing of NetworkPolicies. */
function networkConfiguration({ podRange }: ClusterLayout): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni',
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function kubeletConfiguration({ directory, address, cgroup, dnsAddress }: ClusterLayout): object {
  const file = (name: string): string => join(directory, name);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    address,
    tlsCertFile: file(nodeFiles.kubeletCertificate),
    tlsPrivateKeyFile: file(nodeFiles.kubeletKey),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: file(files.ca) },
    },
    authorization: { mode: 'Webhook' },
    clusterDomain: 'cluster.local',
    clusterDNS: [dnsAddress],
    resolvConf: file(nodeFiles.resolver),
    failSwapOn: false,
    // The disk is this machine's own: what others put there must not evict Pods, nor images that nothing could bring back.
    evictionHard: {
      'memory.available': '200Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    nodeStatusUpdateFrequency: '4s',
    syncFrequency: '10s',
    registerNode: true,
  };
}

/** nftables, because its tables go with the network namespace; and no kernel settings, which are this machine's. */
function proxyConfiguration({ directory, name, address, podRange }: ClusterLayout): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(directory, 'kube-proxy.kubeconfig') },
    hostnameOverride: name,
    clusterCIDR: podRange,
    bindAddress: address,
    healthzBindAddress: `${address}:10256`,
    metricsBindAddress: `${address}:10249`,
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

function corefile({ directory, dnsAddress }: ClusterLayout): string {
  return `.:53 {
  bind ${dnsAddress}
  errors
  ready ${dnsAddress}:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${join(directory, 'admin.kubeconfig')}
    fallthrough in-addr.arpa ip6.arpa
  }
  cache 5
}
`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
