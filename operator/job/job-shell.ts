import { edgeNamespace, type InferenceJob, type InferenceTask } from '@isochrone/api';
import { ApiError } from '@isochrone/kube';
import type { OperatorSecret } from '../attempt/operator-secret.ts';
import type { SamplingKeys } from '../attempt/sampling-keys.ts';
import { taskIdentity, type TaskIdentity } from '../attempt/identity.ts';
import { AdmissionProblem, asProblem } from './admission-problem.ts';
import { groupAttempts, type Attempt } from './attempts.ts';
import type { Background } from './background.ts';
import type { JobControllerDeps } from './job-controller.ts';
import type { JobMemory } from './job-memory.ts';
import { openJobStorage, type JobStorage } from './job-storage.ts';
import type { JobMetrics } from './metrics.ts';
import { resolveModel, type JobModel } from './model-check.ts';
import { sampleOf } from './sample.ts';
import type { Problem, SampledRows } from './observed.ts';

export interface ShellContext {
  readonly deps: JobControllerDeps;
  readonly secret: OperatorSecret;
  readonly sampling: SamplingKeys;
  readonly background: Background;
  /** For inputs that are copied, and results that are written as responses. */
  readonly copies: Background;
  readonly metrics: JobMetrics;
  /** Reconciles the job again, now. */
  readonly wake: (key: string) => void;
  /** Tells to which job the tasks of a work belong. */
  readonly claimWork: (workUID: string, key: string) => void;
}

/** An informer that does not show a task for longer than this has missed it, or the task is gone: the API server is asked. */
const informerLagMilliseconds = 30_000;

/** Who mends an input waits no longer for the operator to look. */
const mostRetrySeconds = 600;

/** Secrets are read anew after this: rotated credentials must work. */
const storageCacheMilliseconds = 60_000;

/** One job, with what its actions need. Lives for one run; what lasts is in the memory. */
export class JobShell {
  readonly context: ShellContext;
  readonly key: string;
  readonly job: InferenceJob;
  readonly memory: JobMemory;

  constructor(context: ShellContext, key: string, job: InferenceJob, memory: JobMemory) {
    this.context = context;
    this.key = key;
    this.job = job;
    this.memory = memory;
  }

  get deps(): JobControllerDeps {
    return this.context.deps;
  }
  get secret(): OperatorSecret {
    return this.context.secret;
  }
  get metrics(): JobMetrics {
    return this.context.metrics;
  }

  /** Reads all attempts from the ledger, once for each process. */
  async load(): Promise<readonly Attempt[]> {
    const { memory, deps } = this;
    if (memory.attempts === undefined) {
      memory.highestAttempt = await deps.ledger.highestAttempt(memory.uid);
      memory.attempts = groupAttempts(await deps.ledger.attempts(memory.uid));
    }
    for (const attempt of memory.attempts) this.identity(attempt.attempt);
    return memory.attempts;
  }

  /** Reads one attempt again, after it was changed. */
  async reload(attempt: number): Promise<void> {
    const attempts = this.memory.attempts!;
    const [row] = groupAttempts(await this.deps.ledger.attempts(this.memory.uid, attempt));
    if (row === undefined) return;
    const at = positionOf(attempts, attempt);
    attempts.splice(at, attempts[at]?.attempt === attempt ? 1 : 0, row);
    this.identity(attempt);
  }

  nextAttempt(): number {
    const { attempts, highestAttempt } = this.memory;
    return Math.max(attempts!.at(-1)?.attempt ?? 0, highestAttempt) + 1;
  }

  /** @throws Error for an attempt that the ledger does not have, which is a bug */
  attempt(attempt: number): Attempt {
    const attempts = this.memory.attempts ?? [];
    const found = attempts[positionOf(attempts, attempt)];
    if (found?.attempt !== attempt) throw new Error(`job ${this.key} has no attempt ${attempt}`);
    return found;
  }

  identity(attempt: number): TaskIdentity {
    const { identities, uid } = this.memory;
    let identity = identities.get(attempt);
    if (identity === undefined) {
      identity = taskIdentity(this.secret.names, uid, this.attempt(attempt));
      identities.set(attempt, identity);
      this.context.claimWork(identity.workUID, this.key);
    }
    return identity;
  }

  /** Where the task of an attempt lies, or would. */
  taskRef(attempt: number): { namespace: string; name: string } {
    return { namespace: edgeNamespace(this.attempt(attempt).cluster), name: this.identity(attempt).name };
  }

  /** The task as it is known best: what this process wrote, until the informer has caught up. */
  task(attempt: number): InferenceTask | undefined {
    const { written, deleted } = this.memory;
    const { namespace, name } = this.taskRef(attempt);
    const own = written.get(attempt);
    const seen = this.deps.tasks.get(`${namespace}/${name}`);
    const isFresh = own !== undefined && this.deps.clock.monotonic() - own.at < informerLagMilliseconds;
    const task = own !== undefined && (seen === undefined ? isFresh : isNewer(own.task, seen)) ? own.task : seen;
    return task === undefined || deleted.has(task.metadata.uid!) ? undefined : task;
  }

  /** @throws AdmissionProblem when the model is gone or not admitted any more: the action waits for it */
  model(): JobModel {
    const resolved = resolveModel(this.job, this.deps.models.get(this.job.spec.modelRef.name));
    if ('model' in resolved) return resolved.model;
    throw new AdmissionProblem(resolved.problem.reason, resolved.problem.message);
  }

  remember(attempt: number, task: InferenceTask): void {
    this.memory.written.set(attempt, { task, at: this.deps.clock.monotonic() });
  }

  async storage(): Promise<JobStorage> {
    const { memory, deps, job } = this;
    const now = deps.clock.monotonic();
    if (memory.storage === undefined || now - memory.storage.at > storageCacheMilliseconds) {
      memory.storage = { value: await openJobStorage(deps.client, job), at: now };
    }
    return memory.storage.value;
  }

  /** Leaf indices that are re-executed of an attempt of work. */
  sampledRows(attempt: number): SampledRows {
    const { records } = this.attempt(attempt);
    return sampleOf(this.job, records) === 'All' ? 'All' : (this.task(attempt)?.spec.challenge?.indices ?? []);
  }

  /** When what fails now is tried again, milliseconds since 1970. @param doublings of the usual wait, for what costs much */
  retryAt(doublings = 0): number {
    const seconds = this.deps.options.retrySeconds * 2 ** doublings;
    return this.deps.clock.now() + Math.min(seconds, mostRetrySeconds) * 1000;
  }

  /** Leaves an action alone for a while, and tells why. */
  stall(key: string, problem: Problem): void {
    this.memory.stalled.set(key, { ...problem, retryAt: this.retryAt() });
  }

  isStalled(key: string): boolean {
    return this.deps.clock.now() < (this.memory.stalled.get(key)?.retryAt ?? 0);
  }

  /**
   * Runs long work in the background, once at a time under the key of its action, and reconciles when it has ended. Work
   * that fails is left alone for a while: the reconcile that it wakes would start it again at once.
   * @param pool what is slow, or takes disk, goes to `context.copies`, where it does not hold up the work of other jobs
   */
  inBackground(key: string, work: (signal: AbortSignal) => Promise<void>, pool = this.context.background): void {
    const { memory, context, deps } = this;
    if (memory.busy.has(key)) return;
    memory.busy.add(key);
    pool.start(async (signal) => {
      const started = deps.clock.monotonic();
      try {
        await work(signal);
        memory.stalled.delete(key);
      } catch (error) {
        if (signal.aborted) return;
        const problem = problemOf(error);
        this.stall(key, problem ?? { reason: 'OperatorError', message: String(error) });
        if (problem === undefined)
          deps.logger.error({ err: error, job: this.key, work: key }, 'background work failed; it is tried again');
      } finally {
        const [action] = key.split('/') as [string];
        this.metrics.actionSeconds.observe({ action }, (deps.clock.monotonic() - started) / 1000);
        memory.busy.delete(key);
        context.wake(this.key);
      }
    });
  }
}

/** What a user can be told of an error; undefined for one that only the operator's log explains. */
export function problemOf(error: unknown): Problem | undefined {
  const known = asProblem(error);
  if (known instanceof AdmissionProblem) return known.problem;
  // What the API server refuses it refuses again: a quota, a policy, a field.
  if (error instanceof ApiError && (error.isForbidden || error.isInvalid))
    return { reason: 'RefusedByHub', message: error.message };
  return undefined;
}

/** Where an attempt is, or would be, in the list that ascends. A job may have a hundred thousand, each asked for in every round. */
function positionOf(attempts: readonly Attempt[], attempt: number): number {
  let [low, high] = [0, attempts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (attempts[middle]!.attempt < attempt) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Resource versions of one resource order its writes (KEP-5504). */
function isNewer(own: InferenceTask, seen: InferenceTask): boolean {
  if (own.metadata.uid !== seen.metadata.uid) return false;
  return BigInt(own.metadata.resourceVersion!) > BigInt(seen.metadata.resourceVersion!);
}
