import { decideVerdict, type Outcome, type Verdict } from '@isochrone/verification';
import type { Action } from './actions.ts';
import { isFailure, type Attempt } from './attempts.ts';
import { remainingBudget } from './budget.ts';
import { comparisonKey, type Observed } from './observed.ts';
import { composedRecords } from './sample.ts';
import { stepAttempt, type AcceptedReceipt, type AttemptFailure } from './step-attempt.ts';

export interface VerificationStep {
  readonly actions: readonly Action[];
  readonly wakeAt?: number;
}

type Delivered = { readonly receipt: AcceptedReceipt; readonly sampled: number };

/**
 * Decides about the window of one attempt of work whose delivered bytes are what its node committed to: who re-executes,
 * what is compared, and who is paid. Re-executions are settled before the work: a crash between leaves the work held, and it
 * is judged again.
 */
export function stepVerification(
  observed: Observed,
  primary: Attempt,
  delivered: Delivered,
  now: number,
): VerificationStep {
  const rounds = observed.attempts.filter(({ verifies }) => verifies === primary.attempt);
  const tries = rounds.filter((round) => round.state !== 'Refunded' || isFailure(round)).length;
  // A released one whose task is gone cannot be compared any more; another takes its place.
  const usable = rounds.filter(
    ({ state, attempt }) => state === 'Held' || (state === 'Released' && observed.tasks.has(attempt)),
  );
  const first = usable.find(({ purpose }) => purpose === 'Verification') ?? usable[0];
  if (first === undefined) {
    if (tries >= observed.options.maxVerificationRounds) {
      return settle(
        primary,
        { primary: 'inconclusive', verifier: undefined },
        [],
        delivered,
        'no re-execution came to an end',
      );
    }
    return place(observed, primary, delivered, undefined, now);
  }
  const compared = compareWith(observed, primary, primary, first, now);
  if ('step' in compared) return compared.step;
  const disagree = compared.outcomes.some((outcome) => judge(outcome, undefined, undefined).awaits === 'reference');
  if (!disagree)
    return conclude(
      primary,
      delivered,
      compared.outcomes.map((outcome) => judge(outcome, undefined, undefined)),
      [first],
      compared.message,
    );

  const second = usable.find((round) => round !== first && round.purpose === 'Reference');
  if (second === undefined) {
    if (tries >= observed.options.maxVerificationRounds) {
      return settle(
        primary,
        { primary: 'inconclusive', verifier: 'inconclusive' },
        [first],
        delivered,
        'no reference came to an end',
      );
    }
    return place(observed, primary, delivered, first, now);
  }
  const own = compareWith(observed, primary, second, primary, now);
  if ('step' in own) return own.step;
  const others = compareWith(observed, primary, second, first, now);
  if ('step' in others) return others.step;
  const verdicts = compared.outcomes.map((outcome, row) => judge(outcome, own.outcomes[row], others.outcomes[row]));
  return conclude(primary, delivered, verdicts, [first, second], own.message);
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
  return settle(primary, verdict, rounds, delivered, message);
}

function worst(outcomes: readonly (Outcome | undefined)[]): Outcome {
  if (outcomes.includes('fail')) return 'fail';
  return outcomes.includes('inconclusive') || outcomes.includes(undefined) ? 'inconclusive' : 'pass';
}

interface WindowVerdict {
  readonly primary: Outcome;
  readonly verifier: Outcome | undefined;
}

function settle(
  primary: Attempt,
  verdict: WindowVerdict,
  rounds: readonly Attempt[],
  { receipt }: Delivered,
  message: string,
): VerificationStep {
  const [first, second] = rounds;
  const actions: Action[] = [];
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
    } else actions.push({ type: 'Refund', attempt, reason: 'VerificationInconclusive', charged: false });
  };
  if (verdict.primary === 'fail')
    actions.push({ type: 'Quarantine', cluster: primary.cluster, node: primary.node, message });
  settleRound(first, verdict.verifier);
  settleRound(second, 'pass');
  const { attempt } = primary;
  if (verdict.primary === 'pass') actions.push({ type: 'Release', attempt, outputs: receipt.outputs });
  else {
    const reason = verdict.primary === 'fail' ? 'VerificationFailed' : 'VerificationInconclusive';
    actions.push({ type: 'Refund', attempt, reason, charged: false });
  }
  return { actions };
}

/** How long peers that are full or not ready are waited for before a trusted node does their work. */
const waitForPeerMilliseconds = 30_000;

/** Asks for a node: an independent one, or a trusted one to be the reference or where no independent one exists. */
function place(
  observed: Observed,
  primary: Attempt,
  { sampled }: Delivered,
  first: Attempt | undefined,
  now: number,
): VerificationStep {
  const problem = observed.known.verificationPlacement.get(primary.attempt);
  if (problem !== undefined && now < problem.retryAt) return { actions: [], wakeAt: problem.retryAt };
  const noPeer =
    problem !== undefined &&
    (problem.explanation?.resolvable === false || now - problem.since >= waitForPeerMilliseconds);
  const failures = observed.attempts.filter(
    ({ verifies, state }) => verifies === primary.attempt && state === 'Refunded',
  );
  const sample = sampled >= primary.records ? 'All' : sampled;
  const involved = first === undefined ? [primary] : [primary, first];
  return {
    actions: [
      {
        type: 'PlaceVerification',
        primary: primary.attempt,
        records: composedRecords(sample, primary.records),
        needs: first !== undefined || noPeer ? 'Trusted' : 'Independent',
        excludedClusters: involved.map(({ cluster }) => cluster),
        excludedProviders: first === undefined ? [primary.provider] : [],
        excludedNodes: failures.map(({ cluster, node }) => `${cluster}/${node}`),
        available: remainingBudget(observed.job, observed.attempts),
      },
    ],
  };
}
