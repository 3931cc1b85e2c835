import { createHash, randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { publish } from '../durable-file.ts';
import { TaskFailure } from '../errors.ts';
import { retryStorage, storageFailure, TransientStorageError, type StorageContext } from '../storage-request.ts';

export interface ModelSource {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Presigned GET. */
  readonly url: string;
}

/**
 * Downloads a model to `path`, hashing it on its way; the file has its name only when its digest is right.
 * @param received told of each chunk's bytes
 * @throws TaskFailure ModelUnavailable, ModelDigestMismatch, StorageExpired, StorageUnavailable
 */
export async function downloadModel(
  source: ModelSource,
  path: string,
  context: StorageContext,
  received: (bytes: number) => void,
): Promise<void> {
  await retryStorage('GET of the model', context, async () => {
    const response = await fetch(source.url, { signal: context.signal });
    if (!response.ok || response.body === null) {
      throw await storageFailure('GET of the model', response, context, {
        404: 'ModelUnavailable',
        410: 'ModelUnavailable',
      });
    }
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await writeVerified(source, response.body, response.headers.get('content-length'), temporary, received);
      await publish(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

async function writeVerified(
  source: ModelSource,
  body: ReadableStream<Uint8Array>,
  announcedBytes: string | null,
  path: string,
  received: (bytes: number) => void,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      received(chunk.byteLength);
      // A longer object cannot have the digest: do not fill the disk with it.
      if (bytes > source.sizeBytes) {
        throw new TaskFailure(
          'ModelDigestMismatch',
          `the model has more than the ${source.sizeBytes} bytes that were approved`,
        );
      }
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    // Short of what storage announced it broke off; when all of it came, it is another object.
    if (bytes < source.sizeBytes && announcedBytes !== String(bytes))
      throw new TransientStorageError(`the model broke off after ${bytes} of ${source.sizeBytes} bytes`);
    const digest = hash.digest('hex');
    if (digest !== source.sha256) {
      throw new TaskFailure('ModelDigestMismatch', `the model has the digest ${digest}, approved is ${source.sha256}`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
