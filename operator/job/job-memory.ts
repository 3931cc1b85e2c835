import type { InferenceJob, InferenceJobStatus, InferenceTask } from '@isochrone/api';
import type { DeliveredRows } from '../attempt/check-delivered.ts';
import type { TaskIdentity } from '../attempt/identity.ts';
import type { Window } from '../attempt/window.ts';
import type { Attempt } from './attempts.ts';
import type { JobStorage } from './job-storage.ts';
import type { WrittenResponses } from './write-responses.ts';
import type {
  AdmissionOutcome,
  ComparisonOutcome,
  EvidenceOutcome,
  Known,
  PendingTask,
  PlacementProblem,
  ReceiptOutcome,
  VerificationProblem,
  StalledAction,
} from './observed.ts';
import { workUIDOf } from './work-uid.ts';

/** What this process holds of one job. All of it can be found out again: from the ledger, the hub and the objects. */
export class JobMemory implements Known {
  readonly uid: string;
  admission: AdmissionOutcome | undefined;
  readonly pending = new Map<number, PendingTask>();
  readonly absent = new Set<number>();
  readonly secretsWritten = new Set<number>();
  readonly receipts = new Map<number, ReceiptOutcome>();
  readonly challengedAt = new Map<number, number>();
  readonly evidence = new Map<number, EvidenceOutcome>();
  readonly comparisons = new Map<string, ComparisonOutcome>();
  inputNow: Known['inputNow'];
  placement: PlacementProblem | undefined;
  readonly verificationPlacement = new Map<number, VerificationProblem>();
  lastExplanation: Known['lastExplanation'];
  manifest: Known['manifest'];
  /** Responses that were written, by shard. */
  readonly responses = new Map<number, WrittenResponses>();
  restoredManifest: Known['restoredManifest'];
  readonly busy = new Set<string>();
  readonly stalled = new Map<string, StalledAction>();
  isCleaned: boolean;

  /** As the ledger has them; undefined before the first read. */
  attempts: Attempt[] | undefined;
  /** The highest number that an attempt ever had, when they were read. */
  highestAttempt = 0;
  readonly identities = new Map<number, TaskIdentity>();
  /** Tasks as this process wrote or read them last, where the informer may trail. */
  readonly written = new Map<number, { readonly task: InferenceTask; readonly at: number }>();
  /** UIDs of tasks that were deleted, where the informer may trail. */
  readonly deleted = new Set<string>();
  readonly windows = new Map<number, { readonly window: Window; readonly delivered: DeliveredRows }>();
  /** As it was written last; undefined before the first write of this process. */
  status: InferenceJobStatus | undefined;
  statusWrittenAt = Number.NEGATIVE_INFINITY;
  storage: { readonly value: JobStorage; readonly at: number } | undefined;

  constructor(job: InferenceJob) {
    this.uid = workUIDOf(job);
    // A job that had ended before this process began was cleaned up, best effort, by the one before.
    this.isCleaned = job.status?.completionTime !== undefined;
  }

  /** Keeps of a job that has ended only what must not be forgotten: that it has. */
  trim(): void {
    this.attempts = undefined;
    this.storage = undefined;
    for (const map of [
      this.identities,
      this.receipts,
      this.evidence,
      this.windows,
      this.comparisons,
      this.written,
      this.responses,
    ])
      map.clear();
  }

  /** Drops what was learned of an attempt that is settled. */
  forgetAttempt(attempt: number): void {
    for (const map of [
      this.pending,
      this.receipts,
      this.challengedAt,
      this.evidence,
      this.windows,
      this.verificationPlacement,
    ])
      map.delete(attempt);
    for (const key of this.comparisons.keys())
      if (key.split(':').includes(String(attempt))) this.comparisons.delete(key);
    this.absent.delete(attempt);
    this.secretsWritten.delete(attempt);
  }
}
