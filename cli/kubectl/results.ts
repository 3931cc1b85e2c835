import { readStorageSecret, S3Client } from '@isochrone/operator/storage';
import { CliError } from '../errors.ts';
import { table } from '../output.ts';
import { readJob, type Connection } from './connection.ts';
import { checkObject, downloadObjects, readWhole, type DownloadedObject } from './download.ts';
import { parseManifest, type ManifestShard } from './manifest.ts';

export interface Results {
  readonly namespace: string;
  readonly name: string;
  readonly manifest: { readonly uri: string; readonly sha256: string };
  readonly shards: readonly ManifestShard[];
  readonly records: number;
  readonly sizeBytes: number;
  /** Where the shards were written; absent when they were only checked. */
  readonly directory?: string;
}

/** The results of a complete job, where they lie. */
export interface OpenResults {
  readonly storage: S3Client;
  readonly manifest: { readonly uri: string; readonly sha256: string; readonly bytes: Buffer };
  readonly shards: readonly ManifestShard[];
  readonly uriOf: (object: { readonly path: string }) => string;
}

/**
 * Reads the manifest of a complete job with the user's own Secret.
 * @throws CliError NOT_FOUND, NOT_READY, DIGEST_MISMATCH, RESULTS_INVALID; OperatorError; ApiError
 */
export async function openResults(connected: Connection, name: string): Promise<OpenResults> {
  const { client, namespace } = connected;
  const job = await readJob(connected, name);
  const { uri, sha256 } = job.status?.manifest ?? {};
  if (uri === undefined || sha256 === undefined) {
    const state = `${job.status?.phase ?? 'Pending'}${job.status?.progress === undefined ? '' : `, ${job.status.progress}`}`;
    throw new CliError(
      'NOT_READY',
      `InferenceJob ${namespace}/${name} has no results yet (${state}); kubectl isochrone why job/${name}`,
    );
  }
  const secretName = job.spec.output.credentialsSecretRef?.name;
  if (secretName === undefined) {
    throw new CliError(
      'RESULTS_INVALID',
      `InferenceJob ${namespace}/${name} has no spec.output.credentialsSecretRef; read ${uri} yourself`,
    );
  }
  const storage = new S3Client(await readStorageSecret(client, { namespace, name: secretName }));
  const bytes = await readWhole(storage, { uri, sha256 });
  const { shards } = parseManifest(bytes.toString('utf8'), uri);
  return {
    storage,
    manifest: { uri, sha256, bytes },
    shards,
    uriOf: ({ path }) => besideManifest(uri, path),
  };
}

/**
 * Reads every shard of a complete job, and its responses where there are any, and checks each object against its SHA-256.
 * @param directory where to write `manifest.json`, `000000.npy`... and `000000.jsonl`...; none: check only
 * @param onObject told how many are done
 * @throws CliError FILE_EXISTS and what {@link openResults} does
 */
export async function fetchResults(
  connected: Connection,
  name: string,
  directory?: string,
  onObject: (done: number, total: number) => void = () => undefined,
): Promise<Results> {
  const { storage, manifest, shards, uriOf } = await openResults(connected, name);
  const objects = shards.flatMap((shard) => filesOf(shard, uriOf));
  const tell = (done: number): void => onObject(done, objects.length);
  if (directory === undefined) {
    for (const [done, object] of objects.entries()) {
      tell(done);
      await checkObject(storage, object);
    }
  } else await downloadObjects(storage, directory, manifest.bytes, objects, tell);
  const sum = (field: 'records' | 'sizeBytes'): number => shards.reduce((total, shard) => total + shard[field], 0);
  const { uri, sha256 } = manifest;
  return {
    ...{ namespace: connected.namespace, name, manifest: { uri, sha256 } },
    shards,
    records: sum('records'),
    sizeBytes: sum('sizeBytes'),
    ...(directory === undefined ? {} : { directory }),
  };
}

/** What of a shard is downloaded, under which name. */
function filesOf(shard: ManifestShard, uriOf: OpenResults['uriOf']): DownloadedObject[] {
  const file = String(shard.index).padStart(6, '0');
  const { responses } = shard;
  const outputs = { file: `${file}.npy`, uri: uriOf(shard), sha256: shard.sha256 };
  if (responses === undefined) return [outputs];
  return [outputs, { file: `${file}.jsonl`, uri: uriOf(responses), sha256: responses.sha256 }];
}

/**
 * The responses of all requests, in their order, a line each; each shard is checked against its digest before any of it comes.
 * @returns undefined for a job whose input was no requests
 */
export function responseLines({ storage, shards, uriOf }: OpenResults): AsyncGenerator<Uint8Array, void> | undefined {
  const objects = shards.flatMap(({ responses }) => (responses === undefined ? [] : [responses]));
  if (objects.length === 0) return undefined;
  return (async function* () {
    for (const object of objects) yield await readWhole(storage, { uri: uriOf(object), sha256: object.sha256 });
  })();
}

export function resultsText({ manifest, shards, records, sizeBytes, directory }: Results, wide: boolean): string {
  const rows = shards.map((shard) => [
    String(shard.index),
    String(shard.records),
    String(shard.sizeBytes),
    wide ? shard.sha256 : shard.sha256.slice(0, 12),
    ...(wide ? [shard.path] : []),
  ]);
  const where =
    directory === undefined
      ? `${manifest.uri}; every digest is right`
      : `written to ${directory}; every digest is right`;
  return (
    table(['SHARD', 'RECORDS', 'BYTES', 'SHA-256', ...(wide ? ['OBJECT'] : [])], rows) +
    `${records} records, ${sizeBytes} bytes in ${shards.length} shards: ${where}\n`
  );
}

/** Prefixes are taken as they are written: a URL would encode what is special in them, and name another object. */
export function besideManifest(manifest: string, path: string): string {
  return manifest.slice(0, manifest.lastIndexOf('/') + 1) + path;
}
