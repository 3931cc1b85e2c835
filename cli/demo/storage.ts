import { S3Client } from '@isochrone/operator/storage';
import type { ObjectStore } from '@isochrone/tools/local';

/** Credentials as the Secrets of users hold them. */
export function storageSecret(
  { endpoint, accessKeyId, secretAccessKey, region }: ObjectStore,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): object {
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

export function storageClient({ endpoint, accessKeyId, secretAccessKey, region }: ObjectStore): S3Client {
  return new S3Client({ endpoint, accessKeyId, secretAccessKey, region });
}

export async function createBucket(client: S3Client, bucket: string): Promise<void> {
  await client.put({ bucket, key: '' }, new Uint8Array());
}
