import type { Condition, InferenceJob, InferenceJobStatus } from '@isochrone/api';
import { findCondition, formatTime, setCondition } from '@isochrone/kube';
import { formatMoney } from '@isochrone/ledger';
import { needsCopy } from '../input/input-kind.ts';
import type { Action } from './actions.ts';
import type { Attempt } from './attempts.ts';
import type { AdmittedInput, Observed, Problem } from './observed.ts';
import { sampleOf } from './sample.ts';
import { schedulingOf } from './scheduling-status.ts';
import { deriveShards, type Shards } from './shards.ts';

/** Where a job stands, with what is to be done about it. */
export type Situation = { readonly actions: readonly Action[]; readonly wakeAt?: number | undefined } & (
  | { readonly kind: 'Deleted' | 'Ended' | 'Suspended' }
  | { readonly kind: 'Admitting'; readonly input?: AdmittedInput; readonly problem?: Problem | undefined }
  | {
      readonly kind: 'Running';
      readonly shards: Shards;
      readonly verifying: number;
      readonly placement: Problem | undefined;
      readonly waiting?: Problem | undefined;
    }
  | {
      readonly kind: 'Completing';
      readonly shards: Shards;
      readonly manifest: { readonly uri: string; readonly sha256: string };
    }
  | { readonly kind: 'Failing'; readonly problem: Problem; readonly shards?: Shards | undefined }
);

const mostFailedShards = 100;

/** The whole status. Equal input gives an equal status, so that nothing is written when nothing changed. */
export function nextStatus(observed: Observed, situation: Situation, now: number): InferenceJobStatus {
  const { job, known } = observed;
  const previous = job.status ?? {};
  if (situation.kind === 'Deleted') return previous;
  const generation = job.metadata.generation;
  const base: InferenceJobStatus = {
    ...previous,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...accountOf(job, observed.attempts),
    ...(known.lastExplanation === undefined ? {} : { scheduling: schedulingOf(known.lastExplanation) }),
  };
  const set = (
    status: InferenceJobStatus,
    type: string,
    value: Condition['status'],
    reason: string,
    message: string,
  ): InferenceJobStatus => {
    const observedGeneration = generation === undefined ? {} : { observedGeneration: generation };
    const conditions = setCondition(
      status.conditions,
      { type, status: value, reason, message: message.slice(0, 4096), ...observedGeneration },
      now,
    );
    return { ...status, conditions: [...conditions] };
  };
  const wasSuspended = findCondition(previous.conditions, 'Suspended')?.status === 'True';
  const resumed =
    wasSuspended && situation.kind !== 'Suspended'
      ? set(base, 'Suspended', 'False', 'Resumed', 'spec.suspend is false')
      : base;

  switch (situation.kind) {
    case 'Ended':
      return base;
    case 'Suspended': {
      const suspended = set(base, 'Suspended', 'True', 'Suspended', 'spec.suspend is true; set it to false to go on');
      return { ...suspended, ...countsOf(observed), phase: 'Suspended', message: 'Suspended' };
    }
    case 'Admitting': {
      if (situation.input !== undefined) {
        const admitted = set(
          resumed,
          'Admitted',
          'True',
          'Admitted',
          `${situation.input.records} records of ${tensorsOf(situation.input)}`,
        );
        return {
          ...admitted,
          input: situation.input,
          startTime: formatTime(now),
          phase: 'Pending',
          message: 'Waiting for a node',
        };
      }
      const { problem } = situation;
      if (problem === undefined) {
        const message = needsCopy(job.spec.input) ? 'Copying the input' : 'Being admitted';
        return { ...resumed, phase: 'Pending', message };
      }
      const refused = set(resumed, 'Admitted', 'False', problem.reason, problem.message);
      return { ...refused, phase: 'Pending', message: shortMessage(problem) };
    }
    case 'Running': {
      const { shards, placement, verifying, waiting } = situation;
      const isPlaced = shards.complete + shards.held > 0;
      const placed =
        placement === undefined
          ? isPlaced
            ? set(resumed, 'Placed', 'True', 'Placed', 'every shard that may run has a node')
            : resumed
          : set(resumed, 'Placed', 'False', placement.reason, placement.message);
      const running = set(
        placed,
        'Complete',
        'False',
        'InProgress',
        [
          `${shards.total - shards.complete} shards are not complete`,
          ...(shards.stubborn === undefined ? [] : [shards.stubborn]),
          ...(waiting === undefined ? [] : [shortMessage(waiting)]),
        ].join('; '),
      );
      const problem = placement ?? waiting;
      const message = problem === undefined ? progressMessage(shards, verifying) : shortMessage(problem);
      return { ...running, ...countShards(shards, verifying), phase: isPlaced ? 'Running' : 'Pending', message };
    }
    case 'Completing': {
      const { shards, manifest } = situation;
      const settled =
        known.restoredManifest === manifest
          ? 'committed before the hub was restored; what the backup does not know of is not paid again'
          : 'verified and paid';
      const complete = set(
        resumed,
        'Complete',
        'True',
        'AllShardsVerified',
        `${shards.total} shards ${settled}; the result is ${manifest.uri}`,
      );
      const placed = set(complete, 'Placed', 'True', 'Placed', 'every shard had a node');
      return {
        ...placed,
        ...countShards(shards, 0),
        manifest,
        completionTime: formatTime(now),
        phase: 'Complete',
        message: `Complete: ${manifest.uri}`,
      };
    }
    case 'Failing': {
      const { problem } = situation;
      const failed = set(
        set(resumed, 'Failed', 'True', problem.reason, problem.message),
        'Complete',
        'False',
        'InProgress',
        'the job failed',
      );
      return {
        ...failed,
        ...countsOf(observed, situation.shards),
        completionTime: formatTime(now),
        phase: 'Failed',
        message: shortMessage(problem),
      };
    }
  }
}

function tensorsOf({ fields, dataType = '' }: AdmittedInput): string {
  return fields?.map(({ name, dataType }) => `${dataType} ${name}`).join(', ') ?? dataType;
}

function countsOf(observed: Observed, shards?: Shards): Partial<InferenceJobStatus> {
  const input = observed.job.status?.input;
  if (input === undefined) return {};
  return countShards(shards ?? deriveShards(observed.job, input, observed.attempts), 0);
}

function countShards(shards: Shards, verifying: number): Partial<InferenceJobStatus> {
  const { total, complete, held, pending, givenUp } = shards;
  return {
    progress: `${complete}/${total}`,
    shards: {
      total,
      pending: pending.length,
      running: Math.max(0, held - verifying),
      verifying,
      complete,
      failed: givenUp.length,
    },
    ...(givenUp.length === 0
      ? {}
      : { failedShards: givenUp.slice(0, mostFailedShards).map((shard) => ({ ...shard })) }),
  };
}

/** What the ledger says: the bill, the retries, what verification found. */
function accountOf(job: InferenceJob, attempts: readonly Attempt[]): Partial<InferenceJobStatus> {
  if (attempts.length === 0) return {};
  const sum = (matches: (attempt: Attempt) => boolean): bigint =>
    attempts.filter(matches).reduce((total, { amount }) => total + amount, 0n);
  const work = attempts.filter(({ purpose }) => purpose === 'Work');
  const passed = work.filter(({ state }) => state === 'Released');
  const failed = work.filter(({ reason }) => reason === 'VerificationFailed');
  const inconclusive = work.filter(({ reason }) => reason === 'VerificationInconclusive');
  const windows = [...passed, ...failed, ...inconclusive];
  const sampled = windows.reduce((total, { records }) => {
    const sample = sampleOf(job, records);
    return total + (sample === 'All' ? records : sample);
  }, 0);
  const paidWork = sum(({ state, purpose }) => state === 'Released' && purpose === 'Work');
  const paidVerification = sum(({ state, purpose }) => state === 'Released' && purpose !== 'Work');
  return {
    retries: work.filter(
      ({ state, reason }) => state === 'Refunded' && reason !== 'Suspended' && reason !== 'NeverStarted',
    ).length,
    verification: {
      windows: windows.length,
      sampledRecords: sampled,
      passed: passed.length,
      failed: failed.length,
      inconclusive: inconclusive.length,
    },
    cost: {
      total: formatMoney(paidWork + paidVerification),
      work: formatMoney(paidWork),
      verification: formatMoney(paidVerification),
      held: formatMoney(sum(({ state }) => state === 'Held')),
    },
  };
}

function progressMessage({ held, pending }: Shards, verifying: number): string {
  const parts = [
    [held - verifying, 'running'],
    [verifying, 'being verified'],
    [pending.length, 'waiting'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return told.length === 0 ? 'Writing the manifest' : `Shards: ${told.join(', ')}`;
}

function shortMessage({ reason, message }: Problem): string {
  return `${reason}: ${message}`.slice(0, 1024);
}
