import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inferenceJobResource } from '@isochrone/api';
import { parseS3URI, readStorageSecret, S3Client } from '@isochrone/operator/storage';
import { CliError } from '../errors.ts';
import { table } from '../output.ts';
import type { Connection } from './connection.ts';
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

/**
 * Reads the manifest and every shard of a complete job with the user's own Secret, and checks each against its SHA-256.
 * @param directory where to write `manifest.json` and `000000.npy`...; none: check only
 * @throws CliError NOT_FOUND, NOT_READY, DIGEST_MISMATCH, RESULTS_INVALID, FILE_EXISTS; OperatorError; ApiError
 */
export async function fetchResults(
  { client, namespace }: Connection,
  name: string,
  directory?: string,
): Promise<Results> {
  const job = await client.find(inferenceJobResource, { namespace, name });
  if (job === undefined) {
    throw new CliError(
      'NOT_FOUND',
      `there is no InferenceJob ${name} in namespace ${namespace}; kubectl get inferencejobs -A lists them`,
    );
  }
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
  const manifestBytes = await readObject(storage, uri);
  assertDigest(manifestBytes, sha256, uri);
  const { shards } = parseManifest(Buffer.from(manifestBytes).toString('utf8'), uri);
  if (directory !== undefined) {
    await mkdir(directory, { recursive: true });
    await writeNew(join(directory, 'manifest.json'), manifestBytes);
  }
  for (const shard of shards) {
    const object = new URL(shard.path, uri).href;
    const bytes = await readObject(storage, object);
    assertDigest(bytes, shard.sha256, object);
    if (directory !== undefined) await writeNew(join(directory, `${String(shard.index).padStart(6, '0')}.npy`), bytes);
  }
  const sum = (field: 'records' | 'sizeBytes'): number => shards.reduce((total, shard) => total + shard[field], 0);
  return {
    namespace,
    name,
    manifest: { uri, sha256 },
    shards,
    records: sum('records'),
    sizeBytes: sum('sizeBytes'),
    ...(directory === undefined ? {} : { directory }),
  };
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

async function readObject(storage: S3Client, uri: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.getStream(parseS3URI(uri))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function assertDigest(bytes: Uint8Array, expected: string, uri: string): void {
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual === expected) return;
  throw new CliError(
    'DIGEST_MISMATCH',
    `${uri} has SHA-256 ${actual}, promised was ${expected}; it was changed after it was verified: do not use it`,
  );
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  if (existsSync(path)) throw new CliError('FILE_EXISTS', `${path} exists; name an empty directory`);
  await writeFile(path, bytes, { flag: 'wx' });
}
