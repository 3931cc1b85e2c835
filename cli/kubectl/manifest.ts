import { CliError } from '../errors.ts';

/** The document that makes results visible (docs/architecture.md): every shard that counts, in order. */
export interface Manifest {
  readonly shards: readonly ManifestShard[];
}

export interface ManifestShard {
  readonly index: number;
  /** Below the output prefix of the job, where the manifest lies too. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly records: number;
  /** Its outputs as responses, where the input was requests. */
  readonly responses?: ManifestObject;
}

export interface ManifestObject {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** @throws CliError RESULTS_INVALID */
export function parseManifest(text: string, uri: string): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new CliError('RESULTS_INVALID', `${uri} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const shards = (document as { shards?: unknown } | null)?.shards;
  if (!Array.isArray(shards) || !shards.every(isShard)) {
    throw new CliError('RESULTS_INVALID', `${uri} has no list of shards; it was not written by the operator`);
  }
  shards.forEach((shard, position) => {
    if (shard.index !== position) {
      throw new CliError('RESULTS_INVALID', `${uri}: shard ${position} is missing; the manifest is not complete`);
    }
  });
  return { shards };
}

function isShard(value: unknown): value is ManifestShard {
  if (typeof value !== 'object' || value === null) return false;
  const { index, records, responses } = value as Record<string, unknown>;
  const isCounted = [index, records].every((number) => Number.isSafeInteger(number));
  return isCounted && isObject(value) && (responses === undefined || isObject(responses));
}

function isObject(value: unknown): value is ManifestObject {
  const { path, sha256, sizeBytes } = (value ?? {}) as Record<string, unknown>;
  return typeof path === 'string' && typeof sha256 === 'string' && Number.isSafeInteger(sizeBytes);
}
