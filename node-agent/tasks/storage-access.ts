import { STORAGE_ACCESS_KEY, type StorageAccess } from '@isochrone/api';
import { core, type ApiClient } from '@isochrone/kube';
import { TaskFailure } from '../errors.ts';

/** Reads the presigned URLs of an attempt. @throws TaskFailure AgentInternal; ApiError */
export async function readStorageAccess(
  client: ApiClient,
  ref: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<StorageAccess> {
  const secret = await client.find(core.secrets, ref, { signal });
  if (secret === undefined)
    throw new TaskFailure('AgentInternal', `the storage Secret ${ref.namespace}/${ref.name} does not exist`);
  const data = secret.data?.[STORAGE_ACCESS_KEY];
  if (data === undefined)
    throw new TaskFailure('AgentInternal', `the Secret ${ref.namespace}/${ref.name} has no key ${STORAGE_ACCESS_KEY}`);
  return parseStorageAccess(Buffer.from(data, 'base64').toString('utf8'));
}

/** @throws TaskFailure AgentInternal, without the text: it is a secret */
export function parseStorageAccess(text: string): StorageAccess {
  let access: unknown;
  try {
    access = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TaskFailure('AgentInternal', `${STORAGE_ACCESS_KEY} of the storage Secret is no JSON`);
  }
  if (isStorageAccess(access)) return access;
  throw new TaskFailure(
    'AgentInternal',
    `${STORAGE_ACCESS_KEY} of the storage Secret lacks modelURL, outputs or expirationTime`,
  );
}

function isStorageAccess(value: unknown): value is StorageAccess {
  if (typeof value !== 'object' || value === null) return false;
  const { modelURL, inputURL, outputs, expirationTime } = value as Record<string, unknown>;
  return (
    isURL(modelURL) &&
    (inputURL === undefined || isURL(inputURL)) &&
    typeof expirationTime === 'string' &&
    !Number.isNaN(Date.parse(expirationTime)) &&
    Array.isArray(outputs) &&
    outputs.every(isOutput)
  );
}

function isOutput(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { shardIndex, url, headers } = value as Record<string, unknown>;
  return (
    Number.isInteger(shardIndex) &&
    isURL(url) &&
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every((header) => typeof header === 'string')
  );
}

function isURL(value: unknown): boolean {
  return typeof value === 'string' && ['http:', 'https:'].includes(URL.parse(value)?.protocol ?? '');
}
