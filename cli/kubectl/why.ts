import type { InferenceJob } from '@isochrone/api';
import { age, table } from '../output.ts';
import { advise } from './advice.ts';

/** What `kubectl isochrone why` knows, for machines. */
export function whyDocument(job: InferenceJob): object {
  const { phase, message, progress, shards, failedShards, scheduling, conditions } = job.status ?? {};
  const { namespace, name } = job.metadata;
  return {
    namespace,
    name,
    phase,
    message,
    progress,
    shards,
    failedShards,
    scheduling,
    conditions,
    advice: advise(job),
  };
}

/** The same for people. @param now wall clock, milliseconds since the epoch */
export function whyText(job: InferenceJob, now: number, wide: boolean): string {
  const { status } = job;
  const title = `InferenceJob ${job.metadata.namespace ?? ''}/${job.metadata.name}`;
  if (status?.phase === undefined) {
    return `${title}: the operator has not looked at it yet.\nIf that lasts, see whether it runs: kubectl get lease -n isochrone-system isochrone-operator\n`;
  }
  const progress = status.progress === undefined ? '' : `, ${status.progress} shards complete`;
  return [
    `${title}: ${status.phase}${progress}\n${status.message === undefined ? '' : `${status.message}\n`}`,
    conditionsText(job, now),
    schedulingText(job, now, wide),
    failedShardsText(job),
    adviceText(job),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function conditionsText({ status }: InferenceJob, now: number): string {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return '';
  const rows = conditions.map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    status,
    reason,
    age(now - Date.parse(lastTransitionTime)),
    message,
  ]);
  return table(['CONDITION', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'], rows);
}

function schedulingText({ status }: InferenceJob, now: number, wide: boolean): string {
  const scheduling = status?.scheduling;
  if (scheduling === undefined) return '';
  const { time, message, nodesEvaluated, rejects = [], candidates = [] } = scheduling;
  const when = time === undefined ? '' : ` ${age(now - Date.parse(time))} ago`;
  const nodes = nodesEvaluated === undefined ? '' : `, ${nodesEvaluated} nodes looked at`;
  const parts = [`Last decision${when}${nodes}: ${message ?? ''}\n`];
  if (rejects.length > 0) {
    const rows = rejects.map(({ plugin, reason, count }) => [String(count), plugin, reason]);
    parts.push(table(['REJECTED', 'BY', 'BECAUSE'], rows, '  '));
  }
  if (candidates.length > 0) {
    const rows = candidates.map(({ cluster, node, predictedMilliseconds, price, scores = [] }) => [
      `${cluster}/${node}`,
      predictedMilliseconds === undefined ? '' : `${predictedMilliseconds} ms`,
      price ?? '',
      ...(wide ? [scores.map(({ plugin, micros }) => `${plugin}=${micros}`).join(' ')] : []),
    ]);
    parts.push(table(['CANDIDATE', 'PREDICTED', 'PRICE', ...(wide ? ['SCORE IN MICRO-CURRENCY'] : [])], rows, '  '));
  }
  return parts.join('');
}

function failedShardsText({ status }: InferenceJob): string {
  const failed = status?.failedShards ?? [];
  if (failed.length === 0) return '';
  const rows = failed.map(({ index, reason, message }) => [String(index), reason, message ?? '']);
  return table(['FAILED SHARD', 'REASON', 'MESSAGE'], rows);
}

function adviceText(job: InferenceJob): string {
  const advice = advise(job);
  if (advice.length === 0) return '';
  return `What to change:\n${advice.map((line) => `  - ${line}\n`).join('')}`;
}
