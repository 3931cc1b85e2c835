import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { defineOptions, option } from '@isochrone/service';

const quantity = /\d+(\.\d+)?([kMGTP]|[KMGTP]i)?/;

export const agentOptions = defineOptions({
  kubeconfig: option.string({
    description: 'Kubeconfig of the member cluster. Default: the ServiceAccount of the Pod.',
  }),
  namespace: option.string({
    description: 'Namespace of the member cluster where tasks arrive.',
    default: SYSTEM_NAMESPACE,
  }),
  nodeName: option.string({
    description: 'Name of this node, as tasks name it. At most 238 characters: its Lease has it behind a prefix.',
    required: true,
    pattern: /[a-z0-9]([-a-z0-9.]{0,236}[a-z0-9])?/,
  }),
  stateDirectory: option.string({
    description: 'Folder of models, outputs in flight and the journal.',
    default: '/var/lib/isochrone/agent',
  }),
  verifierSocket: option.string({
    description: 'Unix socket of the verifier sidecar.',
    default: '/run/isochrone/verifier.sock',
  }),
  askPricePerThousandReferenceSeconds: option.string({
    description: 'Price that the node asks for a thousand reference seconds, in the currency of the federation.',
    required: true,
    pattern: /[0-9]{1,9}(\.[0-9]{1,6})?/,
  }),
  cpuThreads: option.integer({ description: 'Threads of one runtime process.', default: 1, minimum: 1, maximum: 512 }),
  deviceMemory: option.string({
    description:
      'Memory of each device that models may use, for example 8Gi. Default: all of a GPU, half of the system for a CPU.',
    pattern: quantity,
  }),
  slots: option.integer({ description: 'Tasks that a device runs at once.', default: 1, minimum: 1, maximum: 64 }),
  modelQuota: option.string({
    description: 'Disk space for models; those least lately used make room.',
    default: '50Gi',
    pattern: quantity,
  }),
  runtimeIdleSeconds: option.integer({
    description: 'How long a loaded model is kept for the next task.',
    default: 60,
    minimum: 0,
  }),
});
