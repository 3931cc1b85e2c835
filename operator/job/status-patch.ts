import { isDeepStrictEqual } from 'node:util';
import type { InferenceJobStatus } from '@isochrone/api';
import type { MergePatch } from '@isochrone/kube';

/** The merge patch from one status to the next, only of the top-level fields that differ; undefined when none does. */
export function statusPatch(
  before: InferenceJobStatus | undefined,
  after: InferenceJobStatus,
): MergePatch<InferenceJobStatus> | undefined {
  const previous = new Map<string, unknown>(Object.entries(before ?? {}));
  const next = new Map<string, unknown>(Object.entries(after));
  const patch: Record<string, unknown> = {};
  for (const [field, value] of next) if (!isDeepStrictEqual(previous.get(field), value)) patch[field] = value;
  for (const field of previous.keys()) if (!next.has(field)) patch[field] = null;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Whether someone waits for this change: a phase, a condition or the admitted input. Counters can wait. */
export function isMilestone(before: InferenceJobStatus | undefined, after: InferenceJobStatus): boolean {
  const essence = (status: InferenceJobStatus | undefined): unknown => [
    status?.phase,
    status?.input,
    status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]),
  ];
  return !isDeepStrictEqual(essence(before), essence(after));
}
