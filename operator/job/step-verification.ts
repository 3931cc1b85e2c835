import { decideVerdict, type Outcome, type Verdict } from '@isochrone/verification';
import type { Action } from './actions.ts';
import { isClaim, isFailure, type Attempt } from './attempts.ts';
import { remainingBudget } from './budget.ts';
import { comparisonKey, type Observed, type VerificationProblem } from './observed.ts';
import { composedRecords } from './sample.ts';
import { endOf, retryDelay } from './shards.ts';
import { stepAttempt, type AcceptedReceipt, type AttemptFailure } from './step-attempt.ts';

export interface VerificationStep {
  readonly actions: readonly Action[];
  readonly wakeAt?: number;
}

type Delivered = { readonly receipt: AcceptedReceipt; readonly sampled: number };

/**
 * Decides about the window of one attempt of work whose delivered bytes are what its node committed to: who re-executes,
 * what is compared, and who is paid. Re-executions are settled before the work: a crash between leaves the work held, and it
 * is judged again, to the same end. What a node handed in before it was quarantined is judged like any other, so that its
 * re-executions are paid; it is not.
 */
export function stepVerification(
  observed: Observed,
  primary: Attempt,
  delivered: Delivered,
  now: number,
): VerificationStep {
  const rounds = observed.attempts.filter(({ verifies }) => verifies === primary.attempt);
  // A released one whose task or output is gone, or whose node is not trusted any more, can be compared no more; another
  // takes its place.
  const usable = rounds.filter(
    (round) =>
      round.state === 'Held' ||
      (round.state === 'Released' &&
        observed.tasks.has(round.attempt) &&
        stepAttempt(observed, round, now).stage !== 'Failed'),
  );
  const first = usable.find(({ purpose }) => purpose === 'Verification') ?? usable[0];
  if (first === undefined) return place(observed, primary, delivered, rounds, undefined, now);
  const compared = compareWith(observed, primary, primary, first, now);
  if ('step' in compared) return compared.step;
  const disagree = compared.outcomes.some((outcome) => judge(outcome, undefined, undefined).awaits === 'reference');
  if (!disagree)
    return conclude(
      observed,
      primary,
      delivered,
      compared.outcomes.map((outcome) => judge(outcome, undefined, undefined)),
      [first],
      compared.message,
    );

  const second = usable.find((round) => round !== first && round.purpose === 'Reference');
  if (second === undefined) return place(observed, primary, delivered, rounds, first, now);
  const own = compareWith(observed, primary, second, primary, now);
  if ('step' in own) return own.step;
  const others = compareWith(observed, primary, second, first, now);
  if ('step' in others) return others.step;
  const verdicts = compared.outcomes.map((outcome, row) => judge(outcome, own.outcomes[row], others.outcomes[row]));
  return conclude(observed, primary, delivered, verdicts, [first, second], own.message);
}

function judge(
  primaryVerifier: Outcome | undefined,
  primaryReference: Outcome | undefined,
  verifierReference: Outcome | undefined,
): Verdict {
  return decideVerdict({ delivered: 'matchesLeaf', primaryVerifier, primaryReference, verifierReference });
}

type Compared =
  { readonly outcomes: readonly Outcome[]; readonly message: string } | { readonly step: VerificationStep };

/** The outcomes of two attempts, row by row, or what must happen first. */
function compareWith(
  observed: Observed,
  primary: Attempt,
  reference: Attempt,
  candidate: Attempt,
  now: number,
): Compared {
  for (const round of [reference, candidate]) {
    if (round === primary) continue;
    const step = stepAttempt(observed, round, now);
    if (step.stage === 'Failed') return { step: { actions: failureActions(round, step.failure) } };
    if (step.stage !== 'Delivered') return { step };
  }
  const key = comparisonKey(reference.attempt, candidate.attempt);
  const comparison = observed.known.comparisons.get(key);
  if (comparison?.result === 'Compared') return comparison;
  if (observed.known.busy.has(`Compare/${key}`)) return { step: { actions: [] } };
  if (comparison !== undefined && now < comparison.retryAt)
    return { step: { actions: [], wakeAt: comparison.retryAt } };
  const action: Action = {
    type: 'Compare',
    primary: primary.attempt,
    reference: reference.attempt,
    candidate: candidate.attempt,
  };
  return { step: { actions: [action] } };
}

/** What a failed attempt leads to: its hold goes back, and proof against its node is acted on first. */
export function failureActions(attempt: Attempt, { reason, message, charged, isFraud }: AttemptFailure): Action[] {
  if (attempt.state !== 'Held') return [];
  const { cluster, node } = attempt;
  return [
    ...(isFraud ? [{ type: 'Quarantine', cluster, node, message } as const] : []),
    { type: 'Refund', attempt: attempt.attempt, reason, charged },
  ];
}

function conclude(
  observed: Observed,
  primary: Attempt,
  delivered: Delivered,
  verdicts: readonly Verdict[],
  rounds: readonly Attempt[],
  message: string,
): VerificationStep {
  const verdict = {
    primary: worst(verdicts.map((one) => one.primary)),
    verifier: worst(verdicts.map((one) => one.verifier)),
  };
  return settle(observed, primary, verdict, rounds, delivered, message);
}

function worst(outcomes: readonly (Outcome | undefined)[]): Outcome {
  if (outcomes.includes('fail')) return 'fail';
  return outcomes.includes('inconclusive') || outcomes.includes(undefined) ? 'inconclusive' : 'pass';
}

interface WindowVerdict {
  readonly primary: Outcome;
  readonly verifier: Outcome | undefined;
}

/**
 * Pays re-executions before it quarantines, and quarantines before it settles the work: from each crash between, the window is
 * judged again to the same end. A re-execution that says nothing goes last, or another would be asked for.
 */
function settle(
  observed: Observed,
  primary: Attempt,
  verdict: WindowVerdict,
  [first, second]: readonly Attempt[],
  { receipt }: Delivered,
  message: string,
): VerificationStep {
  const actions: Action[] = [];
  const last: Action[] = [];
  // A trusted node is paid for its work, whatever it shows; a peer that is neither right nor wrong is not.
  const settleRound = (round: Attempt | undefined, outcome: Outcome | undefined): void => {
    if (round?.state !== 'Held') return;
    const { attempt, cluster, node, purpose } = round;
    if (outcome === 'pass' || purpose === 'Reference') actions.push({ type: 'Release', attempt, outputs: undefined });
    else if (outcome === 'fail') {
      actions.push({
        type: 'Quarantine',
        cluster,
        node,
        message: `re-execution of ${primary.node}'s rows was wrong: ${message}`,
      });
      actions.push({ type: 'Refund', attempt, reason: 'VerificationFailed', charged: false });
    } else last.push({ type: 'Refund', attempt, reason: 'VerificationInconclusive', charged: false });
  };
  settleRound(second, 'pass');
  settleRound(first, verdict.verifier);
  const { attempt, cluster, node } = primary;
  const refund = (reason: string): void => void actions.push({ type: 'Refund', attempt, reason, charged: false });
  if (verdict.primary === 'fail') {
    actions.push({ type: 'Quarantine', cluster, node, message });
    refund('VerificationFailed');
  } else if (isQuarantined(observed, primary)) refund('NodeQuarantined');
  else if (verdict.primary === 'pass') actions.push({ type: 'Release', attempt, outputs: receipt.outputs });
  else refund('VerificationInconclusive');
  return { actions: [...actions, ...last] };
}

/** How long peers that are full or not ready are waited for before a trusted node does their work. */
const waitForPeerMilliseconds = 30_000;

/** How long a dispute waits for a trusted node that may decide it. One that nobody can decide must not bind work for ever. */
const waitForReferenceMilliseconds = 300_000;

/** Re-executions that may fail at peers before a trusted node is preferred. */
const peerFailures = 2;

/**
 * Asks for a node: an independent one, or a trusted one to be the reference or where no independent one does the work. Gives
 * the window up where no answer can come any more.
 */
function place(
  observed: Observed,
  primary: Attempt,
  delivered: Delivered,
  rounds: readonly Attempt[],
  first: Attempt | undefined,
  now: number,
): VerificationStep {
  const involved = first === undefined ? [primary] : [primary, first];
  const problem = observed.known.verificationPlacement.get(primary.attempt);
  const giveUp = (verifier: Outcome): VerificationStep =>
    settle(observed, primary, { primary: 'inconclusive', verifier }, involved.slice(1), delivered, '');
  // Nothing more is paid to judge what is not paid anyway; who re-executed it did the work.
  if (isQuarantined(observed, primary)) return giveUp('pass');
  const claims = rounds.filter(({ state, reason }) => state === 'Refunded' && isClaim(reason)).length;
  if (claims >= observed.options.maxVerificationRounds) return giveUp('inconclusive');
  const isUndecidable =
    first !== undefined && problem?.reason === 'NoNodeFits' && now - problem.since >= waitForReferenceMilliseconds;
  if (isUndecidable) return giveUp('inconclusive');

  const failures = rounds.filter(isFailure);
  const lastFailure = Math.max(0, ...failures.map(endOf));
  const retryAt = Math.max(problem?.retryAt ?? 0, lastFailure + retryDelay(failures.length));
  if (now < retryAt) return { actions: [], wakeAt: retryAt };
  const sample = delivered.sampled >= primary.records ? 'All' : delivered.sampled;
  return {
    actions: [
      {
        type: 'PlaceVerification',
        primary: primary.attempt,
        records: composedRecords(sample, primary.records),
        needs: first !== undefined || prefersTrusted(problem, failures, now) ? 'Trusted' : 'Independent',
        excludedClusters: involved.map(({ cluster }) => cluster),
        excludedProviders: first === undefined ? [primary.provider] : [],
        excludedNodes: rounds
          .filter(({ state }) => state === 'Refunded')
          .map(({ cluster, node }) => `${cluster}/${node}`),
        available: remainingBudget(observed.job, observed.attempts),
      },
    ],
  };
}

/** Where a trusted node was asked for in vain, peers are asked again: one may have become free. */
function prefersTrusted(problem: VerificationProblem | undefined, failures: readonly Attempt[], now: number): boolean {
  if (problem?.needs === 'Trusted') return false;
  if (failures.filter(({ purpose }) => purpose === 'Verification').length >= peerFailures) return true;
  if (problem === undefined) return false;
  return problem.explanation?.resolvable === false || now - problem.since >= waitForPeerMilliseconds;
}

function isQuarantined(observed: Observed, { cluster, node }: Attempt): boolean {
  return observed.place(cluster, node).isQuarantined;
}
