import { setTimeout as delay } from 'node:timers/promises';
import {
  annotations,
  inferenceJobResource,
  inferenceTaskResource,
  type InferenceJob,
  type InferenceTask,
} from '@isochrone/api';
import { isConditionTrue, type ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';

/** One attempt as it was seen on the hub. */
export interface SeenTask {
  readonly name: string;
  readonly cluster: string;
  readonly node: string;
  readonly attempt: number;
  readonly device: string;
  /** Of the job's own work; otherwise a re-execution or an admission. */
  readonly isWork: boolean;
  readonly shards: readonly number[];
  readonly records: number;
  /** By the agent's clock. */
  readonly startTime?: string;
  readonly completionTime?: string;
  /** The scheduler's, when it bound the task. */
  readonly predictedMilliseconds?: number;
  readonly phase: string;
}

/** A decision of the scheduler as the status showed it. */
export interface SeenDecision {
  readonly time: string;
  readonly message: string;
  readonly candidates: NonNullable<NonNullable<NonNullable<InferenceJob['status']>['scheduling']>['candidates']>;
}

export interface JobHistory {
  readonly job: InferenceJob;
  /** By name; tasks are deleted when they are settled, so they are remembered here. */
  readonly tasks: readonly SeenTask[];
  readonly decisions: readonly SeenDecision[];
}

export interface FollowOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  readonly timeoutMilliseconds: number;
  /** Told the line of progress. */
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal;
}

const pollMilliseconds = 400;

/** Watches a job to its end. @throws CliError DEMO_FAILED when it fails or takes too long */
export async function followJob(options: FollowOptions): Promise<JobHistory> {
  const { client, namespace, name, timeoutMilliseconds, onProgress, signal } = options;
  const deadline = performance.now() + timeoutMilliseconds;
  const tasks = new Map<string, SeenTask>();
  const decisions = new Map<string, SeenDecision>();
  for (;;) {
    signal?.throwIfAborted();
    const job = await client.get(inferenceJobResource, { namespace, name });
    const all = await client.list(inferenceTaskResource);
    for (const task of all.items) {
      if (task.spec.type !== 'Batch') continue;
      tasks.set(task.metadata.name, seenTask(task, job));
    }
    const { scheduling } = job.status ?? {};
    if (scheduling?.time !== undefined) {
      const { time, message = '', candidates = [] } = scheduling;
      decisions.set(`${time} ${message}`, { time, message, candidates });
    }
    onProgress(progressLine(job, [...tasks.values()]));
    const history = { job, tasks: [...tasks.values()], decisions: [...decisions.values()] };
    if (isConditionTrue(job.status?.conditions, 'Complete')) return history;
    if (isConditionTrue(job.status?.conditions, 'Failed')) {
      throw new CliError('DEMO_FAILED', `the job failed: ${job.status?.message ?? 'no message'}`);
    }
    if (performance.now() > deadline) {
      const state = `${job.status?.phase ?? 'no status'}, ${job.status?.progress ?? '0'}: ${job.status?.message ?? ''}`;
      throw new CliError('DEMO_FAILED', `the job did not complete within ${timeoutMilliseconds / 1000} s (${state})`);
    }
    await delay(pollMilliseconds, undefined, signal === undefined ? {} : { signal });
  }
}

function seenTask({ metadata, spec, status }: InferenceTask, job: InferenceJob): SeenTask {
  const predicted = metadata.annotations?.[annotations.predictedMilliseconds];
  return {
    name: metadata.name,
    cluster: (metadata.namespace ?? '').replace(/^edge-/, ''),
    node: spec.nodeName,
    attempt: spec.attempt,
    device: spec.executionProvider,
    isWork: spec.workUID === job.metadata.uid,
    shards: (spec.shards ?? []).map(({ index }) => index),
    records: (spec.shards ?? []).reduce((sum, { records }) => sum + records, 0),
    phase: status?.phase ?? 'Pending',
    ...(predicted === undefined ? {} : { predictedMilliseconds: Number(predicted) }),
    ...(status?.startTime === undefined ? {} : { startTime: status.startTime }),
    ...(status?.completionTime === undefined ? {} : { completionTime: status.completionTime }),
  };
}

/** One letter per shard: `.` waiting, the first letter of its cluster while it runs, `?` under verification, `#` complete. */
export function progressLine(job: InferenceJob, tasks: readonly SeenTask[]): string {
  const { shards, phase = 'Pending', message = '' } = job.status ?? {};
  if (shards?.total === undefined) return `${phase}: ${message || 'waiting for admission'}`;
  const { total, complete = 0, verifying = 0, running = 0 } = shards;
  const busy = tasks.filter(({ phase }) => phase === 'Pending' || phase === 'Running').map(({ cluster }) => cluster);
  const bar = '#'.repeat(complete) + '?'.repeat(verifying) + '>'.repeat(running);
  const where = busy.length === 0 ? '' : `, busy: ${[...new Set(busy)].sort().join(', ')}`;
  return `${bar.padEnd(total, '.').slice(0, Math.max(total, bar.length))} ${complete}/${total} verified and paid, ${verifying} under verification, ${running} running${where}`;
}
