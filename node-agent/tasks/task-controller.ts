import type { InferenceTask } from '@isochrone/api';
import {
  ApiError,
  Controller,
  done,
  requeueAfter,
  type Informer,
  type Metrics,
  type ReconcileResult,
} from '@isochrone/kube';
import { TaskFailure } from '../errors.ts';
import { decideTask } from './decide.ts';
import { attemptKey, forgetOthers, patchStatus, type TaskRunParts } from './task-run.ts';
import { refusedResult, terminalStatus } from './task-result.ts';
import type { TaskRunner } from './task-runner.ts';

export interface TaskControllerOptions {
  readonly tasks: Informer<InferenceTask>;
  readonly runner: TaskRunner;
  readonly parts: TaskRunParts;
  readonly metrics: Metrics;
  /** Whether work may be begun and go on. */
  readonly granted: () => boolean;
  readonly onChange: () => void;
}

const capacityRetryMilliseconds = 500;
const openMilliseconds = 30_000;
/** Longest delay before a report that failed is written again. */
const longestBackoffMilliseconds = 15_000;

/** Drives each task of this node to its end. */
export function taskController(options: TaskControllerOptions): Controller {
  const { tasks, metrics, parts } = options;
  return new Controller({
    name: 'task',
    reconcile: (key, { signal }) => reconcile(key, options, signal),
    concurrency: 4,
    logger: parts.logger,
    metrics,
    clock: parts.clock,
    backoff: { maxMilliseconds: longestBackoffMilliseconds },
    graceMilliseconds: 2_000,
  }).watches(tasks);
}

async function reconcile(key: string, options: TaskControllerOptions, signal: AbortSignal): Promise<ReconcileResult> {
  const { tasks, runner, granted, onChange, parts } = options;
  const task = tasks.get(key);
  const action = decideTask({ task, ...runner.state(key), granted: granted() });
  switch (action) {
    case 'none':
      return done;
    case 'start':
      if (!runner.start(key, task!)) return requeueAfter(capacityRetryMilliseconds);
      onChange();
      return done;
    case 'stop':
      runner.stop(
        key,
        granted()
          ? 'its task is gone or over'
          : "the grant of the cluster is over, or the node is not this agent's any more",
      );
      return done;
    case 'report':
      await report(key, task!, options, signal);
      onChange();
      return done;
    case 'open':
      try {
        await answerChallenge(task!, parts, signal);
      } catch (error) {
        // What the sidecar refuses, it refuses each time: the hub ends the wait.
        if (!(error instanceof TaskFailure) || error.reason !== 'AgentInternal') throw error;
        parts.logger.error({ task: key, err: error }, 'the challenge cannot be answered');
      }
      return done;
    case 'forget':
      runner.forget(key);
      await forgetEnded(options);
      return done;
  }
}

/** Removes the files and journal of every attempt that is over or gone. */
export async function forgetEnded({
  tasks,
  runner,
  parts,
}: Pick<TaskControllerOptions, 'tasks' | 'runner' | 'parts'>): Promise<void> {
  const live = [...tasks.keys()].flatMap((key) => {
    const task = tasks.get(key)!;
    const over = ['Succeeded', 'Failed'].includes(task.status?.phase ?? '');
    return over && runner.state(key).run === 'none' ? [] : [attemptKey(task)];
  });
  await forgetOthers(parts, live);
}

async function report(
  key: string,
  task: InferenceTask,
  { runner, parts }: TaskControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  let result = runner.result(key)!;
  const write = (): Promise<unknown> =>
    patchStatus(parts, task, terminalStatus(result, task.spec.attempt, parts.clock.now()), signal);
  try {
    await write().catch((error: unknown) => {
      const refused = result.type === 'failure' ? undefined : refusedResult(result, error);
      if (refused === undefined) throw error;
      result = refused;
      return write();
    });
  } catch (error) {
    // Gone, or a namesake's: the informer will tell, and there is nobody to report to.
    if (!(error instanceof ApiError) || !(error.isNotFound || error.isConflict)) throw error;
  }
  runner.reported(key);
  const { metrics, logger } = parts;
  const type = task.spec.type;
  if (result.type === 'failure') {
    const { failureClass, reason, message } = result.failure;
    metrics.failures.inc({ class: failureClass, reason });
    metrics.tasks.inc({ type, result: 'Failed' });
    logger.warn({ task: key, class: failureClass, reason, err: result.failure }, message);
  } else {
    metrics.tasks.inc({ type, result: 'Succeeded' });
    logger.info({ task: key, type }, 'an attempt succeeded');
  }
}

async function answerChallenge(task: InferenceTask, parts: TaskRunParts, signal: AbortSignal): Promise<void> {
  const { workUID, attempt, challenge } = task.spec;
  const openings = await parts.verifier.open(workUID, attempt, challenge!.indices, openMilliseconds);
  const status = {
    openings: openings.map(({ index, proof }) => ({ index, proof: Buffer.from(proof).toString('base64') })),
  };
  await patchStatus(parts, task, status, signal);
}
