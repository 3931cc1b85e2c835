import { randomBytes } from 'node:crypto';
import { inferenceJobResource, type InferenceJob } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { parseS3URI, s3URI, type S3Client } from '@isochrone/operator/storage';
import { assertNpyLength, parseNpyRecords } from '@isochrone/tensor';
import { CliError } from '../errors.ts';
import { jobNamed, type Connection } from './connection.ts';
import { followUntil } from './live.ts';

export interface RunPlan {
  readonly name: string;
  readonly namespace: string;
  readonly model: { readonly name: string; readonly version: string };
  /** `s3://bucket/prefix/`: what the run makes lies there, in a folder of its own. */
  readonly storage: string;
  /** As in the spec of a job. Absent: the file is uploaded. */
  readonly input?: string;
  readonly secret: string;
  readonly budget: string;
  readonly recordsPerShard?: number;
  readonly activeDeadlineSeconds?: number;
}

/** `run-<model>-<random>`, short enough for a job. */
export function runName(model: string, random = randomBytes(3).toString('hex')): string {
  return `run-${model.slice(0, 40).replaceAll('.', '-').replace(/-+$/, '')}-${random}`;
}

/** The prefix of one run below the storage, `s3://bucket/prefix/<name>/`. @throws OperatorError STORAGE_ADDRESS_INVALID */
export function runPrefix({ storage, name }: Pick<RunPlan, 'storage' | 'name'>): string {
  const { bucket, key } = parseS3URI(storage);
  return s3URI({ bucket, key: `${key === '' || key.endsWith('/') ? key : `${key}/`}${name}/` });
}

/** The job of a run; what it does not name has the defaults of the CRD. */
export function runJob(plan: RunPlan): InferenceJob {
  const credentialsSecretRef = { name: plan.secret };
  const prefix = runPrefix(plan);
  const uri = plan.input ?? `${prefix}input.npy`;
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceJob',
    metadata: { name: plan.name, namespace: plan.namespace },
    spec: {
      modelRef: plan.model,
      // What lies behind HTTP is read without credentials.
      input: { uri, ...(uri.startsWith('s3://') ? { credentialsSecretRef } : {}) },
      output: { uri: `${prefix}output/`, credentialsSecretRef },
      budget: { total: plan.budget },
      ...(plan.recordsPerShard === undefined ? {} : { recordsPerShard: plan.recordsPerShard }),
      ...(plan.activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds: plan.activeDeadlineSeconds }),
    },
  } as InferenceJob;
}

/** @throws CliError USAGE when the bytes are no .npy array of records */
export function assertNpy(bytes: Uint8Array, from: string): void {
  try {
    assertNpyLength(parseNpyRecords(bytes), bytes.byteLength);
  } catch (cause) {
    const what = (cause as Error).message;
    throw new CliError('USAGE', `${from} is no .npy file of records: ${what}; write it by numpy.save`, { cause });
  }
}

/**
 * Waits until the job is over, one way or the other.
 * @throws CliError NOT_READY when it fails, is deleted, or the signal aborts before
 */
export async function untilOver(
  client: ApiClient,
  { namespace, name }: Pick<RunPlan, 'namespace' | 'name'>,
  signal: AbortSignal,
  onProgress: (job: InferenceJob) => void,
): Promise<void> {
  let last: InferenceJob | undefined;
  const isOver = await followUntil(client, jobNamed(namespace, name), { signal }, ({ jobs: [job] }) => {
    last = job;
    if (job !== undefined) onProgress(job);
    const phase = job?.status?.phase;
    return job === undefined || phase === 'Complete' || phase === 'Failed';
  });
  const phase = last?.status?.phase;
  if (phase === 'Complete') return;
  if (isOver) {
    const message = last === undefined ? 'was deleted' : `failed: ${last.status?.message ?? ''}`;
    throw new CliError('NOT_READY', `InferenceJob ${namespace}/${name} ${message}`);
  }
  const state = `${phase ?? 'Pending'}${last?.status?.message === undefined ? '' : `: ${last.status.message}`}`;
  throw new CliError('NOT_READY', `InferenceJob ${namespace}/${name} is not over (${state})`);
}

/** Removes the job, and everything of the run below its prefix. */
export async function removeRun({ client }: Connection, storage: S3Client, plan: RunPlan): Promise<void> {
  const { name, namespace } = plan;
  await client.delete(inferenceJobResource, { name, namespace });
  // Its finalizer stops what runs; only then nobody writes any more.
  await followUntil(client, jobNamed(namespace, name), {}, ({ jobs }) => jobs.length === 0);
  const prefix = parseS3URI(runPrefix(plan));
  for await (const { key } of storage.list(prefix)) await storage.delete({ bucket: prefix.bucket, key });
}
