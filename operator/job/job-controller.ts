import {
  inferenceJobResource,
  labels,
  type EdgeCluster,
  type InferenceJob,
  type InferenceModel,
  type InferenceNode,
  type InferenceTask,
} from '@isochrone/api';
import {
  ApiError,
  Controller,
  done,
  keyOf,
  refOf,
  requeueAfter,
  type ApiClient,
  type Clock,
  type EventRecorder,
  type Informer,
  type Logger,
  type Metrics,
  type ReconcileContext,
  type ReconcileResult,
} from '@isochrone/kube';
import type { Ledger } from '@isochrone/ledger';
import { removeAbandonedScratch } from '../input/scratch-folder.ts';
import { loadOperatorSecret } from '../attempt/operator-secret.ts';
import { openSamplingKeys } from '../attempt/sampling-keys.ts';
import type { EvictionBrake } from '../edge-cluster/eviction-brake.ts';
import type { SchedulerClient } from '../scheduler-client.ts';
import { Background } from './background.ts';
import { executeAll } from './execute.ts';
import { statusEvents } from './job-events.ts';
import { JobMemory } from './job-memory.ts';
import { jobEnd } from './job-samples.ts';
import { JobShell, type ShellContext } from './job-shell.ts';
import { JobMetrics } from './metrics.ts';
import { observeJobs } from './observe-jobs.ts';
import type { Observed } from './observed.ts';
import type { JobOptions } from './options.ts';
import { placeView } from './place-view.ts';
import { reconcileJob } from './reconcile-job.ts';
import { isMilestone, statusPatch } from './status-patch.ts';
import { schedulerLagMilliseconds, wakeOnFleetChange } from './wake-waiting.ts';
import { workUIDOf } from './work-uid.ts';

export interface JobControllerDeps {
  /** The hub. */
  readonly client: ApiClient;
  /** Namespace of the operator, with its Secret, its ConfigMap and the Secrets of models. */
  readonly namespace: string;
  /** Informers over the whole hub, run by the caller. */
  readonly jobs: Informer<InferenceJob>;
  readonly models: Informer<InferenceModel>;
  readonly tasks: Informer<InferenceTask>;
  readonly nodes: Informer<InferenceNode>;
  readonly clusters: Informer<EdgeCluster>;
  readonly brake: EvictionBrake;
  readonly ledger: Ledger;
  /** Of this leadership, from `ledger.acquireLeadership`. */
  readonly token: bigint;
  readonly scheduler: SchedulerClient;
  readonly events: EventRecorder;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly options: JobOptions;
}

export interface JobController {
  /** Works until the signal aborts; resolves when everything is stopped. */
  run(signal: AbortSignal): Promise<void>;
}

/** Rounds of deciding and doing in one reconcile; more are for the next one, so that no job starves others. */
const maxRounds = 32;
/** Reconciles get this long to end when the operator stops. */
const graceMilliseconds = 5000;

/**
 * Prepares the operator's Secret and the sampling chain, and builds the controller; `run` starts it.
 * @throws OperatorError OPERATOR_SECRET_INVALID; ApiError
 */
export async function createJobController(deps: JobControllerDeps): Promise<JobController> {
  const secret = await loadOperatorSecret(deps.client, deps.namespace);
  const sampling = await openSamplingKeys(
    deps.client,
    deps.namespace,
    secret.sampling,
    deps.options.samplingEpochSeconds,
    deps.clock.now(),
  );
  const background = new Background(deps.options.objectConcurrency);
  const copies = new Background(deps.options.copyConcurrency);
  const works = new Map<string, string>();
  const memories = new Map<string, JobMemory>();
  const metrics = new JobMetrics(deps.metrics.registry);

  const jobsOfTask = (task: InferenceTask): string[] => {
    const key = works.get(task.metadata.labels?.[labels.workUID] ?? '');
    return key === undefined ? [] : [key];
  };
  const controller = new Controller({
    name: 'inferencejob',
    concurrency: deps.options.concurrency,
    logger: deps.logger,
    metrics: deps.metrics,
    clock: deps.clock,
    backoff: { baseMilliseconds: 100, maxMilliseconds: 30_000 },
    graceMilliseconds,
    reconcile: (key, reconcile) => reconcileKey(context, memories, key, reconcile),
  });
  const context: ShellContext = {
    deps,
    secret,
    sampling,
    background,
    copies,
    metrics,
    wake: (key) => controller.enqueue(key),
    claimWork: (workUID, key) => void works.set(workUID, key),
  };
  controller
    .watches(deps.jobs, (job, key) => {
      works.set(workUIDOf(job), key);
      return [key];
    })
    .watches(deps.tasks, jobsOfTask)
    .watches(deps.models, (model) =>
      deps.jobs
        .list()
        .filter((job) => job.spec.modelRef.name === model.metadata.name && !isEnded(job))
        .map((job) => keyOf(job)),
    );

  return {
    async run(signal) {
      await removeAbandonedScratch();
      const stops = [
        observeJobs(metrics, {
          jobs: () => deps.jobs.list(),
          attempts: () => memories.values().flatMap(({ attempts = [] }) => attempts),
        }),
        deps.tasks.onChange((change) => {
          if (change.type !== 'Deleted') return;
          const memory = memories.get(jobsOfTask(change.previous)[0] ?? '');
          memory?.written.delete(change.previous.spec.attempt);
          memory?.deleted.delete(change.previous.metadata.uid!);
        }),
        deps.jobs.onChange((change) => {
          if (change.type === 'Deleted') forget(works, memories, change.key, change.previous);
        }),
        wakeOnFleetChange(deps, memories, (key) =>
          controller.enqueue(key, { afterMilliseconds: schedulerLagMilliseconds }),
        ),
      ];
      const revealing = revealKeys(context, signal);
      await controller.run(signal);
      for (const stop of stops) stop();
      await Promise.all([background.stop(), copies.stop(), revealing]);
    },
  };
}

function isEnded({ status }: InferenceJob): boolean {
  return status?.phase === 'Complete' || status?.phase === 'Failed';
}

function forget(works: Map<string, string>, memories: Map<string, JobMemory>, key: string, job: InferenceJob): void {
  const memory = memories.get(key);
  works.delete(workUIDOf(job));
  if (memory?.uid !== workUIDOf(job)) return;
  for (const { workUID } of memory?.identities.values() ?? []) works.delete(workUID);
  memories.delete(key);
}

async function revealKeys({ deps, sampling }: ShellContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = deps.clock.now();
    let wait = sampling.millisecondsToReveal(now);
    try {
      await sampling.reveal(now);
    } catch (error) {
      deps.logger.warn({ err: error }, 'the sampling key of a past epoch could not be published; it is tried again');
      wait = deps.options.retrySeconds * 1000;
    }
    await deps.clock.sleep(wait, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

async function reconcileKey(
  context: ShellContext,
  memories: Map<string, JobMemory>,
  key: string,
  { signal }: ReconcileContext,
): Promise<ReconcileResult> {
  const { deps } = context;
  const job = deps.jobs.get(key);
  if (job === undefined) return done;
  let memory = memories.get(key);
  if (memory === undefined || memory.uid !== workUIDOf(job)) memories.set(key, (memory = new JobMemory(job)));
  for (let round = 0; round < maxRounds; round++) {
    const { status } = memory;
    const shell = new JobShell(context, key, status === undefined ? job : { ...job, status }, memory);
    const observed = await observe(shell);
    const now = deps.clock.now();
    const decision = reconcileJob(observed, now);
    const { changed, failure } = await executeAll(shell, decision.actions, signal);
    const wrote = await writeStatus(shell, decision.status, changed && failure === undefined);
    if (failure !== undefined) throw failure as Error;
    if (changed || wrote === 'milestone') continue;
    if (isEnded(shell.job) && decision.actions.length === 0 && memory.busy.size === 0) memory.trim();
    // Later ones were skipped just now; earlier ones wait for another of their window.
    const retries = [...memory.stalled.values()].map(({ retryAt }) => retryAt).filter((at) => at > now);
    const wakeAt = [...retries, ...(decision.wakeAt === undefined ? [] : [decision.wakeAt])];
    const known = [
      ...(wrote === 'later' ? [deps.options.statusIntervalMilliseconds] : []),
      ...wakeAt.map((at) => Math.max(at - deps.clock.now(), 10)),
    ];
    return known.length === 0 ? done : requeueAfter(Math.min(...known));
  }
  return requeueAfter(0);
}

async function observe(shell: JobShell): Promise<Observed> {
  const { deps, job, memory } = shell;
  const attempts = await shell.load();
  const tasks = new Map<number, InferenceTask>();
  for (const { attempt } of attempts) {
    const task = shell.task(attempt);
    if (task === undefined) continue;
    tasks.set(attempt, task);
    // After a restart the deadline of a challenge begins anew.
    if (task.spec.acknowledgedAttempt === attempt && !memory.challengedAt.has(attempt))
      memory.challengedAt.set(attempt, deps.clock.now());
  }
  return {
    job,
    model: deps.models.get(job.spec.modelRef.name),
    attempts,
    tasks,
    place: (cluster, node) => placeView(deps.clusters, deps.nodes, deps.brake.current, cluster, node),
    known: memory,
    options: deps.options,
  };
}

/** Writes the status when it changed: milestones at once, the rest at most once in a while. */
async function writeStatus(
  shell: JobShell,
  next: Observed['job']['status'] & object,
  more: boolean,
): Promise<'milestone' | 'written' | 'later' | 'same'> {
  const { deps, job, memory } = shell;
  const patch = statusPatch(job.status, next);
  if (patch === undefined) return 'same';
  const milestone = isMilestone(job.status, next);
  const isDue = deps.clock.monotonic() - memory.statusWrittenAt >= deps.options.statusIntervalMilliseconds;
  if (!milestone && (more || !isDue)) return 'later';
  try {
    await deps.client.mergePatch(
      inferenceJobResource,
      refOf(job),
      { metadata: { uid: job.metadata.uid! }, status: patch },
      { subresource: 'status' },
    );
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return 'same';
    throw error;
  }
  memory.status = next;
  memory.statusWrittenAt = deps.clock.monotonic();
  const end = jobEnd(job, next);
  if (end !== undefined) shell.metrics.ended(end);
  for (const event of statusEvents(job.status, next)) deps.events.record(inferenceJobResource, job, event);
  return milestone ? 'milestone' : 'written';
}
