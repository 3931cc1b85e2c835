import { edgeNamespace, inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { deleteTaskAndAccess } from '@isochrone/operator/delete-task';
import { CliError } from '../errors.ts';
import { isOpen } from './fleet-rows.ts';
import { followUntil, readAll, type Source, type Sources } from './live.ts';
import type { FleetTarget } from './targets.ts';

export interface DrainOptions {
  /** How long running tasks are waited for; 0: as long as it takes. */
  readonly timeoutMilliseconds: number;
  /** What still runs then is placed elsewhere; with no timeout at once. */
  readonly handOver: boolean;
  /** What the caller has for tasks that do not end, for the message; absent when it was given already. */
  readonly remedy?: string | undefined;
  /** Told how many tasks are left. */
  readonly onTasks: (left: number) => void;
}

export interface Drained {
  /** Tasks that ended by themselves, and were settled. */
  readonly finished: number;
  readonly handedOver: number;
}

interface TaskSource extends Sources {
  readonly tasks: Source<InferenceTask>;
}

/** The tasks of a node or a member that are not settled yet. A result that is checked needs its node to open rows. */
export function tasksOf(target: FleetTarget, tasks: readonly InferenceTask[]): InferenceTask[] {
  return target.kind === 'Cluster' ? [...tasks] : tasks.filter(({ spec }) => spec.nodeName === target.name);
}

/**
 * Waits until nothing is left to do for a node or a member that was cordoned before.
 * @throws CliError NOT_READY when tasks are left after the timeout; ApiError
 */
export async function drain(client: ApiClient, target: FleetTarget, options: DrainOptions): Promise<Drained> {
  const { timeoutMilliseconds, handOver, remedy, onTasks } = options;
  const namespace = edgeNamespace(target.kind === 'Cluster' ? target.name : target.cluster);
  const source: TaskSource = { tasks: { resource: inferenceTaskResource, namespace } };
  const seen = new Set<string>();
  const handedOver = new Set<string>();
  const isBounded = timeoutMilliseconds > 0;
  if (handOver && !isBounded) for (const uid of await handOverTasks(client, target, source)) handedOver.add(uid);
  /** @returns the tasks that are left when the time is over; none when it ended before */
  const wait = async (limit: number): Promise<InferenceTask[]> => {
    // Read first: the time may be over before the watch has begun.
    let left = tasksOf(target, (await readAll(client, source)).tasks);
    await followUntil(client, source, { timeoutMilliseconds: limit }, ({ tasks }) => {
      left = tasksOf(target, tasks);
      for (const { metadata } of left) seen.add(metadata.uid ?? '');
      onTasks(left.length);
      return left.length === 0;
    });
    return left;
  };
  let left = await wait(timeoutMilliseconds);
  if (left.length > 0 && handOver) {
    for (const uid of await handOverTasks(client, target, source)) handedOver.add(uid);
    left = await wait(timeoutMilliseconds);
  }
  return outcomeOf(left, { seen, handedOver, remedy });
}

/**
 * What it comes to when nothing is left, or the time is over.
 * @throws CliError NOT_READY
 */
export function outcomeOf(
  left: readonly InferenceTask[],
  {
    seen,
    handedOver,
    remedy,
  }: { seen: ReadonlySet<string>; handedOver: ReadonlySet<string>; remedy?: string | undefined },
): Drained {
  if (left.length === 0)
    return { finished: [...seen].filter((uid) => !handedOver.has(uid)).length, handedOver: handedOver.size };
  const open = left.filter(isOpen).length;
  const [tasks, are] = left.length === 1 ? ['task', 'is'] : ['tasks', 'are'];
  throw new CliError(
    'NOT_READY',
    `${left.length} ${tasks} ${are} left (${open} running, ${left.length - open} being checked); wait longer by --timeout` +
      (remedy === undefined ? '' : `, or ${remedy}`),
  );
}

/**
 * Deletes what runs, acknowledged, so that no result of it is kept: the operator refunds the attempt, charges nobody, and
 * places its shards again. What is done already stays: it only waits for its verdict.
 */
async function handOverTasks(client: ApiClient, target: FleetTarget, source: TaskSource): Promise<string[]> {
  const { tasks } = await readAll(client, source);
  const running = tasksOf(target, tasks).filter(isOpen);
  for (const task of running) await deleteTaskAndAccess(client, task);
  return running.map(({ metadata }) => metadata.uid ?? '');
}
