import type { ObjectStore } from './object-store.ts';

export type StorageAccount = Pick<ObjectStore, 'endpoint' | 'accessKeyId' | 'secretAccessKey' | 'region'>;

/** Credentials as the Secrets of users hold them. */
export function storageSecret(
  { endpoint, accessKeyId, secretAccessKey, region }: StorageAccount,
  { namespace, name }: { readonly namespace: string; readonly name: string },
) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    stringData: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: endpoint,
    },
  };
}
