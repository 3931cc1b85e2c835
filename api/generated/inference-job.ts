// Generated from crds/isochrone.dev_inferencejobs.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** What to run and under which conditions. Immutable but for suspend and parallelism. */
export interface InferenceJobSpec {
  /** The model to run. */
  modelRef: {
    /** Name of an InferenceModel. */
    name: string;
    /** One of its versions. */
    version: string;
  };
  /** The records. */
  input: {
    /** Where the input lies: s3://bucket/key, s3://bucket/prefix/ for all files under it in the order of their keys (but those whose name begins with . or _), or an http(s) address. What ends with .gz is unpacked. The key is taken as it is written, without percent-decoding. All but one uncompressed .npy object of S3 is copied to the output prefix while the job runs. A file:// URI is understood, and refused by the operator when a task is remote. */
    uri: string;
    /** Npy: NumPy arrays whose first axis is the records; structured ones for a model with several inputs. OpenInferenceJSONLines: on each line one inference request of the Open Inference Protocol v2, which is one record; the responses lie beside the outputs, line by line. Default Npy. */
    format: 'Npy' | 'OpenInferenceJSONLines';
    /** SHA-256 of the object as it lies in the store, in lower-case hexadecimal; of a prefix, that of what sha256sum prints for its files in the order of their keys, named below the prefix. Another one is refused. Default none. */
    sha256?: string;
    /** Secret in the namespace of the job with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and optionally AWS_REGION and AWS_ENDPOINT_URL. It never leaves the hub. */
    credentialsSecretRef?: {
      /** Name of the Secret. */
      name: string;
    };
  };
  /** Where results go. The manifest.json under it appears after the last verdict and names every shard that counts. */
  output: {
    /** Prefix, ending with a slash: s3://bucket/prefix/. It is taken as it is written, without percent-decoding. */
    uri: string;
    /** Secret in the namespace of the job with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and optionally AWS_REGION and AWS_ENDPOINT_URL. It never leaves the hub. */
    credentialsSecretRef?: {
      /** Name of the Secret. */
      name: string;
    };
  };
  /** Records per shard, the unit of output and of payment. Default 256. */
  recordsPerShard: number;
  /** Most tasks that run at once. Mutable. Default 8. */
  parallelism: number;
  /** When true, running tasks are stopped and their holds returned; verified shards stay. Mutable. Default false. */
  suspend: boolean;
  /** What a node must have. */
  hardware: {
    /** Allowed onnxruntime execution providers in order of preference. Default CUDA then CPU. */
    executionProviders: ('CPU' | 'CUDA' | 'TensorRT' | 'WebGPU')[];
    /** Device memory to reserve, as a quantity in bytes, for example 4Gi. The default is what the model declares. */
    deviceMemory?: string;
    /** Lowest CUDA compute capability, for example "7.5". It excludes devices without CUDA. Default none. */
    minCUDAComputeCapability?: string;
  };
  /** Where the work may go and what matters. */
  placement: {
    /** Latency: earliest finish within the price cap. Cost: cheapest. Balanced: both in money. Default Balanced. */
    strategy: 'Latency' | 'Cost' | 'Balanced';
    /** Where the data lies. Distance is counted from here. Without it distance does not count. */
    origin?: {
      /** Region of an EdgeCluster, for example eu-central. */
      region?: string;
      /** Degrees north. */
      latitude?: string;
      /** Degrees east. */
      longitude?: string;
    };
    /** ISO 3166-1 alpha-2 codes of the jurisdictions in which records may be processed. Verification obeys it too. Default all. */
    allowedCountries?: string[];
  };
  /** What the job may cost, verification included. */
  budget: {
    /** Most that the job may cost, in the currency of the federation, as a decimal, for example "5.00". */
    total: string;
    /** Nodes that ask for more are left out. Default none. */
    maxPricePerThousandReferenceSeconds?: string;
  };
  /** How much is re-executed by independent nodes. */
  verification: {
    /** Sampled: a random sample drawn after the node committed. Full: every record. Default Sampled. */
    mode: 'Sampled' | 'Full';
    /** Least share of the records of a window that is re-executed; never less than two records. Mode Full re-executes all, whatever is written here. Default 2. */
    minSamplePercent: number;
  };
  /** Retries of a shard for faults of the model or the input. Faults of a provider are free, and so is the first claim of such a fault, which another provider must confirm. Default 3. */
  backoffLimitPerShard: number;
  /** Seconds from admission until the job fails with DeadlineExceeded. Default none. */
  activeDeadlineSeconds?: number;
}

/** What the operator observed. */
export interface InferenceJobStatus {
  /** Generation of the spec that this status describes. */
  observedGeneration?: number;
  /** UID under which the ledger and stored objects know the job. Absent: metadata.uid. Written by isochrone restore, because a restored object gets another metadata.uid. */
  uid?: string;
  /** Summary of the conditions for people. */
  phase?: 'Pending' | 'Running' | 'Suspended' | 'Complete' | 'Failed';
  /** What the job is waiting for or why it ended. */
  message?: string;
  /** Shards complete of all shards, for example 3/12. */
  progress?: string;
  /** When the job was admitted. */
  startTime?: string;
  /** When the job completed or failed. */
  completionTime?: string;
  /** The input as it was admitted. Every later read insists on it. */
  input?: {
    /** Entity tag of the object that nodes read, which is the input or the operator's copy of it. */
    etag: string;
    /** Size of the object. */
    sizeBytes: number;
    /** What was copied. Absent where nodes read the input itself. */
    source?: {
      /** Number of files. */
      files: number;
      /** As spec.input.sha256 is written. */
      sha256: string;
    };
    /** Where the ids of requests lie, beside the copy. Absent where no request has one. */
    ids?: {
      /** Entity tag of the object. */
      etag: string;
      /** Bytes before the first id. */
      dataOffset: number;
      /** Bytes of one id, filled up with zeros. */
      recordBytes: number;
    };
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
    /** Records. */
    records: number;
    /** Bytes before the first record. */
    dataOffset: number;
  };
  /** Counts of shards by state. */
  shards?: {
    /** All shards. */
    total?: number;
    /** Waiting for a node. */
    pending?: number;
    /** On a node. */
    running?: number;
    /** Delivered, verdict open. */
    verifying?: number;
    /** Verified, paid. */
    complete?: number;
    /** Given up. */
    failed?: number;
  };
  /** The first hundred shards that were given up. */
  failedShards?: {
    /** Index of the shard. */
    index: number;
    /** Why in one CamelCase word. */
    reason: string;
    /** Why for a person. */
    message?: string;
  }[];
  /** Attempts that did not stand, whoever was at fault. */
  retries?: number;
  /** What verification found. */
  verification?: {
    /** Commitment windows with a verdict. */
    windows?: number;
    /** Records re-executed. */
    sampledRecords?: number;
    /** Windows that stand. */
    passed?: number;
    /** Windows proven wrong. */
    failed?: number;
    /** Windows neither proven right nor wrong: rerun, nobody punished. */
    inconclusive?: number;
  };
  /** The bill in the currency of the federation. */
  cost?: {
    /** Paid so far. */
    total?: string;
    /** Paid for work. */
    work?: string;
    /** Paid for verification. */
    verification?: string;
    /** Held for attempts without a verdict. */
    held?: string;
  };
  /** The result. */
  manifest?: {
    /** Where the manifest lies. */
    uri?: string;
    /** Digest of the manifest. */
    sha256?: string;
  };
  /** Why the last decision fell as it did, bounded. kubectl isochrone why prints it. */
  scheduling?: {
    /** When the decision was made. */
    time?: string;
    /** For example 0/5 nodes fit: 3 AllowedCountries, 2 PriceCap. */
    message?: string;
    /** Nodes looked at. */
    nodesEvaluated?: number;
    /** Rejected nodes per plugin and reason. */
    rejects?: {
      /** Plugin that rejected. */
      plugin: string;
      /** Why. */
      reason: string;
      /** Nodes. */
      count: number;
    }[];
    /** The best nodes. */
    candidates?: {
      /** Node. */
      node: string;
      /** EdgeCluster. */
      cluster: string;
      /** Predicted time to the end of the task. */
      predictedMilliseconds?: number;
      /** Price of the task. */
      price?: string;
      /** Parts of the score; lower is better. */
      scores?: {
        /** Plugin. */
        plugin: string;
        /** Part of the score in micro-currency. */
        micros: number;
      }[];
    }[];
  };
  /** Conditions: Admitted, Placed, Complete, Failed, Suspended. */
  conditions?: Condition[];
}

/** InferenceJob runs a model over a set of records on nodes of many edge clusters. Only work that was verified is paid and becomes visible. */
export interface InferenceJob {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'InferenceJob';
  metadata: ObjectMeta;
  spec: InferenceJobSpec;
  status?: InferenceJobStatus;
}

export const inferenceJobResource: ResourceOf<InferenceJob> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'InferenceJob',
  plural: 'inferencejobs',
  namespaced: true,
};
