import { finalizers, type InferenceJobStatus } from '@isochrone/api';
import { hasFinalizer, isConditionTrue } from '@isochrone/kube';
import type { Action } from './actions.ts';
import { budgetForWork } from './budget.ts';
import { needsCopy } from '../input/input-kind.ts';
import { resolveModel } from './model-check.ts';
import type { Observed, Problem } from './observed.ts';
import { deriveShards, packShards, type Shards } from './shards.ts';
import { nextStatus, type Situation } from './status.ts';
import { stepAttempt } from './step-attempt.ts';
import { failureActions, stepVerification } from './step-verification.ts';

export interface Decision {
  /** In this order; after one that cannot be done, the rest of its window waits. */
  readonly actions: readonly Action[];
  readonly status: InferenceJobStatus;
  /** When to look again though nothing changed; milliseconds since 1970. */
  readonly wakeAt: number | undefined;
}

/** The heart of the hub: from what is seen of a job to what is to be done and told. Pure. */
export function reconcileJob(observed: Observed, now: number): Decision {
  const situation = assess(observed, now);
  return { actions: situation.actions, status: nextStatus(observed, situation, now), wakeAt: situation.wakeAt };
}

function assess(observed: Observed, now: number): Situation {
  const { job, known } = observed;
  if (job.metadata.deletionTimestamp !== undefined) return stop(observed, { kind: 'Deleted' }, 'JobDeleted');
  const conditions = job.status?.conditions;
  if (isConditionTrue(conditions, 'Failed')) return stop(observed, { kind: 'Ended' }, 'JobFailed');
  if (isConditionTrue(conditions, 'Complete')) return stop(observed, { kind: 'Ended' }, 'Superseded');
  if (!hasFinalizer(job, finalizers.settlement)) return { kind: 'Admitting', actions: [{ type: 'AddFinalizer' }] };

  const input = job.status?.input;
  const shards = input === undefined ? undefined : deriveShards(job, input, observed.attempts);
  const takenUp = shards === undefined || job.spec.suspend ? undefined : takeUp(observed, shards);
  if (takenUp !== undefined) return takenUp;
  // What is paid in full is finished even when it is late: its manifest may be out already.
  const isPaid = shards !== undefined && shards.complete === shards.total;
  const deadline = isPaid ? undefined : deadlineOf(observed);
  if (deadline !== undefined && now >= deadline) {
    const message = `the job did not complete within spec.activeDeadlineSeconds, ${job.spec.activeDeadlineSeconds!} s`;
    return fail(observed, { reason: 'DeadlineExceeded', message });
  }
  if (job.spec.suspend) return { ...stop(observed, { kind: 'Suspended' }, 'Suspended'), wakeAt: deadline };
  const resolved = resolveModel(job, observed.model);
  if (input === undefined || shards === undefined)
    return admit(observed, 'problem' in resolved ? resolved.problem : undefined, now);
  if (known.inputNow === 'Changed') {
    const { uri } = job.spec.input;
    const what = needsCopy(job.spec.input) ? `the copy of ${uri} below ${job.spec.output.uri}attempts/` : uri;
    return fail(observed, {
      reason: 'InputChanged',
      message: `${what} is not the object that was admitted (etag ${input.etag}); create a new job`,
    });
  }

  if (shards.givenUp.length > 0) {
    const [first] = shards.givenUp;
    const message = `shard ${first!.index} ${first!.message}; nothing more is run, because the result would not be complete`;
    return fail(observed, { reason: first!.reason, message }, shards);
  }
  const run = stepAll(observed, now);
  const cleaning = removeLeftovers(observed);
  const wakeAt = earliest(run.wakeAt, deadline);
  if (isPaid) return finish(observed, shards, [...run.actions, ...cleaning], now);
  const unpaidVerification = [...known.verificationPlacement.values()].find(
    ({ reason }) => reason === 'BudgetExhausted',
  );
  if (unpaidVerification !== undefined) return fail(observed, unpaidVerification, shards);
  const placing = place(observed, shards, 'problem' in resolved ? resolved.problem : undefined, now);
  if (placing.failure !== undefined) return fail(observed, placing.failure, shards);
  return {
    kind: 'Running',
    actions: [...run.actions, ...cleaning, ...placing.actions],
    shards,
    verifying: run.verifying,
    placement: placing.problem,
    waiting: run.waiting,
    wakeAt: earliest(wakeAt, placing.wakeAt),
  };
}

/**
 * A restored job may have committed its result after the backup was made. Readers have that one, so nothing is run or paid
 * again; who did the work was paid in the books that were lost.
 */
function takeUp(observed: Observed, shards: Shards): Situation | undefined {
  const { restoredManifest, busy, stalled } = observed.known;
  if (observed.job.status?.uid === undefined || restoredManifest === 'None') return undefined;
  if (restoredManifest === undefined) {
    const actions: Action[] = busy.has('FindManifest') ? [] : [{ type: 'FindManifest' }];
    return {
      kind: 'Running',
      actions,
      shards,
      verifying: 0,
      placement: undefined,
      waiting: stalled.get('FindManifest'),
    };
  }
  const complete = { ...shards, complete: shards.total, held: 0, pending: [], givenUp: [] };
  const actions = settleOpen(observed, 'Superseded');
  return { kind: 'Completing', actions, shards: complete, manifest: restoredManifest };
}

function deadlineOf({ job }: Observed): number | undefined {
  const { activeDeadlineSeconds } = job.spec;
  const started = job.status?.startTime;
  if (activeDeadlineSeconds === undefined || started === undefined) return undefined;
  return Date.parse(started) + activeDeadlineSeconds * 1000;
}

function admit({ known }: Observed, modelProblem: Problem | undefined, now: number): Situation {
  // The model's changes wake the job; what lies in storage is looked at again after a while.
  if (modelProblem !== undefined) return { kind: 'Admitting', actions: [], problem: modelProblem };
  const { admission } = known;
  if (admission?.ok) return { kind: 'Admitting', actions: [], input: admission.input };
  const isDue = admission === undefined || now >= admission.retryAt;
  const actions: Action[] = isDue && !known.busy.has('Admit') ? [{ type: 'Admit' }] : [];
  return { kind: 'Admitting', actions, problem: admission?.problem, wakeAt: admission?.retryAt };
}

interface Run {
  readonly actions: readonly Action[];
  /** Shards of attempts whose work is delivered and not yet judged. */
  readonly verifying: number;
  /** What keeps a delivered window from being judged. */
  readonly waiting: Problem | undefined;
  readonly wakeAt: number | undefined;
}

/** Brings every open attempt one step further. */
function stepAll(observed: Observed, now: number): Run {
  const actions: Action[] = [];
  let verifying = 0;
  let wakeAt: number | undefined;
  let waiting: Problem | undefined = observed.known.stalled.values().next().value;
  const held = observed.attempts.filter(({ state }) => state === 'Held');
  const openWork = new Set(held.filter(({ purpose }) => purpose === 'Work').map(({ attempt }) => attempt));
  for (const attempt of held) {
    if (attempt.purpose !== 'Work') {
      if (!openWork.has(attempt.verifies ?? 0))
        actions.push({ type: 'Refund', attempt: attempt.attempt, reason: 'Superseded', charged: false });
      continue;
    }
    const step = stepAttempt(observed, attempt, now);
    if (step.stage === 'Failed') {
      actions.push(...failureActions(attempt, step.failure));
      continue;
    }
    if (step.stage === 'Checking' || step.stage === 'Delivered') verifying += attempt.shards.length;
    const sampled = step.stage === 'Delivered' && step.rows !== 'All' ? step.rows.length : attempt.records;
    const next =
      step.stage === 'Delivered' ? stepVerification(observed, attempt, { receipt: step.receipt, sampled }, now) : step;
    actions.push(...next.actions);
    wakeAt = earliest(wakeAt, next.wakeAt);
    const evidence = observed.known.evidence.get(attempt.attempt);
    waiting ??= observed.known.verificationPlacement.get(attempt.attempt);
    if (evidence?.result === 'Unavailable') waiting ??= { reason: 'StorageUnavailable', message: evidence.message };
  }
  return { actions, verifying, waiting, wakeAt };
}

/** Tasks that no longer count: of attempts that are settled. Those of a re-execution stay until the work is settled too. */
function removeLeftovers({ attempts, tasks }: Observed): Action[] {
  const open = new Set(attempts.filter(({ state }) => state === 'Held').map(({ attempt }) => attempt));
  return attempts
    .filter(
      ({ attempt, verifies, state }) =>
        tasks.has(attempt) && state !== 'Held' && !(state === 'Released' && open.has(verifies ?? 0)),
    )
    .map(({ attempt }) => ({ type: 'DeleteTask', attempt }));
}

/** The scheduler takes this many requests in one call, and more; the rest follow in the next round. */
const mostTasksPerCall = 256;

interface Placing {
  readonly actions: readonly Action[];
  readonly problem?: Problem | undefined;
  readonly failure?: Problem;
  readonly wakeAt?: number;
}

function place(observed: Observed, shards: Shards, modelProblem: Problem | undefined, now: number): Placing {
  const { job, attempts, known, options } = observed;
  const open = attempts.filter(({ state, purpose }) => state === 'Held' && purpose === 'Work');
  const slots = Math.min(job.spec.parallelism - open.length, mostTasksPerCall);
  if (shards.pending.length === 0 || slots <= 0) return { actions: [], problem: undefined };
  if (modelProblem !== undefined)
    return {
      actions: [],
      problem: { reason: 'NoNodeFits', message: `${modelProblem.reason}: ${modelProblem.message}` },
    };
  const { placement } = known;
  if (placement?.reason === 'BudgetExhausted' && open.length === 0) {
    const message = `${placement.message}; create a new job with a larger spec.budget.total`;
    return { actions: [], failure: { reason: 'BudgetExhausted', message } };
  }
  if (placement !== undefined && now < placement.retryAt)
    return { actions: [], problem: placement, wakeAt: placement.retryAt };
  const groups = packShards(shards, job, job.status!.input!, slots, options, now);
  if (groups.length === 0)
    return {
      actions: [],
      problem: undefined,
      wakeAt: Math.min(...shards.pending.map((index) => shards.retryAt(index))),
    };
  return { actions: [{ type: 'Place', groups, available: budgetForWork(job, attempts) }], problem: placement };
}

function finish({ known }: Observed, shards: Shards, actions: readonly Action[], now: number): Situation {
  const { manifest } = known;
  if (manifest !== undefined && 'uri' in manifest) return { kind: 'Completing', actions, shards, manifest };
  const isDue = manifest === undefined || now >= manifest.retryAt;
  const write: Action[] = isDue && !known.busy.has('WriteManifest') ? [{ type: 'WriteManifest' }] : [];
  if (manifest?.retryAt === Number.POSITIVE_INFINITY)
    return { kind: 'Failing', actions, shards, problem: manifest.problem };
  return {
    kind: 'Running',
    actions: [...actions, ...write],
    shards,
    verifying: 0,
    placement: undefined,
    waiting: manifest?.problem,
    wakeAt: manifest?.retryAt,
  };
}

function fail(observed: Observed, problem: Problem, shards?: Shards): Situation {
  return { kind: 'Failing', actions: settleOpen(observed, 'JobFailed'), problem, shards };
}

/** Ends what runs: holds go back first, so that nothing that is delivered from now on can be paid; then tasks go. */
function stop(observed: Observed, as: { readonly kind: 'Deleted' | 'Ended' | 'Suspended' }, reason: string): Situation {
  const { job, attempts, tasks, known } = observed;
  const actions = settleOpen(observed, reason);
  actions.push(
    ...attempts
      .filter(({ attempt }) => tasks.has(attempt))
      .map(({ attempt }) => ({ type: 'DeleteTask', attempt }) as const),
  );
  if (as.kind === 'Suspended' || actions.length > 0) return { kind: as.kind, actions };
  const inputCopy = needsCopy(job.spec.input);
  if (!known.isCleaned && (attempts.length > 0 || inputCopy)) {
    // Readers of a manifest need what it names; it may be there, and not in the status yet, once every shard is paid.
    const input = job.status?.input;
    const shards = input === undefined ? undefined : deriveShards(job, input, attempts);
    const isRead = shards !== undefined && shards.complete === shards.total;
    const unread = attempts.filter(({ purpose, state }) => !(isRead && purpose === 'Work' && state === 'Released'));
    const isDue = unread.length > 0 || inputCopy;
    if (!known.busy.has('RemoveObjects') && isDue)
      actions.push({ type: 'RemoveObjects', attempts: unread.map(({ attempt }) => attempt), inputCopy });
    if (isDue) return { kind: as.kind, actions };
  }
  if (as.kind === 'Deleted' && hasFinalizer(job, finalizers.settlement)) actions.push({ type: 'RemoveFinalizer' });
  return { kind: as.kind, actions };
}

function settleOpen({ attempts }: Observed, reason: string): Action[] {
  return attempts
    .filter(({ state }) => state === 'Held')
    .map(({ attempt }) => ({ type: 'Refund', attempt, reason, charged: false }));
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
