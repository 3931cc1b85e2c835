// Generated from crds/isochrone.dev_inferencetasks.yaml by tools/generate. Do not edit.
import type { ObjectMeta, ResourceOf } from '../meta.ts';

/** The work. Immutable but for acknowledgedAttempt and challenge, which are set once. */
export interface InferenceTaskSpec {
  /** Batch: run the shards. ModelAdmission: load the model, tell its tensors and measure it. */
  type: 'Batch' | 'ModelAdmission';
  /** UID of the work that the shards belong to. Part of every leaf. */
  workUID: string;
  /** Fencing number. It only grows within the work. */
  attempt: number;
  /** Node that runs the task. */
  nodeName: string;
  /** Device that runs the task. */
  deviceUUID: string;
  /** Execution provider. There is no fall-back to another one. */
  executionProvider: 'CPU' | 'CUDA' | 'TensorRT' | 'WebGPU';
  /** Seconds from the first status to the end; then the attempt fails. Storage access expires with it. */
  timeoutSeconds: number;
  /** Secret in the same namespace with the presigned URLs of this attempt. */
  storageSecretName: string;
  /** Set by the hub when it has recorded the terminal result of this attempt, or asks for none any more. */
  acknowledgedAttempt?: number;
  /** Rows of the commitment that the hub wants opened. Drawn after the root was stored. */
  challenge?: {
    /** Leaf indices, ascending. */
    indices: number[];
  };
  /** The pinned model. */
  model: {
    /** Digest of the file. */
    sha256: string;
    /** Size of the file. */
    sizeBytes: number;
    /** Numerics. */
    numericProfile: 'FP32Strict' | 'FP32';
    /** Records run at once. */
    maxBatchSize: number;
    /** Device memory to admit the session with. */
    deviceMemory: string;
    /** Shape of one record for the measurement of an admission, for a model with one input. */
    recordShape?: number[];
    /** The same for a model with several inputs, for each whose axes the model leaves open. */
    recordShapes?: {
      /** Name of the input. */
      input?: string;
      /** Without the batch axis. */
      shape: number[];
    }[];
    /** How far the outputs of an admission may differ between runs. The default follows numericProfile and the data type of the output. */
    tolerance?: {
      /** Relative L2 distance per record, for example "1e-4". */
      relativeL2?: string;
      /** Absolute part of the element-wise bound. */
      absolute?: string;
      /** Relative part of the element-wise bound. */
      relative?: string;
    };
  };
  /** The input object. */
  input?: {
    /** Entity tag that every read insists on. */
    etag: string;
    /** The tensors of one record, side by side, where it is more than dataType and recordShape tell. */
    fields?: {
      /** Name of the tensor, as the model gives it. */
      name: string;
      /** Open Inference Protocol data type. */
      dataType: string;
      /** Shape in one record. */
      shape: number[];
      /** Bytes from the start of the record. */
      offset: number;
      /** Type of an element of BYTES as NumPy stores it, for example <U12. */
      stringType?: string;
    }[];
    /** Bytes of one record, with fields. */
    recordBytes?: number;
    /** Open Inference Protocol data type of a record that is one tensor and nothing else, and no string. */
    dataType?: string;
    /** Shape of a record that is one tensor. */
    recordShape?: number[];
    /** Bytes before the first record. */
    dataOffset: number;
  };
  /** The shards of this attempt. */
  shards?: {
    /** Index of the shard within the work. */
    index: number;
    /** First record in the input. */
    firstRecord: number;
    /** Records. */
    records: number;
  }[];
}

/** What the edge observed. Nothing in it is believed before the hub has checked it. */
export interface InferenceTaskStatus {
  /** State. Succeeded and Failed are terminal. */
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** Attempt that this status is about. */
  attempt?: number;
  /** When the agent began by its own clock. */
  startTime?: string;
  /** When the agent ended by its own clock. */
  completionTime?: string;
  /** Records run so far. */
  recordsDone?: number;
  /** Why the attempt failed. */
  failure?: {
    /** Whose fault it looks like. Faults of a provider are free to the user. */
    class: 'Provider' | 'Model' | 'Input' | 'Output';
    /** Why in one CamelCase word. */
    reason: string;
    /** Why for a person. */
    message?: string;
  };
  /** Signed receipt of the verifier sidecar, JSON, base64. */
  receipt?: string;
  /** The delivered objects. */
  outputs?: {
    /** Index of the shard. */
    shardIndex: number;
    /** Digest of the object. */
    sha256: string;
    /** Size of the object. */
    sizeBytes: number;
    /** Records in it. */
    records: number;
  }[];
  /** Answers to the challenge. */
  openings?: {
    /** Leaf index. */
    index: number;
    /** Sibling hashes from the leaf to the root, concatenated, base64. */
    proof: string;
  }[];
  /** Result of a task of type ModelAdmission. */
  model?: {
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
    /** Median measured time per record. */
    nanosecondsPerRecord?: number;
  };
}

/** InferenceTask is one attempt at a set of shards, bound to one node. The hub writes the spec, the edge the status. Nothing in it tells verification from ordinary work. */
export interface InferenceTask {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'InferenceTask';
  metadata: ObjectMeta;
  spec: InferenceTaskSpec;
  status?: InferenceTaskStatus;
}

export const inferenceTaskResource: ResourceOf<InferenceTask> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'InferenceTask',
  plural: 'inferencetasks',
  namespaced: true,
};
