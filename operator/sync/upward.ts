import { isDeepStrictEqual } from 'node:util';
import type { InferenceTask, InferenceTaskStatus } from '@isochrone/api';

/** The largest status that is sent up, in bytes of JSON; etcd takes 1.5 MiB for the whole object. */
export const MAX_STATUS_BYTES = 1_000_000;

export interface StatusPush {
  readonly status: InferenceTaskStatus;
  /** Progress alone can wait; a change of state cannot. */
  readonly isProgress: boolean;
}

const rank = { Pending: 0, Running: 1, Succeeded: 2, Failed: 2 } as const;

export function isTerminal(status: InferenceTaskStatus | undefined): boolean {
  return rank[status?.phase ?? 'Pending'] === 2;
}

/**
 * The status to write on the hub for a copy, or undefined when the hub knows as much. It only goes forward: after a
 * terminal phase nothing but the answers to a challenge may come.
 */
export function statusToPush(hub: InferenceTask, copy: InferenceTask): StatusPush | undefined {
  const known = hub.status ?? {};
  const reported = copy.status ?? {};
  if (reported.phase === undefined) return undefined;
  if (isTerminal(known)) return openingsToPush(known, reported);
  if (rank[reported.phase] < rank[known.phase ?? 'Pending']) return undefined;
  const recordsDone = Math.max(known.recordsDone ?? 0, reported.recordsDone ?? 0);
  const next = limited({
    ...reported,
    attempt: copy.spec.attempt,
    ...(recordsDone === 0 ? {} : { recordsDone }),
  });
  if (isDeepStrictEqual(next, known)) return undefined;
  const isProgress = isDeepStrictEqual({ ...next, recordsDone: 0 }, { ...known, recordsDone: 0 });
  return { status: next, isProgress };
}

function openingsToPush(known: InferenceTaskStatus, reported: InferenceTaskStatus): StatusPush | undefined {
  const { openings } = reported;
  if (reported.phase !== known.phase || openings === undefined) return undefined;
  if (isDeepStrictEqual(openings, known.openings)) return undefined;
  const status = { ...known, openings };
  // Too large to be honest: a proof has at most 64 hashes. Unanswered, the challenge runs out.
  return sizeOf(status) > MAX_STATUS_BYTES ? undefined : { status, isProgress: false };
}

function limited(status: InferenceTaskStatus): InferenceTaskStatus {
  const bytes = sizeOf(status);
  if (bytes <= MAX_STATUS_BYTES) return status;
  const message = `the status has ${bytes} bytes; at most ${MAX_STATUS_BYTES} are sent to the hub`;
  return failedStatus(status.attempt ?? 1, message);
}

/** What the hub is told when the member itself cannot serve the task. */
export function failedStatus(attempt: number, message: string): InferenceTaskStatus {
  const failure = { class: 'Provider', reason: 'AgentInternal', message: message.slice(0, 1024) } as const;
  return { phase: 'Failed', attempt, failure };
}

function sizeOf(status: InferenceTaskStatus): number {
  return Buffer.byteLength(JSON.stringify(status));
}
