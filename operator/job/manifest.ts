import { createHash } from 'node:crypto';
import type { InferenceJob } from '@isochrone/api';
import type { Attempt } from './attempts.ts';
import { outputPath } from './job-storage.ts';

/**
 * The document that makes a job's output visible. It holds nothing but facts of the ledger and the admitted input, so that
 * two writers, or one that crashed and its successor, write the same bytes.
 * @param nameOf name of the task of an attempt
 */
export function buildManifest(
  job: InferenceJob,
  attempts: readonly Attempt[],
  nameOf: (attempt: number) => string,
): { body: Buffer; sha256: string } {
  const { recordsPerShard, modelRef, input } = job.spec;
  const admitted = job.status!.input!;
  const shards = attempts
    .filter(({ purpose, state }) => purpose === 'Work' && state === 'Released')
    .flatMap(({ attempt, shards: paid }) =>
      paid.map(({ index, records, output }) => ({
        index,
        firstRecord: index * recordsPerShard,
        records,
        path: outputPath(nameOf(attempt), index),
        sha256: output?.sha256,
        sizeBytes: output?.sizeBytes,
        attempt,
      })),
    )
    .toSorted((a, b) => a.index - b.index);
  const manifest = {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceManifest',
    job: { namespace: job.metadata.namespace, name: job.metadata.name, uid: job.metadata.uid },
    model: modelRef,
    input: {
      uri: input.uri,
      etag: admitted.etag,
      records: admitted.records,
      dataType: admitted.dataType,
      recordShape: admitted.recordShape,
    },
    shards,
  };
  const body = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  return { body, sha256: createHash('sha256').update(body).digest('hex') };
}
