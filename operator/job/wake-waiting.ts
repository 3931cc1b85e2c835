import type { EdgeCluster, InferenceNode, InferenceTask } from '@isochrone/api';
import type { Informer } from '@isochrone/kube';
import type { JobControllerDeps } from './job-controller.ts';
import type { JobMemory } from './job-memory.ts';

/** The scheduler sees the same change in its own time; asked at once it would still call the place full. */
export const schedulerLagMilliseconds = 200;

/** How many waiting jobs one freed place wakes: it can take one, and others may not fit. */
const wokenByFreedPlace = 16;

/**
 * Jobs that wait for a node need not wait for their next try when the fleet gets better or a place gets free, and open
 * attempts look at their place when it changes.
 * @returns a function that ends it
 */
export function wakeOnFleetChange(
  { nodes, clusters, tasks, clock }: JobControllerDeps,
  memories: ReadonlyMap<string, JobMemory>,
  wake: (key: string) => void,
): () => void {
  const assessment = (object: InferenceNode | EdgeCluster): string =>
    [
      `cordoned=${object.spec.unschedulable === true}`,
      ...(object.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`),
    ].join();
  const onFleet = <T extends InferenceNode | EdgeCluster>(informer: Informer<T>): (() => void) =>
    informer.onChange((change) => {
      if (change.type === 'Added' && change.initial) return;
      // Heartbeats and counters change nothing here.
      if (change.type === 'Updated' && assessment(change.previous) === assessment(change.current)) return;
      for (const [key, memory] of memories) {
        const isOpen = memory.attempts?.some(({ state }) => state === 'Held') ?? false;
        if (letTryAgain(memory, clock.now()) || isOpen) wake(key);
      }
    });
  const isOver = (task: InferenceTask): boolean =>
    task.status?.phase === 'Succeeded' || task.status?.phase === 'Failed';
  const stops = [
    onFleet(nodes),
    onFleet(clusters),
    tasks.onChange((change) => {
      const isFreed =
        change.type === 'Deleted'
          ? !isOver(change.previous)
          : change.type === 'Updated' && isOver(change.current) && !isOver(change.previous);
      if (!isFreed) return;
      let left = wokenByFreedPlace;
      for (const [key, memory] of memories) {
        if (left === 0) break;
        if (!letTryAgain(memory, clock.now())) continue;
        wake(key);
        left--;
      }
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

/** @returns whether the job waits for a node */
function letTryAgain(memory: JobMemory, now: number): boolean {
  const isWaiting = memory.placement?.reason === 'NoNodeFits' || memory.verificationPlacement.size > 0;
  if (memory.placement?.reason === 'NoNodeFits') memory.placement = { ...memory.placement, retryAt: now };
  for (const [attempt, problem] of memory.verificationPlacement) {
    if (problem.reason === 'NoNodeFits') memory.verificationPlacement.set(attempt, { ...problem, retryAt: now });
  }
  return isWaiting;
}
