import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { StorageAccess } from '@isochrone/api';
import { TaskFailure } from '../errors.ts';
import { retryStorage, storageFailure, type StorageContext } from '../storage-request.ts';

/**
 * PUTs a file to its presigned URL, which creates and never overwrites.
 * @param mayBeOurs whether an object that is there already may come from an earlier try of this very attempt
 * @throws TaskFailure OutputExists, OutputRejected, StorageExpired, StorageUnavailable
 */
export async function uploadOutput(
  target: StorageAccess['outputs'][number],
  path: string,
  mayBeOurs: boolean,
  context: StorageContext,
): Promise<void> {
  const what = `PUT of shard ${target.shardIndex}`;
  const md5 = createHash('md5');
  await pipeline(createReadStream(path), md5, { signal: context.signal });
  const signed = new Headers(target.headers);
  // Storage refuses bytes that were damaged on their way. Not part of the signature, so it is sent in addition.
  if (!signed.has('content-md5')) signed.set('content-md5', md5.digest('base64'));
  await retryStorage(what, context, async (tries) => {
    const body = await openAsBlob(path);
    const response = await fetch(target.url, { method: 'PUT', headers: signed, body, signal: context.signal });
    if (response.ok) {
      await response.body?.cancel();
      return;
    }
    if (response.status === 412) {
      await response.body?.cancel();
      // The answer to an earlier PUT was lost: the object has this attempt's name, which nobody else may write.
      if (mayBeOurs || tries > 0) return;
      throw new TaskFailure('OutputExists', `${what}: an object is there already, which this attempt did not write`);
    }
    throw await storageFailure(what, response, context, {
      400: 'OutputRejected',
      404: 'OutputRejected',
      405: 'OutputRejected',
      411: 'OutputRejected',
      413: 'OutputRejected',
    });
  });
}
