import { hasCode } from '../errors.ts';
import type { Binding, Explanation, Placement, TaskRequest } from '../scheduler-client.ts';
import { ledgerNode } from './attempts.ts';
import type { JobShell } from './job-shell.ts';
import type { JobModel } from './model-check.ts';
import type { Problem } from './observed.ts';
import { taskRequest, type Demand } from './task-request.ts';

/** Providers that blamed model or input are asked again where no other has such a node: then their word is all there is. */
export async function askForWork(
  shell: JobShell,
  model: JobModel,
  demands: readonly Demand[],
  signal: AbortSignal,
): Promise<{ placements: Answer[] } | { problem: Problem }> {
  const asked = await askScheduler(shell, model, demands, signal);
  if ('problem' in asked) return asked;
  const { placements } = asked;
  const without = [...demands.entries()].filter(
    ([index, { excludedProviders = [] }]) =>
      excludedProviders.length > 0 &&
      placements[index]!.binding === undefined &&
      placements[index]!.explanation?.resolvable === false,
  );
  if (without.length === 0) return asked;
  const again = await askScheduler(
    shell,
    model,
    without.map(([, demand]) => ({ ...demand, excludedProviders: [] })),
    signal,
  );
  if ('problem' in again) return again;
  for (const [nth, [index]] of without.entries()) placements[index] = again.placements[nth]!;
  return { placements };
}

/**
 * Asks for all at once. Where exclusions alone leave no node, the oldest is forgotten, and again: better a node that failed
 * long ago than none.
 */
export async function askScheduler(
  shell: JobShell,
  model: JobModel,
  demands: readonly Demand[],
  signal: AbortSignal,
): Promise<{ placements: Answer[] } | { problem: Problem }> {
  const { job, deps, memory } = shell;
  const request = (demand: Demand): TaskRequest => taskRequest(job, job.status!.input!, model, demand);
  const isTrusted = (cluster: string): boolean => deps.clusters.get(cluster)?.spec.class === 'Trusted';
  try {
    const placements: Answer[] = [];
    for (const [index, placement] of (await deps.scheduler.place(demands.map(request), signal)).entries()) {
      let demand = demands[index]!;
      let answer = answerOf(placement, demand, isTrusted);
      while (answer.binding === undefined && demand.excludedNodes.length > 0) {
        demand = { ...demand, excludedNodes: demand.excludedNodes.slice(1) };
        const [again] = await deps.scheduler.place([request(demand)], signal);
        answer = answerOf(again!, demand, isTrusted);
      }
      placements.push(answer);
    }
    await withdraw(
      shell,
      demands.filter((_, index) => placements[index]!.isRefused),
      signal,
    );
    // An answer that looked at no node only repeats what was decided before: the reasons of then are the ones to tell.
    const explanation = placements.findLast(
      (one) => one.explanation?.nodesEvaluated !== 0 || !one.binding,
    )?.explanation;
    if (explanation) memory.lastExplanation = { explanation, at: deps.clock.now() };
    return { placements };
  } catch (error) {
    if (hasCode(error, 'SCHEDULER_UNAVAILABLE'))
      return { problem: { reason: 'SchedulerUnavailable', message: error.message } };
    if (hasCode(error, 'SCHEDULER_REFUSED')) return { problem: { reason: 'PlacementRefused', message: error.message } };
    throw error;
  }
}

interface Answer {
  readonly binding: Binding | undefined;
  readonly explanation: Explanation | undefined;
  /** A node was offered that the demand rules out. */
  readonly isRefused: boolean;
}

/**
 * The scheduler is believed in what fits best, not in what may not be: no node is paid for checking its own work, whatever
 * went wrong there.
 */
function answerOf(
  { binding, explanation }: Placement,
  { excludedNodes, excludedClusters = [], excludedProviders = [], trusted = false }: Demand,
  isTrusted: (cluster: string) => boolean,
): Answer {
  const isRefused =
    binding !== null &&
    (excludedNodes.includes(ledgerNode(binding.cluster, binding.node)) ||
      excludedClusters.includes(binding.cluster) ||
      excludedProviders.includes(binding.provider) ||
      isTrusted(binding.cluster) !== trusted);
  return {
    binding: binding === null || isRefused ? undefined : binding,
    explanation: isRefused ? undefined : (explanation ?? undefined),
    isRefused,
  };
}

/** Lets others have the capacity that was assumed for demands. When it cannot be said, the assumptions expire. */
export async function withdraw(
  { deps, key }: JobShell,
  demands: readonly Pick<Demand, 'workUID' | 'attempt'>[],
  signal: AbortSignal,
): Promise<void> {
  if (demands.length === 0) return;
  try {
    const attempts = demands.map(({ workUID, attempt }) => ({ workUid: workUID, attempt }));
    await deps.scheduler.withdraw(attempts, signal);
  } catch (error) {
    if (!hasCode(error, 'SCHEDULER_UNAVAILABLE')) throw error;
    deps.logger.warn({ err: error, job: key }, 'placements could not be given back; they expire');
  }
}
