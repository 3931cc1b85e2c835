import type { ExecutionProvider, UnitVector } from '@isochrone/latency';

export type Strategy = 'BALANCED' | 'LATENCY' | 'COST';

/** Where the data lies: by coordinates, or in a region of which EdgeClusters tell where it is. */
export type Origin = { readonly location: UnitVector } | { readonly region: string };

/** What names an attempt. */
export interface AttemptKey {
  readonly workUid: string;
  readonly attempt: number;
}

/** One attempt that wants a node, validated; see TaskRequest in proto/isochrone/v1alpha1/scheduler.proto. */
export interface TaskRequest extends AttemptKey {
  readonly records: number;
  readonly inputBytes: number;
  readonly model: {
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly referenceNanosecondsPerRecord: number;
  };
  /** In order of preference. */
  readonly executionProviders: readonly ExecutionProvider[];
  readonly deviceMemory: number;
  /** Tenths; 0 for none. */
  readonly minCudaComputeCapability: number;
  /** Empty for all. */
  readonly allowedCountries: readonly string[];
  /** Micro-currency per thousand reference seconds; 0 for none. */
  readonly maxPrice: number;
  readonly strategy: Strategy;
  readonly origin?: Origin;
  readonly excludedProviders: readonly string[];
  readonly excludedClusters: readonly string[];
  /** cluster/node */
  readonly excludedNodes: readonly string[];
  readonly trusted: boolean;
}

/** Reference seconds of the whole task, which is what is paid for. */
export function referenceSeconds({ records, model }: TaskRequest): number {
  return (records * model.referenceNanosecondsPerRecord) / 1e9;
}
