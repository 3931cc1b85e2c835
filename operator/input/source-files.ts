import type { InferenceJobSpec } from '@isochrone/api';
import { OperatorError } from '../errors.ts';
import { s3URI, type ListedObject, type ObjectLocation, type S3Client } from '../storage/index.ts';
import { readHTTP, type HTTPSourceOptions } from './http-source.ts';
import { isGzip, isHTTP, isInputFile, isPrefix } from './input-kind.ts';
import { StagingProblem } from './staging-problem.ts';
import type { SourceFile } from './unpack.ts';

const mostFiles = 10_000;

/**
 * The files of an input in the order of their keys, each pinned to what it was when it was listed. A prefix is listed again after
 * the last of them: what came, went or changed meanwhile is found.
 * @param stored where an s3:// URI points; undefined for http(s)
 * @throws StagingProblem InputTooLarge, InputEmpty; OperatorError STORAGE_*
 */
export async function* sourceFiles(
  { uri }: InferenceJobSpec['input'],
  stored: { readonly client: S3Client; readonly location: ObjectLocation } | undefined,
  http: HTTPSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<SourceFile, void> {
  if (isHTTP(uri)) {
    yield { name: uri, path: '', isCompressed: isGzip(uri), open: (stop) => readHTTP(uri, http, stop) };
    return;
  }
  const { client, location } = stored!;
  const file = (key: string, etag: string): SourceFile => ({
    name: s3URI({ ...location, key }),
    path: key.slice(location.key.length),
    isCompressed: isGzip(key),
    open: (stop) => client.getStream({ ...location, key }, { ifMatch: etag, signal: stop }),
  });
  if (!isPrefix(uri)) {
    yield file(location.key, (await client.head(location, signal)).etag);
    return;
  }
  const listed = await listFiles(client, location, signal);
  if (listed.length === 0)
    throw new StagingProblem(
      'InputEmpty',
      `${uri} holds no file; upload some, or create a job with another spec.input.uri`,
    );
  for (const { key, etag } of listed) yield file(key, etag);
  const now = await listFiles(client, location, signal);
  const difference = firstDifference(listed, now);
  if (difference !== undefined)
    throw new OperatorError('STORAGE_PRECONDITION', `${uri}: ${difference} changed while the prefix was read`);
}

async function listFiles(
  client: S3Client,
  location: ObjectLocation,
  signal: AbortSignal,
): Promise<readonly ListedObject[]> {
  const found: ListedObject[] = [];
  for await (const object of client.list(location, signal)) {
    if (isInputFile(object.key.slice(location.key.length))) found.push(object);
    if (found.length > mostFiles)
      throw new StagingProblem(
        'InputTooLarge',
        `${s3URI(location)} holds more than ${mostFiles} files; join some of them, or split them over several jobs`,
      );
  }
  // As S3 orders keys, whatever the store does.
  return found.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

/** Key of a file that is not in both lists as it is in the other. Both are in order. */
export function firstDifference(before: readonly ListedObject[], after: readonly ListedObject[]): string | undefined {
  const known = new Map(before.map(({ key, etag }) => [key, etag]));
  for (const { key, etag } of after) {
    if (known.get(key) !== etag) return key;
    known.delete(key);
  }
  return known.keys().next().value;
}
