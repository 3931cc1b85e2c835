import type { InferenceJob } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { hasCode, OperatorError } from '../errors.ts';
import { isHTTP, needsCopy } from '../input/input-kind.ts';
import { S3Client, parseS3URI, readStorageSecret, type ObjectLocation } from '../storage/index.ts';
import type { ModelVersion } from './observed.ts';
import { workUIDOf } from './work-uid.ts';

export interface StoredObject {
  readonly client: S3Client;
  readonly location: ObjectLocation;
}

/** Where a job reads and writes. */
export interface JobStorage {
  /** Where an s3:// input lies; undefined for one behind http(s). */
  readonly source: StoredObject | undefined;
  /** What agents read: the source, or the operator's copy of it. */
  readonly input: StoredObject;
  /** The location's key ends with a slash, or is empty. */
  readonly output: StoredObject;
}

/** @throws OperatorError SECRET_NOT_FOUND, SECRET_INVALID, STORAGE_ADDRESS_INVALID, FILE_NOT_SHARED; ApiError */
export async function openJobStorage(client: ApiClient, job: InferenceJob): Promise<JobStorage> {
  const namespace = job.metadata.namespace!;
  const { input, output } = job.spec;
  const source = isHTTP(input.uri)
    ? undefined
    : await open(client, namespace, input.uri, input.credentialsSecretRef?.name, 'spec.input');
  const target = assertRoom(
    await open(client, namespace, output.uri, output.credentialsSecretRef?.name, 'spec.output'),
    output.uri,
  );
  const isCopied = source === undefined || needsCopy(input);
  return { source, input: isCopied ? inputCopy(target, workUIDOf(job)) : source, output: target };
}

/** Where the operator puts its copy of an input that agents cannot read as it lies. */
export function inputCopy({ client, location }: StoredObject, workUID: string): StoredObject {
  return { client, location: { bucket: location.bucket, key: `${location.key}attempts/input-${workUID}/input.npy` } };
}

/** The ids of the requests of a copied input, which no node gets to see. */
export function copiedIds(copy: StoredObject): ObjectLocation {
  return { bucket: copy.location.bucket, key: copy.location.key.replace(/input\.npy$/, 'ids.npy') };
}

/** Deletes the operator's copy of an input. */
export async function removeCopy({ input }: JobStorage, signal: AbortSignal): Promise<void> {
  for (const location of [input.location, copiedIds(input)]) await input.client.delete(location, signal);
}

/** What the operator puts under an output prefix, at its longest: S3 takes no key of more bytes than 1,024. */
const longestOutputPath = 128;

function assertRoom(output: StoredObject, uri: string): StoredObject {
  const most = 1024 - longestOutputPath;
  const bytes = Buffer.byteLength(output.location.key);
  if (bytes <= most) return output;
  throw new OperatorError(
    'STORAGE_ADDRESS_INVALID',
    `spec.output.uri ${uri.slice(0, 64)}… has a prefix of ${bytes} bytes, at most ${most} leave room for the keys under it; create a job with a shorter one`,
  );
}

/** @throws as {@link openJobStorage} */
export async function openModelStorage(
  client: ApiClient,
  namespace: string,
  version: ModelVersion,
): Promise<StoredObject> {
  return open(
    client,
    namespace,
    version.uri,
    version.credentialsSecretRef?.name,
    `version ${version.version} of the model`,
  );
}

async function open(
  client: ApiClient,
  namespace: string,
  uri: string,
  secret: string | undefined,
  field: string,
): Promise<StoredObject> {
  if (uri.startsWith('file://')) {
    throw new OperatorError(
      'FILE_NOT_SHARED',
      `${field}.uri is ${uri}: nodes of other machines cannot read it; upload it and name an s3:// URI in a new job`,
    );
  }
  const location = locate(uri, field);
  if (secret === undefined) {
    throw new OperatorError(
      'SECRET_NOT_FOUND',
      `${field}.credentialsSecretRef is missing; name a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  }
  return { client: new S3Client(await readStorageSecret(client, { namespace, name: secret })), location };
}

/** The schema refuses nearly all that ends here; what remains is told by its field all the same. */
function locate(uri: string, field: string): ObjectLocation {
  try {
    return parseS3URI(uri);
  } catch (error) {
    if (!hasCode(error, 'STORAGE_ADDRESS_INVALID')) throw error;
    throw new OperatorError(error.code, `${field}.uri: ${error.message}`, { cause: error });
  }
}

/** Key of what an attempt delivers for a shard. */
export function outputLocation({ location }: StoredObject, taskName: string, shardIndex: number): ObjectLocation {
  return { bucket: location.bucket, key: `${location.key}${outputPath(taskName, shardIndex)}` };
}

/** The same, relative to the output prefix. */
export function outputPath(taskName: string, shardIndex: number): string {
  return `attempts/${taskName}/${String(shardIndex).padStart(6, '0')}.npy`;
}

/** The outputs of a shard as responses, for an input of requests: beside them, relative to the output prefix. */
export function responsesPath(taskName: string, shardIndex: number): string {
  return outputPath(taskName, shardIndex).replace(/npy$/, 'jsonl');
}

/** Key of the input that the hub composed for a re-execution. */
export function composedInputLocation({ location }: StoredObject, taskName: string): ObjectLocation {
  return { bucket: location.bucket, key: `${location.key}attempts/${taskName}/input.npy` };
}

export function manifestLocation({ location }: StoredObject): ObjectLocation {
  return { bucket: location.bucket, key: `${location.key}manifest.json` };
}
