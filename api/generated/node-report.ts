// Generated from crds/isochrone.dev_nodereports.yaml by tools/generate. Do not edit.
import type { ObjectMeta, ResourceOf } from '../meta.ts';

/** Observations of the edge. */
export interface NodeReportSpec {
  /** Ed25519 public key of the verifier sidecar, 32 bytes in base64. */
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
  /** Models whose bytes are on the node and verified. */
  models?: {
    /** Digest of the model file. */
    sha256: string;
    /** Measured time per record, absent before the first run. */
    nanosecondsPerRecord?: number;
  }[];
  /** Whether the agent of the node is alive and able to take work. */
  ready: boolean;
  /** Why in one CamelCase word. */
  readyReason?: string;
  /** Why for a person. */
  readyMessage?: string;
  /** Tasks that the agent is running. */
  runningTasks?: number;
  /** When the edge made this observation by its own clock. */
  observedTime: string;
}

/** NodeReport is what an edge cluster says about one of its nodes. Nothing in it is believed before the operator has checked it. */
export interface NodeReport {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'NodeReport';
  metadata: ObjectMeta;
  spec: NodeReportSpec;
}

export const nodeReportResource: ResourceOf<NodeReport> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'NodeReport',
  plural: 'nodereports',
  namespaced: true,
};
