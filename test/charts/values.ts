import type { Chart, Values } from './helm.ts';

const pod = {
  priorityClassName: '',
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'infra', operator: 'Exists' }],
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
};
const extras = {
  podAnnotations: { 'example.com/team': 'platform' },
  podLabels: { team: 'platform' },
  extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/etc/authority/ca.crt' }],
  extraVolumes: [{ name: 'authority', configMap: { name: 'authority', optional: true } }],
  extraVolumeMounts: [{ name: 'authority', mountPath: '/etc/authority', readOnly: true }],
};
const monitoring = {
  metrics: {
    labels: { release: 'prometheus' },
    serviceMonitor: { enabled: true, interval: '15s' },
    prometheusRule: { enabled: true },
    dashboards: { enabled: true },
  },
};
const nothing = {
  networkPolicies: { enabled: false },
  podDisruptionBudgets: { enabled: false },
  priorityClasses: { create: false },
};
const image = { registry: 'ghcr.io', tag: '9.9.9', digest: `sha256:${'a'.repeat(64)}`, pullPolicy: 'Always' };
const member = { cluster: 'alpha', token: 'isochrone-join-v1.e30' };
const l4 = {
  name: 'l4',
  gpus: 2,
  price: '0.20',
  nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L4' },
  runtimeClassName: 'nvidia',
};
const h100 = {
  name: 'h100',
  gpus: 8,
  price: 1.5,
  replicas: 3,
  deviceMemory: '70Gi',
  slots: 2,
  cpuThreads: 4,
  resources: { requests: { cpu: 8, memory: '64Gi' }, limits: { memory: '128Gi' } },
  tolerations: [],
  gpuResource: 'nvidia.com/mig-1g.10gb',
};

/** The values that gates render: each switch in each of its positions, somewhere. */
export const matrix: Readonly<Record<Chart, Readonly<Record<string, Values>>>> = {
  isochrone: {
    defaults: {},
    PostgreSQL: { ledger: { type: 'PostgreSQL', postgresql: { existingSecret: 'books', key: 'dsn' } } },
    'an authority of its own from cert-manager': { tls: { provider: 'CertManager' } },
    'an issuer of cert-manager': {
      tls: {
        provider: 'CertManager',
        certManager: { issuerRef: { name: 'pki', kind: 'ClusterIssuer', group: 'cert-manager.io' }, duration: '720h' },
      },
    },
    everything: {
      ...monitoring,
      image,
      imagePullSecrets: [{ name: 'registry' }],
      ledger: { sqlite: { storageClassName: 'fast', size: '20Gi' } },
      operator: {
        ...pod,
        ...extras,
        edgeServer: 'https://hub.example.com:6443',
        edgeTokenSeconds: 31536000,
        inputHosts: ['files.corp:8443', '10.0.0.0/8'],
        inputMebibytes: 512,
      },
      scheduler: {
        ...pod,
        ...extras,
        replicas: 3,
        listenAddress: '[::]:7300',
        seed: 4294967295,
        valueOfTimePerHour: 2,
      },
    },
    'as little as there can be': {
      ...nothing,
      crds: { install: false },
      ledger: { sqlite: { existingClaim: 'books' } },
      operator: { priorityClassName: '' },
      scheduler: { priorityClassName: '' },
    },
  },
  'isochrone-edge': {
    'no agents': member,
    'a trial on processors': { ...member, cpu: { enabled: true, price: '0.10' }, state: { type: 'EmptyDir' } },
    'GPUs by the device plug-in, on volumes': { ...member, nodeClasses: [l4, h100] },
    'GPUs by the device plug-in, on the machines': { ...member, nodeClasses: [l4, h100], state: { type: 'HostPath' } },
    'a folder that is there already': {
      ...member,
      nodeClasses: [l4],
      state: { type: 'HostPath', hostPath: { path: '/mnt/isochrone', prepare: false } },
    },
    'GPUs by DRA': { ...member, dra: { enabled: true, price: 0.2, replicas: 2 } },
    everything: {
      cluster: 'alpha',
      existingTokenSecret: 'join',
      ...monitoring,
      image,
      imagePullSecrets: [{ name: 'registry' }],
      edge: { ...pod, ...extras, hubProxy: 'http://proxy:3128' },
      agent: { ...extras, gpuImage: { registry: 'nvcr.io', repository: 'isochrone/gpu', digest: '' } },
      nodeClasses: [l4],
      dra: { enabled: true, price: '0.2', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
      cpu: { enabled: true, price: '0.1', deviceMemory: '1Gi' },
    },
    'as little as there can be': {
      ...nothing,
      ...member,
      crds: { install: false },
      edge: { priorityClassName: '' },
      agent: { priorityClassName: '' },
      cpu: { enabled: true, price: '0.1' },
      state: { type: 'EmptyDir' },
    },
  },
};

/** A run of every set of values of every chart. */
export const cases = (Object.keys(matrix) as Chart[]).flatMap((chart) =>
  Object.entries(matrix[chart]).map(([name, values]) => ({ chart, name, values })),
);
