import type { InferenceJobStatus } from '@isochrone/api';
import { findCondition, type RecordedEvent } from '@isochrone/kube';
import type { Action } from './actions.ts';
import type { Attempt } from './attempts.ts';

/** Refunds that nothing went wrong in. */
const quiet = new Set(['Suspended', 'JobDeleted', 'JobFailed', 'Superseded', 'NeverStarted']);

/** What an action means to a user; told once it is done. */
export function actionEvent(action: Action, attempts: readonly Attempt[]): RecordedEvent | undefined {
  if (action.type === 'Quarantine') {
    return {
      type: 'Warning',
      reason: 'NodeQuarantined',
      note: `node ${action.cluster}/${action.node}: ${action.message}`,
    };
  }
  if (action.type !== 'Refund' || quiet.has(action.reason)) return undefined;
  const attempt = attempts.find((one) => one.attempt === action.attempt);
  if (attempt === undefined) return undefined;
  const isVerdict = action.reason === 'VerificationFailed' || action.reason === 'VerificationInconclusive';
  const cost = action.charged ? 'it counts against backoffLimitPerShard' : 'it costs nothing';
  const note = `attempt ${attempt.attempt} on ${attempt.cluster}/${attempt.node}: ${action.reason}; ${cost}`;
  return { type: 'Warning', reason: isVerdict ? 'VerificationFailed' : 'TaskFailed', note };
}

/** What a written status tells. Windows come together: statuses are written seldom. */
export function statusEvents(before: InferenceJobStatus | undefined, after: InferenceJobStatus): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  const milestone = (type: string, reason: string, kind: RecordedEvent['type'] = 'Normal'): void => {
    const condition = findCondition(after.conditions, type);
    const wasTrue = findCondition(before?.conditions, type)?.status === 'True';
    if (condition?.status === 'True' && !wasTrue) events.push({ type: kind, reason, note: condition.message });
  };
  milestone('Admitted', 'Admitted');
  milestone('Placed', 'Placed');
  const [passedBefore, passed] = [before?.verification?.passed ?? 0, after.verification?.passed ?? 0];
  if (passed > passedBefore) {
    const note = `${passed - passedBefore} more windows stand, ${passed} in all; ${after.progress ?? ''} shards`;
    events.push({ type: 'Normal', reason: 'WindowVerified', note });
  }
  milestone('Complete', 'Completed');
  milestone('Failed', 'Failed', 'Warning');
  return events;
}
