import { isDeepStrictEqual } from 'node:util';
import { annotations, type InferenceTask, type InferenceTaskSpec } from '@isochrone/api';
import { originOf } from './copy.ts';
import { failedStatus, isTerminal, statusToPush, type StatusPush } from './upward.ts';

/** What the shell has seen of one task on both sides. */
export interface ObservedTask {
  readonly hub: InferenceTask | undefined;
  /** What has the name on the member, ours or a stranger's. */
  readonly copy: InferenceTask | undefined;
  /** What has the name of its storage Secret on the member. */
  readonly secret: 'Copied' | 'Missing' | 'Stranger';
  /** Whether the hub task was last seen with the result of the copy acknowledged. */
  readonly wasAcknowledged: boolean;
}

export type TaskAction =
  | { readonly type: 'Create' }
  | { readonly type: 'Delete'; readonly why: string }
  | { readonly type: 'PatchSpec'; readonly spec: Pick<InferenceTaskSpec, 'acknowledgedAttempt' | 'challenge'> }
  | { readonly type: 'MarkOrphaned' }
  | ({ readonly type: 'Push' } & StatusPush);

export interface TaskDecision {
  readonly actions: readonly TaskAction[];
  readonly requeueAfterMilliseconds?: number;
}

/** @param now milliseconds since 1970; @param outboxMilliseconds how long an unacknowledged result without a hub task is kept */
export function decideTask(observed: ObservedTask, now: number, outboxMilliseconds: number): TaskDecision {
  const { hub, copy } = observed;
  const isOurs = copy !== undefined && originOf(copy) !== undefined;
  if (hub === undefined || hub.metadata.deletionTimestamp !== undefined) {
    return isOurs ? withoutHub(observed, copy, now, outboxMilliseconds) : { actions: [] };
  }
  if (copy === undefined) return { actions: create(observed, hub) };
  if (!isOurs) return { actions: blockedByStranger(hub, `InferenceTask ${hub.metadata.name}`) };
  if (originOf(copy) !== hub.metadata.uid) {
    return { actions: [{ type: 'Delete', why: 'the hub made the task anew' }] };
  }
  return { actions: inStep(hub, copy) };
}

/** Nothing is run for a hub task whose result is known. */
function create({ secret }: ObservedTask, hub: InferenceTask): TaskAction[] {
  if (isTerminal(hub.status) || secret === 'Missing') return [];
  if (secret === 'Stranger') return blockedByStranger(hub, `Secret ${hub.spec.storageSecretName}`);
  return [{ type: 'Create' }];
}

/** The hub is told, so that the work goes elsewhere. */
function blockedByStranger(hub: InferenceTask, what: string): TaskAction[] {
  if (isTerminal(hub.status)) return [];
  const message = `the member has a ${what} that did not come from the hub; it is left alone`;
  return [{ type: 'Push', status: failedStatus(hub.spec.attempt, message), isProgress: false }];
}

function inStep(hub: InferenceTask, copy: InferenceTask): TaskAction[] {
  const actions: TaskAction[] = [];
  const { acknowledgedAttempt, challenge } = hub.spec;
  const isCurrent =
    acknowledgedAttempt === copy.spec.acknowledgedAttempt && isDeepStrictEqual(challenge, copy.spec.challenge);
  if (!isCurrent) {
    const spec = {
      ...(acknowledgedAttempt === undefined ? {} : { acknowledgedAttempt }),
      ...(challenge === undefined ? {} : { challenge }),
    };
    actions.push({ type: 'PatchSpec', spec });
  }
  const push = statusToPush(hub, copy);
  if (push !== undefined) actions.push({ type: 'Push', ...push });
  return actions;
}

/**
 * The hub no longer has the task. What runs is stopped. A result that the hub has not acknowledged stays for a while: should
 * the hub come back from an old backup, it is told again.
 */
function withoutHub(
  { wasAcknowledged }: ObservedTask,
  copy: InferenceTask,
  now: number,
  outboxMilliseconds: number,
): TaskDecision {
  if (copy.metadata.deletionTimestamp !== undefined) return { actions: [] };
  if (!isTerminal(copy.status)) return { actions: [{ type: 'Delete', why: 'the hub deleted the task' }] };
  if (wasAcknowledged || copy.spec.acknowledgedAttempt === copy.spec.attempt) {
    return { actions: [{ type: 'Delete', why: 'the hub has acknowledged the result' }] };
  }
  const orphaned = copy.metadata.annotations?.[annotations.orphanedTime];
  const since = orphaned === undefined ? Number.NaN : Date.parse(orphaned);
  if (Number.isNaN(since)) return { actions: [{ type: 'MarkOrphaned' }] };
  const left = since + outboxMilliseconds - now;
  return left > 0
    ? { actions: [], requeueAfterMilliseconds: left }
    : { actions: [{ type: 'Delete', why: 'nobody asked for the result any more' }] };
}
