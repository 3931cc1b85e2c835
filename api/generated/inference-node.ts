// Generated from crds/isochrone.dev_inferencenodes.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** Identity, inventory and ask. */
export interface InferenceNodeSpec {
  /** Ed25519 public key of the verifier sidecar, 32 bytes in base64. Pinned: a node with another key is another node. */
  publicKey: string;
  /** Software and devices of the node. Attribute names are those of the NVIDIA DRA driver. */
  inventory: {
    /** CPU architecture. */
    architecture: 'amd64' | 'arm64';
    /** Version of onnxruntime, part of the numeric class. */
    onnxruntimeVersion: string;
    /** Devices that can run a model. A node without a GPU offers its CPU as one device. */
    devices: {
      /** Identity of the device, unique in the federation. */
      uuid: string;
      /** Kind of device. */
      type: 'gpu' | 'cpu';
      /** Product, for example NVIDIA L4. */
      productName: string;
      /** Brand, for example Nvidia. */
      brand?: string;
      /** GPU architecture, for example Ada Lovelace. */
      architecture?: string;
      /** Memory that models may use, as a quantity. */
      memory: string;
      /** CUDA compute capability, for example "8.9". */
      cudaComputeCapability?: string;
      /** Version of the driver. */
      driverVersion?: string;
      /** Highest CUDA version that the driver supports. */
      cudaDriverVersion?: string;
      /** PCIe address, for example 0000:65:00.0. */
      pcieBusID?: string;
      /** onnxruntime execution providers that loaded on this device. */
      executionProviders: ('CPU' | 'CUDA' | 'TensorRT' | 'WebGPU')[];
      /** Tasks that the device runs at once. Default 1. */
      slots: number;
    }[];
  };
  /** What the node asks for its work. */
  ask: {
    /** Price of one thousand reference seconds in the currency of the federation, as a decimal, for example "0.18". */
    pricePerThousandReferenceSeconds: string;
  };
  /** Provider of the node, from its EdgeCluster. Set on the hub only. */
  providerName?: string;
  /** EdgeCluster of the node. Set on the hub only. */
  clusterName?: string;
  /** Whether new work stays away from the node; what runs on it goes on. Written on the hub by the administrator (kubectl isochrone cordon) and kept by the operator, whatever the edge reports. Default false. */
  unschedulable?: boolean;
}

/** On the hub the assessment of the operator; on the member what the agent observes. */
export interface InferenceNodeStatus {
  /** Generation of the spec that this status describes. */
  observedGeneration?: number;
  /** Models whose bytes are on the node and verified. */
  models?: {
    /** Digest of the model file. */
    sha256: string;
    /** Measured time per record, absent before the first run. */
    nanosecondsPerRecord?: number;
  }[];
  /** Tasks that the agent is running. */
  runningTasks?: number;
  /** Conditions: Ready; on the hub also Trusted. */
  conditions?: Condition[];
}

/** InferenceNode is a machine with devices that run models. On the hub, in the namespace of its edge cluster, it is written by the operator: the accepted identity and inventory, and the assessment. On the member it is written by the node agent: what the agent claims. */
export interface InferenceNode {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'InferenceNode';
  metadata: ObjectMeta;
  spec: InferenceNodeSpec;
  status?: InferenceNodeStatus;
}

export const inferenceNodeResource: ResourceOf<InferenceNode> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'InferenceNode',
  plural: 'inferencenodes',
  namespaced: true,
};
