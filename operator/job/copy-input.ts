import type { InferenceJob } from '@isochrone/api';
import type { Field, NpyRecords } from '@isochrone/tensor';
import { hasCode } from '../errors.ts';
import type { HTTPSourceOptions } from '../input/http-source.ts';
import { isPrefix } from '../input/input-kind.ts';
import { sourceFiles } from '../input/source-files.ts';
import { stageInput, type StagedInput } from '../input/stage-input.ts';
import { StagingProblem } from '../input/staging-problem.ts';
import { AdmissionProblem, asProblem, notWritable, sourceProblem } from './admission-problem.ts';
import { copiedIds, type JobStorage } from './job-storage.ts';
import type { JobModel } from './model-check.ts';
import type { AdmittedInput } from './observed.ts';

/** What a copy may take. */
export interface CopyLimits {
  /** On disk: the input unpacked, and its records. */
  readonly maxCopiedBytes: number;
  /** A slower source would hold up the inputs of others. */
  readonly maxCopySeconds: number;
  readonly http: HTTPSourceOptions;
}

/** What is known of an input once it was read. */
export type ReadInput = Pick<AdmittedInput, 'etag' | 'sizeBytes' | 'source' | 'ids'> & { readonly header: NpyRecords };

/**
 * Brings the input into one .npy object that agents can read by ranges. Nothing refers to it before its entity tag is in the
 * status of the job, so that a copy that was cut short is simply made again.
 * @param check throws for records that are not run, before they are uploaded
 * @throws AdmissionProblem
 */
export async function copyInput(
  job: InferenceJob,
  { inputs }: JobModel,
  { source, input: copy }: JobStorage,
  { maxCopiedBytes, maxCopySeconds, http }: CopyLimits,
  check: (header: NpyRecords) => readonly Field[],
  signal: AbortSignal,
): Promise<ReadInput> {
  const { input, output } = job.spec;
  if (isPrefix(input.uri) && output.uri.startsWith(input.uri))
    throw new AdmissionProblem(
      'InputInvalid',
      `spec.output.uri ${output.uri} lies under the input ${input.uri}, which would read its own results; create a job with another output`,
    );
  const late = AbortSignal.timeout(maxCopySeconds * 1000);
  const limited = AbortSignal.any([signal, late]);
  let isRead = false;
  const use = async ({ layout, records, dataOffset, body, ids, files, sha256 }: StagedInput): Promise<ReadInput> => {
    isRead = true;
    assertDigest(input, sha256);
    const header = { ...layout, records, dataOffset };
    check(header);
    const put = (at: typeof copy.location, blob: Blob) => copy.client.put(at, blob, { signal: limited });
    const written = ids === undefined ? undefined : await put(copiedIds(copy), ids.body);
    const { etag } = await put(copy.location, body);
    return {
      header,
      etag,
      sizeBytes: body.size,
      source: { files, sha256 },
      ...(ids === undefined
        ? {}
        : { ids: { etag: written!.etag, dataOffset: ids.dataOffset, recordBytes: ids.recordBytes } }),
    };
  };
  try {
    const files = sourceFiles(input, source, http, limited);
    return await stageInput(files, input.format, inputs, maxCopiedBytes, use, limited);
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted)
      throw new AdmissionProblem(
        'StorageUnavailable',
        `${input.uri} could not be copied within ${maxCopySeconds} s; it is tried again: use a faster source, or split it over several jobs`,
      );
    if (error instanceof AdmissionProblem) throw error;
    if (error instanceof StagingProblem) throw new AdmissionProblem(error.reason, error.message);
    if (!isRead) throw sourceProblem(error);
    throw hasCode(error, 'STORAGE_NOT_FOUND', 'STORAGE_ACCESS_DENIED', 'STORAGE_REFUSED')
      ? notWritable(error)
      : asProblem(error);
  }
}

/** @throws AdmissionProblem */
export function assertDigest({ uri, sha256 }: InferenceJob['spec']['input'], actual: string): void {
  if (sha256 === undefined || sha256 === actual) return;
  throw new AdmissionProblem(
    'InputDigestMismatch',
    `${uri} has SHA-256 ${actual}, spec.input.sha256 is ${sha256}; it is another object: create a job with its digest`,
  );
}
