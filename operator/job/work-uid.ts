import type { InferenceJob } from '@isochrone/api';

/**
 * The UID under which the ledger, tasks and stored objects know a job: that of the object it was first made as. A restored
 * object gets another `metadata.uid`, and must not become another job: its shards would be run and paid again. It is kept in
 * the status, which users do not write: who copies a manifest makes a new job.
 */
export function workUIDOf({ metadata, status }: InferenceJob): string {
  return status?.uid ?? metadata.uid!;
}
