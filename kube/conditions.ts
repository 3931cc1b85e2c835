import { formatTime } from './time.ts';

/** `metav1.Condition`. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** RFC 3339, seconds. */
  lastTransitionTime: string;
  observedGeneration?: number;
}

/**
 * The list with `condition` set. `lastTransitionTime` is kept while the status is unchanged, as `metav1` asks, and
 * `observedGeneration` never goes back. When nothing changes the same list is returned, so `===` tells whether a write is due.
 *
 * @param now wall clock, milliseconds since the epoch
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const index = list.findIndex((existing) => existing.type === condition.type);
  const previous = list[index];
  if (previous === undefined) return [...list, { ...condition, lastTransitionTime: formatTime(now) }];
  const generation = Math.max(previous.observedGeneration ?? 0, condition.observedGeneration ?? 0);
  const next: Condition = {
    ...condition,
    lastTransitionTime: previous.status === condition.status ? previous.lastTransitionTime : formatTime(now),
    ...(generation === 0 ? {} : { observedGeneration: generation }),
  };
  const unchanged =
    previous.status === next.status &&
    previous.reason === next.reason &&
    previous.message === next.message &&
    previous.observedGeneration === next.observedGeneration;
  return unchanged ? list : list.with(index, next);
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True only when the condition is present with status `True`. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
