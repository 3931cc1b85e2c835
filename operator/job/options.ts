import { defaultHTTPSourceOptions, type HTTPSourceOptions } from '../input/http-source.ts';

/** Limits and patience of the job controller. Spans are in the unit of their name. */
export interface JobOptions {
  /** Jobs reconciled at once. */
  readonly concurrency: number;
  /** Long readings and writings of objects at once, over all jobs. */
  readonly objectConcurrency: number;
  readonly maxShards: number;
  /** Inputs that are copied, and results that are written as responses, at once: each takes disk, and may be slow. */
  readonly copyConcurrency: number;
  /** On disk for one of them; one PUT of S3 takes no more than 5 GiB. */
  readonly maxCopiedBytes: number;
  readonly maxCopySeconds: number;
  /** How inputs behind http(s) are read. */
  readonly http: HTTPSourceOptions;
  readonly maxShardsPerTask: number;
  readonly maxRecordsPerTask: number;
  /** A task takes at most this many times its reference time... */
  readonly timeoutFactor: number;
  /** ...and is never given less than this. */
  readonly timeoutFloorSeconds: number;
  /** How long a task may go without a first status. */
  readonly startTimeoutSeconds: number;
  /** How long an edge may take to answer a challenge. */
  readonly challengeTimeoutSeconds: number;
  /** How long a cluster may be unreachable before its open attempts are refunded; longer where the leases are long. */
  readonly unreachableGraceSeconds: number;
  /** How long a node may be not ready before its open attempts are refunded. */
  readonly nodeNotReadyGraceSeconds: number;
  /** Wait before an admission that failed, or a placement that found no node, is tried again. */
  readonly retrySeconds: number;
  /** Least time between two status writes of a running job. */
  readonly statusIntervalMilliseconds: number;
  /** Re-executions of one window that may blame model or input before it counts as inconclusive. */
  readonly maxVerificationRounds: number;
  /** Length of one epoch of the sampling keys. */
  readonly samplingEpochSeconds: number;
}

export const defaultJobOptions: JobOptions = {
  concurrency: 8,
  objectConcurrency: 8,
  maxShards: 100_000,
  copyConcurrency: 2,
  maxCopiedBytes: 2 * 1024 ** 3,
  maxCopySeconds: 1800,
  http: defaultHTTPSourceOptions,
  maxShardsPerTask: 64,
  maxRecordsPerTask: 4096,
  timeoutFactor: 20,
  timeoutFloorSeconds: 600,
  startTimeoutSeconds: 300,
  challengeTimeoutSeconds: 120,
  unreachableGraceSeconds: 10,
  nodeNotReadyGraceSeconds: 30,
  retrySeconds: 10,
  statusIntervalMilliseconds: 1000,
  maxVerificationRounds: 5,
  samplingEpochSeconds: 6 * 3600,
};
