import { createHash } from 'node:crypto';
import { MAX_RECORD_BYTES, type InferenceJob } from '@isochrone/api';
import {
  NPY_PREFIX_BYTES,
  TensorError,
  assertNpyLength,
  describeLayout,
  npyHeaderLength,
  parseNpyRecords,
  type Field,
  type NpyRecords,
} from '@isochrone/tensor';
import { fitsShape } from '../attempt/delivered-object.ts';
import { hasCode } from '../errors.ts';
import { hasRequests, needsCopy } from '../input/input-kind.ts';
import { AdmissionProblem, asProblem, notWritable, sourceProblem } from './admission-problem.ts';
import { assertDigest, copyInput, type CopyLimits, type ReadInput } from './copy-input.ts';
import { manifestLocation, type JobStorage, type StoredObject } from './job-storage.ts';
import { ownManifest } from './manifest.ts';
import type { JobModel } from './model-check.ts';
import type { AdmittedInput } from './observed.ts';
import { shardCount } from './shards.ts';

/** What an admission may take. */
export interface AdmissionLimits extends CopyLimits {
  readonly maxShards: number;
}

const firstReadBytes = 4096;

/**
 * Looks at what a job reads and where it writes.
 * @throws AdmissionProblem with the reason that the user sees
 */
export async function admitInput(
  job: InferenceJob,
  model: JobModel,
  storage: JobStorage,
  limits: AdmissionLimits,
  signal: AbortSignal,
): Promise<AdmittedInput> {
  const check = (header: NpyRecords): Field[] => checkRecords(job, model, header, limits.maxShards);
  const { header, ...input } = needsCopy(job.spec.input)
    ? // Nothing is written beside what may be another job's result.
      await checkOutput(job, storage.output, signal).then(() => copyInput(job, model, storage, limits, check, signal))
    : await readInput(job.spec.input, storage.input, signal);
  const fields = check(header);
  if (!needsCopy(job.spec.input)) await checkOutput(job, storage.output, signal);
  return {
    ...input,
    records: header.records,
    dataOffset: header.dataOffset,
    ...describeLayout({ fields, recordBytes: header.recordBytes }),
  };
}

/** Whether the model takes the records. @throws AdmissionProblem */
function checkRecords(job: InferenceJob, model: JobModel, header: NpyRecords, maxShards: number): Field[] {
  const { input, recordsPerShard } = job.spec;
  if (header.records === 0)
    throw new AdmissionProblem(
      'InputEmpty',
      `${input.uri} holds no records; write ${hasRequests(input) ? 'a request on each line' : 'an array whose first axis is not 0'}`,
    );
  const fields = boundFields(input.uri, header, model);
  const shards = shardCount(header.records, recordsPerShard);
  if (shards > maxShards) {
    const least = Math.ceil(header.records / maxShards);
    throw new AdmissionProblem(
      'TooManyShards',
      `${header.records} records make ${shards} shards, at most ${maxShards} are allowed; create a job with recordsPerShard of at least ${least}`,
    );
  }
  return fields;
}

async function readInput(
  input: InferenceJob['spec']['input'],
  { client, location }: StoredObject,
  signal: AbortSignal,
): Promise<ReadInput> {
  const { uri } = input;
  try {
    const { etag, sizeBytes } = await client.head(location, signal);
    const read = async (bytes: number): Promise<Uint8Array> => {
      const end = Math.min(bytes, sizeBytes);
      return end === 0 ? new Uint8Array() : client.getRange(location, { start: 0, end }, { ifMatch: etag, signal });
    };
    let front = await read(firstReadBytes);
    const needed = npyHeaderLength(front.subarray(0, Math.max(NPY_PREFIX_BYTES, 0)));
    if (needed > front.byteLength) front = await read(needed);
    const header = parseNpyRecords(front);
    assertNpyLength(header, sizeBytes);
    if (input.sha256 !== undefined) {
      const hash = createHash('sha256');
      for await (const chunk of await client.getStream(location, { ifMatch: etag, signal })) hash.update(chunk);
      assertDigest(input, hash.digest('hex'));
    }
    return { header, etag, sizeBytes };
  } catch (error) {
    if (error instanceof TensorError) throw new AdmissionProblem('InputInvalid', `${uri}: ${error.message}`);
    throw sourceProblem(error);
  }
}

/** The tensors of a record under the names of the model's inputs, in its order. */
function boundFields(uri: string, header: NpyRecords, { inputs, version }: JobModel): Field[] {
  if (header.recordBytes > MAX_RECORD_BYTES) {
    throw new AdmissionProblem(
      'InputInvalid',
      `${uri} has records of ${header.recordBytes} bytes, at most ${MAX_RECORD_BYTES} are run; write smaller records`,
    );
  }
  const [first] = header.fields;
  const isPlain = first?.name === '';
  const names = inputs.map(({ name }) => name).join(', ');
  if (isPlain && inputs.length > 1) {
    throw new AdmissionProblem(
      'InputTensorsMismatch',
      `${uri} is one array, version ${version.version} takes ${inputs.length} inputs (${names}); write a structured array with a field for each`,
    );
  }
  const unknown = header.fields.find(({ name }) => name !== '' && !inputs.some((input) => input.name === name));
  if (unknown !== undefined) {
    throw new AdmissionProblem(
      'InputTensorsMismatch',
      `${uri} has the field ${unknown.name}, version ${version.version} takes ${names}; drop or rename it`,
    );
  }
  return inputs.map((input) => {
    const field = isPlain ? first : header.fields.find(({ name }) => name === input.name);
    if (field === undefined) {
      throw new AdmissionProblem(
        'InputTensorsMismatch',
        `${uri} has no field ${input.name}, which version ${version.version} takes; add it`,
      );
    }
    if (field.dataType !== input.dataType) {
      throw new AdmissionProblem(
        'InputTypeMismatch',
        `${uri} is of ${field.dataType}, input ${input.name} of the model takes ${input.dataType}; convert it`,
      );
    }
    if (!fitsShape(field.shape, input.shape.slice(1))) {
      throw new AdmissionProblem(
        'InputShapeMismatch',
        `${uri} has records of shape [${field.shape.join(', ')}], input ${input.name} of version ${version.version} takes [${input.shape.slice(1).join(', ')}]; reshape it`,
      );
    }
    return { ...field, name: input.name };
  });
}

/** Leaves nothing behind. A store that ignores conditions would let two writers of one key both win. */
async function checkOutput(job: InferenceJob, output: StoredObject, signal: AbortSignal): Promise<void> {
  const { client, location } = output;
  const { uri } = job.spec.output;
  const probe = { bucket: location.bucket, key: `${location.key}.isochrone-probe-${job.metadata.uid!}` };
  try {
    const manifest = await client.head(manifestLocation(output), signal).catch(unlessNotFound);
    const isOwn = job.status?.uid !== undefined && (await ownManifest(job, output, signal)) !== undefined;
    if (manifest !== undefined && !isOwn) {
      throw new AdmissionProblem(
        'OutputExists',
        `${uri}manifest.json exists: the prefix holds a result; create a job with another spec.output.uri, or delete it`,
      );
    }
    await client.delete(probe, signal);
    await client.put(probe, new Uint8Array(), { ifNoneMatch: '*', signal });
    const isConditional = await client.put(probe, new Uint8Array(), { ifNoneMatch: '*', signal }).then(
      () => false,
      (error: unknown) => {
        if (hasCode(error, 'STORAGE_PRECONDITION')) return true;
        throw error;
      },
    );
    await client.delete(probe, signal);
    if (!isConditional)
      throw new AdmissionProblem(
        'OutputNotWritable',
        `the store of ${uri} ignores If-None-Match; use one that supports conditional writes`,
      );
  } catch (error) {
    if (hasCode(error, 'STORAGE_NOT_FOUND', 'STORAGE_ACCESS_DENIED', 'STORAGE_REFUSED')) {
      throw notWritable(error);
    }
    throw asProblem(error);
  }
}

function unlessNotFound(error: unknown): undefined {
  if (hasCode(error, 'STORAGE_NOT_FOUND')) return undefined;
  throw error;
}
