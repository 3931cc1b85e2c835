import type { InferenceTask } from '@isochrone/api';
import type { DeviceLedger } from '../admission/device-ledger.ts';
import { TaskFailure } from '../errors.ts';
import { parseQuantity } from '@isochrone/kube';
import type { RunState } from './decide.ts';
import { runTask, type TaskRunParts } from './task-run.ts';
import { failureOf, type TaskResult } from './task-result.ts';

interface Run {
  readonly task: InferenceTask;
  readonly abort: AbortController;
  state: RunState;
  result?: TaskResult;
  /** Resolves when the run has ended, however. */
  ended: Promise<void>;
}

export interface TaskRunnerOptions {
  readonly parts: TaskRunParts;
  readonly ledger: DeviceLedger;
  /** Something about the key has changed: it is to be looked at again. */
  readonly onChange: (key: string) => void;
  /** A task that does not fit waits this long for one that is just ending. */
  readonly capacityPatienceMilliseconds: number;
}

/** The runs of this agent, by the task's key. What is to be done is decided elsewhere; this does it. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #runs = new Map<string, Run>();
  /** When a task was first found not to fit, monotonic milliseconds. */
  readonly #waiting = new Map<string, number>();

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  state(key: string): { run: RunState; runUID: string | undefined } {
    const run = this.#runs.get(key);
    return { run: run?.state ?? 'none', runUID: run?.task.metadata.uid };
  }

  result(key: string): TaskResult | undefined {
    return this.#runs.get(key)?.result;
  }

  get running(): number {
    return [...this.#runs.values()].filter(({ state }) => state === 'running' || state === 'stopping').length;
  }

  /** Begins the task. @returns false when it does not fit now and is to be tried again soon */
  start(key: string, task: InferenceTask): boolean {
    const { ledger, parts, capacityPatienceMilliseconds } = this.#options;
    const { deviceUUID, model } = task.spec;
    const memoryBytes = parseQuantity(model.deviceMemory);
    const shortage =
      memoryBytes === undefined
        ? `spec.model.deviceMemory is ${JSON.stringify(model.deviceMemory)}; expected a quantity like 2Gi`
        : ledger.reserve(key, { deviceUUID, memoryBytes });
    if (shortage !== undefined) {
      const since = this.#waiting.get(key) ?? parts.clock.monotonic();
      this.#waiting.set(key, since);
      if (parts.clock.monotonic() - since < capacityPatienceMilliseconds) return false;
      this.#waiting.delete(key);
      this.#runs.set(key, {
        ...this.#newRun(task),
        state: 'finished',
        result: { type: 'failure', failure: new TaskFailure('OutOfCapacity', shortage) },
      });
      this.#options.onChange(key);
      return true;
    }
    this.#waiting.delete(key);
    const run = this.#newRun(task);
    this.#runs.set(key, run);
    run.ended = this.#perform(key, run);
    return true;
  }

  /** Kills the run. It is forgotten once it has ended, and may begin again. */
  stop(key: string, reason: string): void {
    const run = this.#runs.get(key);
    if (run?.state !== 'running') return;
    run.state = 'stopping';
    run.abort.abort(new Error(reason));
  }

  reported(key: string): void {
    const run = this.#runs.get(key);
    if (run?.state === 'finished') run.state = 'reported';
  }

  forget(key: string): void {
    this.#waiting.delete(key);
    this.#runs.delete(key);
  }

  /** Kills every run and waits for its end. */
  async stopAll(reason: string): Promise<void> {
    for (const key of this.#runs.keys()) this.stop(key, reason);
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  #newRun(task: InferenceTask): Run {
    return { task, abort: new AbortController(), state: 'running', ended: Promise.resolve() };
  }

  async #perform(key: string, run: Run): Promise<void> {
    const { parts, ledger, onChange } = this.#options;
    parts.metrics.runningTasks.inc();
    let result: TaskResult;
    try {
      result = await runTask(run.task, parts, run.abort.signal);
    } catch (error) {
      result = { type: 'failure', failure: failureOf(error) };
    }
    parts.metrics.runningTasks.dec();
    // Free before the end is told, so that the task that comes for it fits.
    ledger.release(key);
    if (run.abort.signal.aborted) {
      parts.logger.info({ task: key, reason: String(run.abort.signal.reason) }, 'a run was stopped');
      this.#runs.delete(key);
    } else {
      run.result = result;
      run.state = 'finished';
    }
    onChange(key);
  }
}
