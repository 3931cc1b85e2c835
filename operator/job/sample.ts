import type { InferenceJob } from '@isochrone/api';
import { sampleSize } from '@isochrone/verification';

/** Most rows that one challenge can name (crds/, InferenceTask). */
export const MAX_CHALLENGE_ROWS = 1024;

/**
 * How many rows of a window are re-executed; all, when the user's share is more than a challenge can name: the share is a
 * floor, and all rows need no challenge.
 */
export function sampleOf(job: InferenceJob, records: number): number | 'All' {
  const { mode, minSamplePercent } = job.spec.verification;
  const size = sampleSize(records, mode, minSamplePercent);
  return size >= records || size > MAX_CHALLENGE_ROWS ? 'All' : size;
}

/**
 * Rows of the task that re-executes a sample: as many ordinary ones again, so that its node cannot tell which count, and
 * never more than the window has, so that it is a task like any other. All rows hide nothing and need none.
 */
export function composedRecords(sample: number | 'All', windowRecords: number): number {
  return sample === 'All' ? windowRecords : Math.min(windowRecords, sample * 2);
}
