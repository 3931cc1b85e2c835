import type { InferenceTask } from '@isochrone/api';

/** What the agent has in hand for a task. */
export type RunState = 'none' | 'running' | 'stopping' | 'finished' | 'reported';

export interface TaskObservation {
  /** Undefined when it is gone. */
  readonly task: InferenceTask | undefined;
  readonly run: RunState;
  /** UID of the task that the run is for. */
  readonly runUID: string | undefined;
  /** The cluster grants work, and the node is this agent's. */
  readonly granted: boolean;
}

export type TaskAction =
  | 'none'
  /** Begin, or go on from the journal. */
  | 'start'
  /** Kill the run; what is in the journal stays while the task does. */
  | 'stop'
  /** Write the result to the task. */
  | 'report'
  /** Answer the challenge. */
  | 'open'
  /** The task is over or gone: remove what was kept for it. */
  | 'forget';

/** What is to be done about one task now. Level-triggered: it is asked again after each action and each change. */
export function decideTask({ task, run, runUID, granted }: TaskObservation): TaskAction {
  const isCurrent =
    task !== undefined &&
    task.metadata.deletionTimestamp === undefined &&
    task.metadata.uid === (runUID ?? task.metadata.uid);
  if (!isCurrent) {
    if (run === 'running') return 'stop';
    return run === 'stopping' ? 'none' : 'forget';
  }
  const { phase, openings } = task.status ?? {};
  const terminal = phase === 'Succeeded' || phase === 'Failed';
  if (terminal) {
    // Another writer ended the task, or the report of this very run came back.
    if (run === 'running') return 'stop';
    if (run === 'stopping') return 'none';
    if (phase === 'Succeeded' && task.spec.challenge !== undefined && openings === undefined) return 'open';
    return run === 'none' ? 'none' : 'forget';
  }
  switch (run) {
    case 'none':
      return granted ? 'start' : 'none';
    case 'running':
      return granted ? 'none' : 'stop';
    case 'finished':
      return 'report';
    case 'stopping':
    case 'reported':
      // Reported: the informer has not seen our own write yet.
      return 'none';
  }
}
