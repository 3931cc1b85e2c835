import { createHash } from 'node:crypto';
import type { InferenceJob } from '@isochrone/api';
import { DeliveredMismatch, OutputOffForm } from '../attempt/delivered-object.ts';
import { OperatorError, hasCode } from '../errors.ts';
import { hasRequests } from '../input/input-kind.ts';
import type { Attempt } from './attempts.ts';
import type { JobShell } from './job-shell.ts';
import { manifestLocation, outputPath, type StoredObject } from './job-storage.ts';
import type { AdmittedInput } from './observed.ts';
import { workUIDOf } from './work-uid.ts';
import { writeResponses, type WrittenResponses } from './write-responses.ts';

/**
 * The document that makes a job's output visible. It holds nothing but facts of the ledger and the admitted input, so that
 * two writers, or one that crashed and its successor, write the same bytes.
 * @param nameOf name of the task of an attempt
 * @param responses of each shard, for an input of requests
 */
export function buildManifest(
  job: InferenceJob,
  attempts: readonly Attempt[],
  nameOf: (attempt: number) => string,
  responses: ReadonlyMap<number, WrittenResponses> = new Map(),
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
        ...(responses.has(index) ? { responses: responses.get(index) } : {}),
      })),
    )
    .toSorted((a, b) => a.index - b.index);
  const manifest = {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceManifest',
    job: { namespace: job.metadata.namespace, name: job.metadata.name, uid: workUIDOf(job) },
    model: modelRef,
    input: {
      uri: input.uri,
      ...(admitted.source ?? { etag: admitted.etag }),
      records: admitted.records,
      ...tensorsOf(admitted),
    },
    shards,
  };
  const body = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  return { body, sha256: sha256Of(body) };
}

/** As the input was told when it was admitted, so that operators of different versions write the same bytes. */
function tensorsOf({ fields, dataType, recordShape }: AdmittedInput): object {
  if (fields === undefined) return { dataType, recordShape };
  return { tensors: fields.map(({ name, dataType, shape }) => ({ name, dataType, shape })) };
}

/** Commits the result. Whoever wrote it first wrote the same bytes, or it is another job's. */
export async function writeManifest(shell: JobShell, signal: AbortSignal): Promise<void> {
  const { memory, job } = shell;
  const uri = `${job.spec.output.uri}manifest.json`;
  try {
    const { output } = await shell.storage();
    if (hasRequests(job.spec.input)) await writeResponses(shell, signal);
    const nameOf = (attempt: number): string => shell.identity(attempt).name;
    const { body, sha256 } = buildManifest(job, memory.attempts!, nameOf, memory.responses);
    const problem = {
      reason: 'OutputNotWritable',
      message: `${uri} was written by someone else meanwhile; create a job with another spec.output.uri`,
    };
    memory.manifest = (await putOnce(output, body, signal))
      ? { uri, sha256 }
      : { problem, retryAt: Number.POSITIVE_INFINITY };
  } catch (error) {
    if (error instanceof DeliveredMismatch || error instanceof OutputOffForm) {
      const message = `${error.message}: it was changed after it was verified; create a job with an output that nobody else writes to`;
      memory.manifest = { problem: { reason: 'OutputChanged', message }, retryAt: Number.POSITIVE_INFINITY };
      return;
    }
    if (!(error instanceof OperatorError)) throw error;
    memory.manifest = { problem: { reason: 'StorageUnavailable', message: error.message }, retryAt: shell.retryAt() };
  }
}

/** Looks for what a restored job committed after its backup was made. */
export async function findManifest(shell: JobShell, signal: AbortSignal): Promise<void> {
  const { memory, job } = shell;
  const { output } = await shell.storage();
  const found = await ownManifest(job, output, signal);
  memory.restoredManifest = found ?? 'None';
  // It names objects of attempts that the ledger does not have: nothing is known to be unread.
  if (found !== undefined) memory.isCleaned = true;
}

/** The manifest under the job's prefix, if this very job wrote it. */
export async function ownManifest(
  job: InferenceJob,
  output: StoredObject,
  signal: AbortSignal,
): Promise<{ uri: string; sha256: string } | undefined> {
  const { client } = output;
  const at = manifestLocation(output);
  let body: Buffer;
  try {
    const { sizeBytes } = await client.head(at, signal);
    body = Buffer.from(await client.getRange(at, { start: 0, end: sizeBytes }, { signal }));
  } catch (error) {
    if (hasCode(error, 'STORAGE_NOT_FOUND')) return undefined;
    throw error;
  }
  if (uidIn(body.toString('utf8')) !== workUIDOf(job)) return undefined;
  return { uri: `${job.spec.output.uri}manifest.json`, sha256: sha256Of(body) };
}

/** Undefined for what the operator did not write. */
function uidIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { job?: { uid?: unknown } } | null)?.job?.uid;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function sha256Of(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** @returns whether the manifest that is there now has these bytes */
async function putOnce(output: StoredObject, body: Buffer, signal: AbortSignal): Promise<boolean> {
  const { client } = output;
  const location = manifestLocation(output);
  try {
    await client.put(location, body, { ifNoneMatch: '*', contentType: 'application/json', signal });
    return true;
  } catch (error) {
    if (!hasCode(error, 'STORAGE_PRECONDITION')) throw error;
    const { sizeBytes } = await client.head(location, signal);
    if (sizeBytes !== body.byteLength) return false;
    return body.equals(await client.getRange(location, { start: 0, end: sizeBytes }, { signal }));
  }
}
