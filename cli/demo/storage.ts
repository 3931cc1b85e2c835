import { S3Client } from '@isochrone/operator/storage';
import type { ObjectStore } from '@isochrone/tools/local';

export function storageClient({ endpoint, accessKeyId, secretAccessKey, region }: ObjectStore): S3Client {
  return new S3Client({ endpoint, accessKeyId, secretAccessKey, region });
}

export async function createBucket(client: S3Client, bucket: string): Promise<void> {
  await client.put({ bucket, key: '' }, new Uint8Array());
}
