import {
  annotations,
  clusterOfNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  type InferenceJob,
  type InferenceTask,
} from '@isochrone/api';
import { Informer, isConditionTrue, Metrics, type ApiClient } from '@isochrone/kube';
import { createLogger, createRegistry } from '@isochrone/service';
import { CliError } from '../errors.ts';
import { VERSION } from '../version.ts';

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
  /** In the order of their creation; tasks are deleted when they are settled, so they are remembered here. */
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

/**
 * Watches a job to its end, and until the last of its tasks is gone. A watch and no polls: a task may begin and be settled
 * between two of them, and its times are nowhere else.
 * @throws CliError DEMO_FAILED when it fails or takes too long
 */
export async function followJob(options: FollowOptions): Promise<JobHistory> {
  const { client, namespace, name, timeoutMilliseconds, onProgress, signal } = options;
  const common = {
    client,
    logger: createLogger({ program: 'demo', level: 'error', destination: process.stderr }),
    metrics: new Metrics(createRegistry('demo', VERSION)),
  };
  const jobs = new Informer({
    ...common,
    resource: inferenceJobResource,
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  const present = new Informer({ ...common, resource: inferenceTaskResource });
  const tasks = new Map<string, InferenceTask>();
  const decisions = new Map<string, SeenDecision>();
  const ended = Promise.withResolvers<JobHistory>();
  const look = (): void => {
    const [job] = jobs.list();
    if (job === undefined) return;
    const { scheduling, conditions, message } = job.status ?? {};
    if (scheduling?.time !== undefined) {
      const { time, message: decision = '', candidates = [] } = scheduling;
      decisions.set(`${time} ${decision}`, { time, message: decision, candidates });
    }
    const seen = [...tasks.values()].map((task) => seenTask(task, job));
    onProgress(progressLine(job, seen));
    if (isConditionTrue(conditions, 'Failed')) {
      ended.reject(new CliError('DEMO_FAILED', `the job failed: ${message ?? 'no message'}`));
    }
    if (isConditionTrue(conditions, 'Complete') && !present.list().some(isBatch)) {
      ended.resolve({ job, tasks: seen, decisions: [...decisions.values()] });
    }
  };
  jobs.onChange(look);
  present.onChange((change) => {
    if (change.type !== 'Deleted' && isBatch(change.current)) tasks.set(change.key, change.current);
    look();
  });
  const tooLong = AbortSignal.timeout(timeoutMilliseconds);
  const over = new AbortController();
  const stop = AbortSignal.any([over.signal, tooLong, ...(signal ? [signal] : [])]);
  stop.addEventListener('abort', () => {
    const { phase = 'no status', progress = '0', message = '' } = jobs.list()[0]?.status ?? {};
    const text = `the job did not complete within ${timeoutMilliseconds / 1000} s (${phase}, ${progress}: ${message})`;
    ended.reject(tooLong.aborted ? new CliError('DEMO_FAILED', text) : stop.reason);
  });
  const running = Promise.all([jobs.run(stop), present.run(stop)]);
  try {
    return await ended.promise;
  } finally {
    over.abort();
    await running;
  }
}

function isBatch({ spec }: InferenceTask): boolean {
  return spec.type === 'Batch';
}

function seenTask({ metadata, spec, status }: InferenceTask, job: InferenceJob): SeenTask {
  const predicted = metadata.annotations?.[annotations.predictedMilliseconds];
  return {
    name: metadata.name,
    cluster: clusterOfNamespace(metadata.namespace) ?? '',
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
