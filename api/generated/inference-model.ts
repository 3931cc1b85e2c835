// Generated from crds/isochrone.dev_inferencemodels.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** The versions of the model. */
export interface InferenceModelSpec {
  /** Versions. A version can be added and removed; of one that is there only referenceNanosecondsPerRecord and credentialsSecretRef can be changed. */
  versions: {
    /** Name of the version, for example "4.0.0". */
    version: string;
    /** Where the ONNX file lies: s3://bucket/key. The key is taken as it is written, without percent-decoding. */
    uri: string;
    /** Secret in the namespace of the operator with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and optionally AWS_REGION and AWS_ENDPOINT_URL. It never leaves the hub. */
    credentialsSecretRef?: {
      /** Name of the Secret. */
      name: string;
    };
    /** SHA-256 of the file in lower-case hexadecimal. Each node checks it before it loads the model. */
    sha256: string;
    /** Numerics that every node uses and that outputs are compared under. FP32Strict: deterministic kernels, basic graph optimisation, no TF32. FP32: the defaults of onnxruntime. Default FP32Strict. */
    numericProfile: 'FP32Strict' | 'FP32';
    /** Device memory that a session needs, as a quantity in bytes. Default 1Gi. */
    deviceMemory: string;
    /** Records run at once where the first axis of the model is dynamic, fewer when they are large. 1 for a model whose output for a record depends on the others of its batch. Default 8. */
    maxBatchSize: number;
    /** Shape of one record without the batch axis, for a model with one input. Needed where an axis other than the first is dynamic, so that admission can measure; records of jobs may have other lengths there. */
    recordShape?: number[];
    /** The same for a model with several inputs, for each that has such an axis. */
    recordShapes?: {
      /** Name of the input. */
      input: string;
      /** Without the batch axis. */
      shape: number[];
    }[];
    /** Approved cost of one record on the reference: the unit of payment. Absent until the administrator approves the proposal in status; jobs wait for it. */
    referenceNanosecondsPerRecord?: number;
    /** How far two honest outputs may differ. The default follows numericProfile and the data type of the output. */
    tolerance?: {
      /** Relative L2 distance per record, for example "1e-4". */
      relativeL2?: string;
      /** Absolute part of the element-wise bound. */
      absolute?: string;
      /** Relative part of the element-wise bound. */
      relative?: string;
    };
  }[];
}

/** What the operator observed. */
export interface InferenceModelStatus {
  /** Generation of the spec that this status describes. */
  observedGeneration?: number;
  /** Result of the admission of each version. */
  versions?: {
    /** Name of the version. */
    version: string;
    /** Digest that was admitted. A version that was removed and added again with other bytes is admitted anew. */
    sha256?: string;
    /** Size of the file. */
    sizeBytes?: number;
    /** Measured on a trusted node; copy it to the spec to approve. */
    proposedReferenceNanosecondsPerRecord?: number;
    /** Tensors in the order of the model. */
    inputs?: {
      /** Name of the tensor. */
      name: string;
      /** Open Inference Protocol data type. */
      dataType: string;
      /** Shape; -1 where an axis is dynamic. */
      shape: number[];
    }[];
    /** Tensors in the order of the model. */
    outputs?: {
      /** Name of the tensor. */
      name: string;
      /** Open Inference Protocol data type. */
      dataType: string;
      /** Shape; -1 where an axis is dynamic. */
      shape: number[];
    }[];
    /** Nodes that hold the verified bytes. */
    warmNodes?: number;
    /** Conditions: Admitted, Approved. */
    conditions?: Condition[];
  }[];
  /** Conditions: Admitted (every version is). */
  conditions?: Condition[];
}

/** InferenceModel is a model in immutable versions. A version is admitted by a trusted node before any job may use it. */
export interface InferenceModel {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'InferenceModel';
  metadata: ObjectMeta;
  spec: InferenceModelSpec;
  status?: InferenceModelStatus;
}

export const inferenceModelResource: ResourceOf<InferenceModel> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'InferenceModel',
  plural: 'inferencemodels',
  namespaced: false,
};
