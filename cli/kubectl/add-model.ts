import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { SYSTEM_NAMESPACE, inferenceModelResource, type InferenceModel } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { parseS3URI, readStorageSecret, S3Client } from '@isochrone/operator/storage';
import { CliError } from '../errors.ts';
import type { ModelRef } from './model-ref.ts';

export interface AddModelOptions {
  readonly ref: Required<ModelRef>;
  readonly uri: string;
  /** Uploaded to the URI first. Absent: the object is there, and is read. */
  readonly file?: string;
  /** Secret in isochrone-system with the credentials of the storage. */
  readonly secret: string;
  readonly deviceMemory?: string;
  readonly maxBatchSize?: number;
  /** Shape of one record; by the name of the input where the model has several. */
  readonly recordShapes?: readonly { readonly input?: string; readonly shape: readonly number[] }[];
  readonly numericProfile?: 'FP32Strict' | 'FP32';
  readonly onBytes: (done: number, total: number) => void;
}

export interface AddedModel {
  readonly model: string;
  readonly version: string;
  readonly uri: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly uploaded: boolean;
}

/**
 * Computes SHA-256 and size of a model, uploads it if it is a file, and adds the version to its InferenceModel, which is
 * made when there is none.
 * @throws CliError USAGE, NOT_FOUND, FILE_EXISTS; OperatorError STORAGE_*, SECRET_*; ApiError
 */
export async function addModel(client: ApiClient, options: AddModelOptions): Promise<AddedModel> {
  const { ref, uri, file, secret, onBytes } = options;
  const location = parseS3URI(uri);
  const existing = await client.find(inferenceModelResource, { name: ref.name });
  if (existing?.spec.versions.some(({ version }) => version === ref.version) === true) {
    throw new CliError(
      'USAGE',
      `InferenceModel ${ref.name} has a version ${ref.version} already, which cannot change; give this one another name`,
    );
  }
  const storage = new S3Client(await readStorageSecret(client, { namespace: SYSTEM_NAMESPACE, name: secret }));
  const total = file === undefined ? (await storage.head(location)).sizeBytes : (await statOf(file)).size;
  const bytes = file === undefined ? await storage.getStream(location) : createReadStream(file);
  const { sha256, sizeBytes } = await digest(bytes as AsyncIterable<Uint8Array>, (done) => onBytes(done, total));
  if (file !== undefined) await storage.put(location, await readFile(file), { ifNoneMatch: '*' });
  const { deviceMemory, maxBatchSize, recordShapes = [], numericProfile } = options;
  const version = {
    ...{ version: ref.version, uri, credentialsSecretRef: { name: secret }, sha256 },
    ...(deviceMemory === undefined ? {} : { deviceMemory }),
    ...(maxBatchSize === undefined ? {} : { maxBatchSize }),
    ...recordShapeFields(recordShapes),
    ...(numericProfile === undefined ? {} : { numericProfile }),
    // What is left out gets the default of the CRD.
  } as InferenceModel['spec']['versions'][number];
  if (existing === undefined) {
    const { group, version: apiVersion, kind } = inferenceModelResource;
    await client.create(inferenceModelResource, {
      ...{ apiVersion: `${group}/${apiVersion}`, kind, metadata: { name: ref.name } },
      spec: { versions: [version] },
    } as InferenceModel);
  } else {
    const append = { op: 'add', path: '/spec/versions/-', value: version } as const;
    await client.jsonPatch(inferenceModelResource, { name: ref.name }, [append]);
  }
  return { model: ref.name, version: ref.version, uri, sha256, sizeBytes, uploaded: file !== undefined };
}

function recordShapeFields(shapes: NonNullable<AddModelOptions['recordShapes']>): object {
  const [first] = shapes;
  if (first === undefined) return {};
  return first.input === undefined ? { recordShape: first.shape } : { recordShapes: shapes };
}

async function statOf(file: string): Promise<{ size: number }> {
  return stat(file).catch((cause: unknown) => {
    throw new CliError('NOT_FOUND', `--file is ${JSON.stringify(file)}, which cannot be read`, { cause });
  });
}

async function digest(
  bytes: AsyncIterable<Uint8Array>,
  onBytes: (done: number) => void,
): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
    onBytes(sizeBytes);
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
