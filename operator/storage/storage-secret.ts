import { core, type ApiClient } from '@isochrone/kube';
import { OperatorError } from '../errors.ts';
import { storageCredentials, type StorageCredentials } from './credentials.ts';

/**
 * Reads credentials of storage from a Secret of the hub, live: Secrets of users are never watched or kept.
 * @throws OperatorError SECRET_NOT_FOUND, SECRET_INVALID; ApiError
 */
export async function readStorageSecret(
  client: ApiClient,
  ref: { namespace: string; name: string },
): Promise<StorageCredentials> {
  const where = `Secret ${ref.namespace}/${ref.name}`;
  const secret = await client.find(core.secrets, ref);
  if (secret === undefined)
    throw new OperatorError(
      'SECRET_NOT_FOUND',
      `${where} does not exist; create it with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  const values = Object.entries(secret.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const,
  );
  return storageCredentials(Object.fromEntries(values), where);
}
