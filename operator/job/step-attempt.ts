import { taskFailures, type InferenceTask } from '@isochrone/api';
import type { Action } from './actions.ts';
import { isClaim, type Attempt } from './attempts.ts';
import { sampleOf } from './sample.ts';
import type { Observed, ReceiptOutcome, SampledRows } from './observed.ts';

export type AcceptedReceipt = Extract<ReceiptOutcome, { ok: true }>;

/** How far one attempt has come, and what brings it further. */
export type AttemptStep =
  /** `wakeAt`: when a deadline of it is over. */
  | {
      readonly stage: 'Starting' | 'Running' | 'Checking';
      readonly actions: readonly Action[];
      readonly wakeAt?: number;
    }
  /** Every check of the hub's own passed; what is left is re-execution. */
  | { readonly stage: 'Delivered'; readonly receipt: AcceptedReceipt; readonly rows: SampledRows }
  | { readonly stage: 'Failed'; readonly failure: AttemptFailure };

export interface AttemptFailure {
  readonly reason: string;
  readonly message: string;
  /** Whether it counts against backoffLimitPerShard. */
  readonly charged: boolean;
  /** Proof that the node cheated. */
  readonly isFraud: boolean;
}

/** Grace for clocks and for the way of a status to the hub. */
const timeoutMarginMilliseconds = 60_000;

/** Decides about one attempt that is held. Nothing that an edge wrote is believed here: claims only lead to checks. */
export function stepAttempt(observed: Observed, attempt: Attempt, now: number): AttemptStep {
  const task = observed.tasks.get(attempt.attempt);
  const status = task?.status?.attempt === attempt.attempt ? task.status : undefined;
  if (observed.place(attempt.cluster, attempt.node).isQuarantined) {
    // What others re-execute is judged to its end, where they are paid and it is not.
    const isJudged =
      status?.phase === 'Succeeded' &&
      observed.attempts.some(({ verifies, state }) => verifies === attempt.attempt && state !== 'Refunded');
    if (!isJudged) return failed('NodeQuarantined', 'the node was quarantined');
  }
  if (task === undefined) return stepWithoutTask(observed, attempt, now);
  if (status?.phase === 'Failed') return stepFailure(observed, attempt, status.failure);
  if (status?.phase === 'Succeeded') return stepResult(observed, attempt, task, now);
  return stepRunning(observed, attempt, task, status?.phase !== undefined, now);
}

function stepWithoutTask({ known, options }: Observed, { attempt, heldAt }: Attempt, now: number): AttemptStep {
  const pending = known.pending.get(attempt);
  if (pending === undefined) {
    if (known.absent.has(attempt)) return failed('NeverStarted', 'the task does not exist');
    return { stage: 'Starting', actions: [{ type: 'LookUpTask', attempt }] };
  }
  const { composition } = pending;
  const wakeAt = heldAt + options.startTimeoutSeconds * 1000;
  if (now >= wakeAt) return failed('NeverStarted', 'its task could not be made in time');
  if (composition === 'Needed') {
    const isBusy = known.busy.has(`Compose/${attempt}`);
    return { stage: 'Starting', actions: isBusy ? [] : [{ type: 'Compose', attempt }], wakeAt };
  }
  if (typeof composition === 'object' && 'failed' in composition) return failed('InputNotComposed', composition.failed);
  return { stage: 'Starting', actions: [{ type: 'CreateTask', attempt }], wakeAt };
}

type TaskFailure = NonNullable<NonNullable<InferenceTask['status']>['failure']>;

/** What an edge may say; the hub's own reasons, which decide who is paid and what is tried again, are not its to give. */
const edgeReasons = new Set<string>(Object.values(taskFailures).flat());

function stepFailure({ known, attempts }: Observed, attempt: Attempt, failure: TaskFailure | undefined): AttemptStep {
  const { reason = 'AgentInternal', message = '' } = failure ?? {};
  if (!edgeReasons.has(reason)) return failed('AgentInternal', `${reason}: ${message}`);
  if ((reason === 'InputChanged' || reason === 'InputNotFound') && attempt.purpose === 'Work') {
    // Ends the whole job, so the hub looks itself; a claim that is not so is the fault of who made it.
    if (known.inputNow === undefined) {
      return { stage: 'Checking', actions: known.busy.has('CheckInput') ? [] : [{ type: 'CheckInput' }] };
    }
    return failed(reason, message);
  }
  return failedAsClaimed(attempts, attempt, reason, message);
}

/**
 * What a failure costs whom. Work only: a re-execution that fails never counts against the user. Nor does the word of one
 * provider: its first claim is free, and others are asked. A shard that was claimed before comes to a provider that has not,
 * or to one that has where no other exists, so that the second claim is as good a word as can be had.
 */
function failedAsClaimed(attempts: readonly Attempt[], attempt: Attempt, reason: string, message: string): AttemptStep {
  const indices = new Set(attempt.shards.map(({ index }) => index));
  const wasClaimed = (): boolean =>
    attempts.some(
      (one) =>
        one.purpose === 'Work' &&
        one.state === 'Refunded' &&
        isClaim(one.reason) &&
        one.shards.some(({ index }) => indices.has(index)),
    );
  const charged = attempt.purpose === 'Work' && isClaim(reason) && wasClaimed();
  return { stage: 'Failed', failure: { reason, message, charged, isFraud: false } };
}

function stepResult(observed: Observed, attempt: Attempt, task: InferenceTask, now: number): AttemptStep {
  const { known, options } = observed;
  const n = attempt.attempt;
  const receipt = known.receipts.get(n);
  if (receipt === undefined) return checking({ type: 'CheckReceipt', attempt: n });
  if (!receipt.ok) return { stage: 'Failed', failure: { ...receipt, charged: false } };

  const sample = attempt.purpose === 'Work' ? sampleOf(observed.job, receipt.leafCount) : 'All';
  const { acknowledgedAttempt, challenge } = task.spec;
  if (acknowledgedAttempt !== n || (sample !== 'All' && challenge === undefined)) {
    return checking({ type: 'Challenge', attempt: n, sample });
  }
  const rows = sample === 'All' ? 'All' : challenge!.indices;
  if (rows !== 'All') {
    const opened = new Set(task.status?.openings?.map(({ index }) => index));
    const deadline = (known.challengedAt.get(n) ?? now) + options.challengeTimeoutSeconds * 1000;
    if (!rows.every((index) => opened.has(index))) {
      if (now >= deadline)
        return failed(
          'OpeningsMissing',
          `the edge did not open ${rows.length} rows in ${options.challengeTimeoutSeconds} s`,
        );
      return { stage: 'Checking', actions: [], wakeAt: deadline };
    }
  }
  const evidence = known.evidence.get(n);
  if (evidence?.result === 'Matches') return { stage: 'Delivered', receipt, rows };
  if (evidence?.result === 'Differs') {
    return {
      stage: 'Failed',
      failure: { reason: 'VerificationFailed', message: evidence.message, charged: false, isFraud: true },
    };
  }
  if (evidence?.result === 'OffForm')
    return failedAsClaimed(observed.attempts, attempt, 'OutputOffForm', evidence.message);
  if (evidence?.result === 'InputLost') return failed('InputNotComposed', evidence.message);
  if (evidence?.result === 'Missing') return failed('OutputMissing', evidence.message);
  if (known.busy.has(`FetchEvidence/${n}`)) return { stage: 'Checking', actions: [] };
  if (evidence !== undefined && now < evidence.retryAt)
    return { stage: 'Checking', actions: [], wakeAt: evidence.retryAt };
  return checking({ type: 'FetchEvidence', attempt: n, rows });
}

function stepRunning(
  observed: Observed,
  attempt: Attempt,
  task: InferenceTask,
  hasStarted: boolean,
  now: number,
): AttemptStep {
  const { options, known } = observed;
  const place = observed.place(attempt.cluster, attempt.node);
  const startBy = attempt.heldAt + options.startTimeoutSeconds * 1000;
  const endBy = startBy + task.spec.timeoutSeconds * 1000 + timeoutMarginMilliseconds;
  // Nobody hears of its nodes either while a member is away.
  const evicted = (since: number, graceSeconds: number): number =>
    Math.max(since + graceSeconds * 1000, place.evictionHeldUntil ?? 0);
  const deadlines: [at: number, reason: string, message: string][] = [
    ...(place.clusterUnreachableSince === undefined
      ? []
      : [
          [
            evicted(place.clusterUnreachableSince, options.unreachableGraceSeconds),
            'ClusterUnreachable',
            `cluster ${attempt.cluster} is unreachable`,
          ] as [number, string, string],
        ]),
    ...(place.nodeNotReadySince === undefined
      ? []
      : [
          [
            evicted(place.nodeNotReadySince, options.nodeNotReadyGraceSeconds),
            'NodeNotReady',
            `node ${attempt.node} is not ready`,
          ] as [number, string, string],
        ]),
    hasStarted
      ? [endBy, 'TaskTimeout', 'the task did not end in time']
      : [Math.max(startBy, place.evictionHeldUntil ?? 0), 'StartTimeout', 'the task did not start in time'],
  ];
  const over = deadlines.find(([at]) => now >= at);
  if (over !== undefined) return failed(over[1], over[2]);
  const wakeAt = Math.min(...deadlines.map(([at]) => at));
  const actions: Action[] =
    known.secretsWritten.has(attempt.attempt) || hasStarted ? [] : [{ type: 'WriteSecret', attempt: attempt.attempt }];
  return { stage: hasStarted ? 'Running' : 'Starting', actions, wakeAt };
}

function checking(action: Action): AttemptStep {
  return { stage: 'Checking', actions: [action] };
}

/** A fault that costs the user nothing. */
function failed(reason: string, message: string): AttemptStep {
  return { stage: 'Failed', failure: { reason, message, charged: false, isFraud: false } };
}
