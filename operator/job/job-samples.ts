import { conditions, type InferenceJob, type InferenceJobStatus } from '@isochrone/api';
import { findCondition, type Sample } from '@isochrone/kube';
import type { Purpose } from '@isochrone/ledger';
import type { Attempt } from './attempts.ts';

const phases = ['Pending', 'Running', 'Suspended', 'Complete', 'Failed'] as const;
const shardStates = ['pending', 'running', 'verifying', 'complete', 'failed'] as const;
/** Conditions whose False means that somebody has to do or to wait for something. */
const waitingConditions = ['Admitted', 'Placed'] as const;

/** Reasons with which a job fails. */
export const jobFailures = conditions.inferenceJob.Failed.filter((reason) => reason !== 'Running');

export function phaseSamples(jobs: readonly InferenceJob[]): Sample<'phase'>[] {
  const counts = new Map<string, number>(phases.map((phase) => [phase, 0]));
  for (const { status } of jobs) add(counts, status?.phase ?? 'Pending', 1);
  return [...counts].map(([phase, value]) => ({ labels: { phase }, value }));
}

/** Jobs that wait, by condition and reason; every reason is told, also with 0. */
export function waitingSamples(jobs: readonly InferenceJob[]): Sample<'condition' | 'reason'>[] {
  return waitingConditions.flatMap((condition) => {
    const reasons = conditions.inferenceJob[condition].filter((reason) => reason !== condition);
    const counts = new Map<string, number>(reasons.map((reason) => [reason, 0]));
    for (const { status } of jobs) {
      const found = isEnded(status) ? undefined : findCondition(status?.conditions, condition);
      if (found?.status === 'False') add(counts, found.reason, 1);
    }
    return [...counts].map(([reason, value]) => ({ labels: { condition, reason }, value }));
  });
}

/** The shards of all jobs that have not ended. */
export function shardSamples(jobs: readonly InferenceJob[]): Sample<'state'>[] {
  const open = jobs.filter(({ status }) => !isEnded(status));
  return shardStates.map((state) => {
    const value = open.reduce((sum, { status }) => sum + (status?.shards?.[state] ?? 0), 0);
    return { labels: { state }, value };
  });
}

/** How many attempts are held, and their pay in micro-currency, by purpose. */
export function openHolds(attempts: Iterable<Attempt>): Map<Purpose, { count: number; micros: bigint }> {
  const open = new Map<Purpose, { count: number; micros: bigint }>();
  for (const purpose of ['Work', 'Verification', 'Reference'] as const) open.set(purpose, { count: 0, micros: 0n });
  for (const { state, purpose, amount } of attempts) {
    if (state !== 'Held') continue;
    const sum = open.get(purpose)!;
    sum.count++;
    sum.micros += amount;
  }
  return open;
}

export interface JobEnd {
  readonly result: 'complete' | 'failed';
  readonly reason: string;
  /** Undefined without spec.activeDeadlineSeconds, and for a job that failed for another reason. */
  readonly deadline: 'met' | 'missed' | undefined;
  /** From its admission; undefined for a job that was never admitted. */
  readonly seconds: number | undefined;
}

/** What a status that was just written says of the end of a job; undefined when it is not the one that ends it. */
export function jobEnd({ spec, status: before }: InferenceJob, after: InferenceJobStatus): JobEnd | undefined {
  if (isEnded(before) || !isEnded(after)) return undefined;
  const result = after.phase === 'Complete' ? 'complete' : 'failed';
  const type = result === 'complete' ? 'Complete' : 'Failed';
  const reason = findCondition(after.conditions, type)?.reason ?? '';
  const late = reason === 'DeadlineExceeded' ? 'missed' : undefined;
  const { startTime, completionTime } = after;
  return {
    result,
    reason,
    deadline: spec.activeDeadlineSeconds === undefined ? undefined : result === 'complete' ? 'met' : late,
    seconds:
      startTime === undefined || completionTime === undefined
        ? undefined
        : (Date.parse(completionTime) - Date.parse(startTime)) / 1000,
  };
}

function isEnded(status: InferenceJobStatus | undefined): boolean {
  return status?.phase === 'Complete' || status?.phase === 'Failed';
}

function add(counts: Map<string, number>, key: string, value: number): void {
  counts.set(key, (counts.get(key) ?? 0) + value);
}
