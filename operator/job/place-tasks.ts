import type { InferenceJob } from '@isochrone/api';
import { LedgerError, amountFor, formatMoney, type HeldShard, type HoldRequest } from '@isochrone/ledger';
import { taskIdentity } from '../attempt/identity.ts';
import type { Binding, Explanation } from '../scheduler-client.ts';
import type { Action } from './actions.ts';
import { askForWork, askScheduler, withdraw } from './ask-scheduler.ts';
import { ledgerNode } from './attempts.ts';
import { affordablePrice } from './budget.ts';
import type { JobShell } from './job-shell.ts';
import type { JobModel } from './model-check.ts';
import type { PlacementProblem, Problem } from './observed.ts';
import { placementMessage } from './placement-remedy.ts';
import type { Demand } from './task-request.ts';

type Place = Extract<Action, { type: 'Place' }>;
type PlaceVerification = Extract<Action, { type: 'PlaceVerification' }>;

/** Binds groups of shards and holds their pay; what finds no node is told in `memory.placement`, with the time of the next try. */
export async function placeWork(shell: JobShell, { groups, available }: Place, signal: AbortSignal): Promise<void> {
  const { job, memory } = shell;
  const model = shell.model();
  const first = shell.nextAttempt();
  const demands = groups.map((group, offset): Demand => {
    const records = group.shards.reduce((sum, shard) => sum + shard.records, 0);
    const affordable = affordablePrice(job, records, model.referenceNanosecondsPerRecord, available);
    const { excludedNodes, excludedProviders } = group;
    return { workUID: memory.uid, attempt: first + offset, records, affordable, excludedNodes, excludedProviders };
  });
  if (demands.some(({ affordable }) => affordable < 1n)) {
    const message = `${formatMoney(available < 0n ? 0n : available)} of spec.budget.total is not held or paid; that bears no price for the next shards and their re-execution`;
    memory.placement = problemNow(shell, memory.placement, { reason: 'BudgetExhausted', message });
    return;
  }
  const placements = await askForWork(shell, model, demands, signal);
  if ('problem' in placements) {
    memory.placement = problemNow(shell, memory.placement, placements.problem);
    return;
  }
  let left = available;
  let problem: Problem | undefined;
  const unused: Demand[] = [];
  for (const [index, { binding, explanation }] of placements.placements.entries()) {
    const demand = demands[index]!;
    if (binding === undefined) {
      problem ??= unplaced(job, explanation, demand);
      continue;
    }
    const shards = groups[index]!.shards.map((shard) => ({
      index: shard.index,
      records: shard.records,
      amount: amountOf(shard.records, model, binding),
    }));
    const total = shards.reduce((sum, { amount }) => sum + amount, 0n);
    const terms = { attempt: demand.attempt, purpose: 'Work', shards } as const;
    // Also when an earlier group has no node: the scheduler keeps the capacity of this one for it.
    const refusal: Problem | undefined =
      total > left
        ? {
            reason: 'BudgetExhausted',
            message: `the next shards cost ${formatMoney(total)}, ${formatMoney(left < 0n ? 0n : left)} of spec.budget.total is left`,
          }
        : await holdAttempt(shell, terms, binding, 'None');
    problem ??= refusal;
    if (refusal === undefined) left -= total;
    else unused.push(demand);
  }
  await withdraw(shell, unused, signal);
  memory.placement =
    problem === undefined
      ? undefined
      : problemNow(shell, memory.placement, problem, memory.lastExplanation?.explanation);
}

/** Binds a re-execution and holds its pay; without a node, `memory.verificationPlacement` tells it, with the time of the next try. */
export async function placeVerification(
  shell: JobShell,
  action: PlaceVerification,
  signal: AbortSignal,
): Promise<void> {
  const { memory, deps } = shell;
  const model = shell.model();
  const { primary, records, needs, available } = action;
  const attempt = shell.nextAttempt();
  const purpose = needs === 'Trusted' ? 'Reference' : 'Verification';
  const before = memory.verificationPlacement.get(primary);
  const tell = (problem: Problem, hopeless?: Explanation): void => {
    const told = { ...problemNow(shell, before, problem, hopeless), needs };
    memory.verificationPlacement.set(primary, hopeless === undefined ? told : { ...told, retryAt: deps.clock.now() });
  };
  const cost = BigInt(records) * BigInt(model.referenceNanosecondsPerRecord);
  const affordable = available <= 0n ? 0n : (available * 10n ** 12n) / cost;
  if (affordable < 1n)
    return tell({
      reason: 'BudgetExhausted',
      message: `${formatMoney(available < 0n ? 0n : available)} of spec.budget.total is left for verification`,
    });
  const { workUID } = taskIdentity(shell.secret.names, memory.uid, { attempt, purpose, verifies: primary });
  const demand: Demand = {
    workUID,
    attempt,
    records,
    affordable,
    trusted: needs === 'Trusted',
    excludedNodes: action.excludedNodes,
    excludedClusters: action.excludedClusters,
    excludedProviders: action.excludedProviders,
  };
  const placements = await askScheduler(shell, model, [demand], signal);
  if ('problem' in placements) return tell(placements.problem);
  const [placement] = placements.placements;
  const { binding, explanation } = placement!;
  if (binding === undefined) {
    const what = needs === 'Trusted' ? 'no trusted node can re-execute' : 'no independent node can re-execute';
    const problem = { reason: 'NoNodeFits', message: `${what} attempt ${primary}: ${explanation?.message ?? ''}` };
    // Where no independent node exists a trusted one is asked at once; where that fails, it begins again with independent ones.
    const isHopeless = needs === 'Independent' && explanation?.resolvable === false;
    return tell(problem, isHopeless ? explanation : undefined);
  }
  const amount = amountOf(records, model, binding);
  const isSampled = records !== shell.attempt(primary).records || shell.sampledRows(primary) !== 'All';
  const terms = { attempt, purpose, verifies: primary, shards: [{ index: primary, records, amount }] } as const;
  const refusal: Problem | undefined =
    amount > available
      ? {
          reason: 'BudgetExhausted',
          message: `re-execution costs ${formatMoney(amount)}, ${formatMoney(available)} of spec.budget.total is left`,
        }
      : await holdAttempt(shell, terms, binding, isSampled ? 'Needed' : 'None');
  if (refusal !== undefined) {
    await withdraw(shell, [demand], signal);
    return tell(refusal);
  }
  memory.verificationPlacement.delete(primary);
}

function amountOf(records: number, model: JobModel, { price }: Binding): bigint {
  return amountFor(records, BigInt(model.referenceNanosecondsPerRecord), BigInt(price));
}

/** Whether the fleet or the budget is why there is no node: the budget, when every edge node asks for more than is left. */
function unplaced(job: InferenceJob, explanation: Explanation | undefined, { affordable }: Demand): Problem {
  const message = placementMessage(job, explanation);
  const ownLimit = job.spec.budget.maxPricePerThousandReferenceSeconds;
  const count = (plugin: string): number =>
    (explanation?.rejects ?? []).reduce((sum, reject) => sum + (reject.plugin === plugin ? reject.count : 0), 0);
  const tooExpensive = count('PriceCap');
  const isBudget =
    ownLimit === undefined && tooExpensive > 0 && tooExpensive + count('TrustedClass') === explanation?.nodesEvaluated;
  if (!isBudget) return { reason: 'NoNodeFits', message };
  return {
    reason: 'BudgetExhausted',
    message: `${message}; what is left of spec.budget.total bears ${formatMoney(affordable)} per thousand reference seconds`,
  };
}

type Terms = Pick<HoldRequest, 'attempt' | 'purpose'> & {
  readonly verifies?: number;
  readonly shards: readonly HeldShard[];
};

/** Holds the pay; from then on the attempt exists. @returns why not, when the namespace cannot pay */
async function holdAttempt(
  shell: JobShell,
  terms: Terms,
  binding: Binding,
  composition: 'None' | 'Needed',
): Promise<Problem | undefined> {
  const { deps, memory, job, metrics } = shell;
  const node = ledgerNode(binding.cluster, binding.node);
  try {
    await deps.ledger.hold({
      token: deps.token,
      namespace: job.metadata.namespace!,
      jobUID: memory.uid,
      provider: binding.provider,
      node,
      ...terms,
    });
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'INSUFFICIENT_FUNDS')
      return { reason: 'InsufficientFunds', message: error.message };
    throw error;
  }
  memory.pending.set(terms.attempt, { binding, composition });
  await shell.reload(terms.attempt);
  metrics.held(shell.attempt(terms.attempt));
  return undefined;
}

function problemNow(
  { deps }: JobShell,
  before: PlacementProblem | undefined,
  problem: Problem,
  explanation?: Explanation,
): PlacementProblem {
  const now = deps.clock.now();
  return { ...problem, explanation, retryAt: now + deps.options.retrySeconds * 1000, since: before?.since ?? now };
}
