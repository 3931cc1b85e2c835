import type { InferenceJob, InferenceJobStatus, InferenceModel, InferenceTask } from '@isochrone/api';
import type { Outcome } from '@isochrone/verification';
import type { Binding, Explanation } from '../scheduler-client.ts';
import type { Attempt } from './attempts.ts';
import type { JobOptions } from './options.ts';

export type AdmittedInput = NonNullable<InferenceJobStatus['input']>;
export type ModelVersion = InferenceModel['spec']['versions'][number];

/** A problem that a condition tells, with what to do about it. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** What the hub knows of the place of an attempt. Times in milliseconds since 1970; undefined while all is well. */
export interface PlaceView {
  readonly isQuarantined: boolean;
  readonly clusterUnreachableSince: number | undefined;
  readonly nodeNotReadySince: number | undefined;
  /** Until then its work stays there although nobody hears of it; undefined where that is no reason to wait. */
  readonly evictionHeldUntil: number | undefined;
}

/** The rows of a window that are checked: leaf indices, ascending. */
export type SampledRows = 'All' | readonly number[];

export interface DeliveredObject {
  readonly shardIndex: number;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type ReceiptOutcome =
  | {
      readonly ok: true;
      readonly leafCount: number;
      readonly runtimeClass: string;
      readonly outputs: readonly DeliveredObject[];
    }
  | { readonly ok: false; readonly reason: string; readonly message: string; readonly isFraud: boolean };

export type EvidenceOutcome =
  | { readonly result: 'Matches' }
  /** Proof against the node. */
  | { readonly result: 'Differs'; readonly message: string }
  /** Not of the form that the model's metadata tells: one of the two is wrong. */
  | { readonly result: 'OffForm'; readonly message: string }
  /** The input that was composed for the attempt is gone or another. */
  | { readonly result: 'InputLost'; readonly message: string }
  /** The objects are not there, or not readable as what they should be. */
  | { readonly result: 'Missing'; readonly message: string }
  | { readonly result: 'Unavailable'; readonly message: string; readonly retryAt: number };

export type ComparisonOutcome =
  | { readonly result: 'Compared'; readonly outcomes: readonly Outcome[]; readonly message: string }
  | { readonly result: 'Unavailable'; readonly message: string; readonly retryAt: number };

export type AdmissionOutcome =
  | { readonly ok: true; readonly input: AdmittedInput }
  | {
      readonly ok: false;
      readonly problem: Problem;
      readonly retryAt: number;
      /** How often in a row. */
      readonly failures: number;
    };

/** An attempt that is held and bound, and whose task is not made yet. */
export interface PendingTask {
  readonly binding: Binding;
  readonly composition:
    'None' | 'Needed' | { readonly etag: string; readonly dataOffset: number } | { readonly failed: string };
}

/** Why no node was found, and when to ask again. */
export interface PlacementProblem extends Problem {
  readonly retryAt: number;
  /** When it was first so. */
  readonly since: number;
  readonly explanation: Explanation | undefined;
}

/** Why a window finds nobody to re-execute it. */
export interface VerificationProblem extends PlacementProblem {
  /** What was asked for; undefined where a node was found and its input could not be written. */
  readonly needs: 'Independent' | 'Trusted' | undefined;
}

/** Why an action could not be done, and when it is tried again. */
export interface StalledAction extends Problem {
  readonly retryAt: number;
}

/** What this process found out about a job. All of it can be found out again. */
export interface Known {
  readonly admission: AdmissionOutcome | undefined;
  readonly pending: ReadonlyMap<number, PendingTask>;
  /** Attempts whose task does not exist, by a live read. */
  readonly absent: ReadonlySet<number>;
  readonly secretsWritten: ReadonlySet<number>;
  readonly receipts: ReadonlyMap<number, ReceiptOutcome>;
  readonly challengedAt: ReadonlyMap<number, number>;
  readonly evidence: ReadonlyMap<number, EvidenceOutcome>;
  /** Keyed by {@link comparisonKey}. */
  readonly comparisons: ReadonlyMap<string, ComparisonOutcome>;
  /** Undefined until some claim made a look at the input necessary. */
  readonly inputNow: 'Same' | 'Changed' | undefined;
  readonly placement: PlacementProblem | undefined;
  /** By the attempt that waits for re-execution. */
  readonly verificationPlacement: ReadonlyMap<number, VerificationProblem>;
  readonly lastExplanation: { readonly explanation: Explanation; readonly at: number } | undefined;
  readonly manifest:
    | { readonly uri: string; readonly sha256: string }
    | { readonly problem: Problem; readonly retryAt: number }
    | undefined;
  /** What a restored job committed after its backup was made; undefined until it was looked for. */
  readonly restoredManifest: { readonly uri: string; readonly sha256: string } | 'None' | undefined;
  /** Work under way in the background. */
  readonly busy: ReadonlySet<string>;
  /** Actions that could not be done, by `actionKey`; until `retryAt` they are left alone. */
  readonly stalled: ReadonlyMap<string, StalledAction>;
  /** Whether objects of attempts that do not count were removed. */
  readonly isCleaned: boolean;
}

export interface Observed {
  /** `status` is what this operator wrote last. */
  readonly job: InferenceJob;
  readonly model: InferenceModel | undefined;
  /** Ascending. */
  readonly attempts: readonly Attempt[];
  /** By attempt, of any state. */
  readonly tasks: ReadonlyMap<number, InferenceTask>;
  readonly place: (cluster: string, node: string) => PlaceView;
  readonly known: Known;
  readonly options: JobOptions;
}

export function comparisonKey(reference: number, candidate: number): string {
  return `${reference}:${candidate}`;
}
