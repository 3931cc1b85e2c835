import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseS3URI, type S3Client } from '@isochrone/operator/storage';
import { CliError } from '../errors.ts';

/** An object, and the digest that was promised for it. */
export interface PromisedObject {
  readonly uri: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** One that is kept. */
export interface DownloadedObject extends PromisedObject {
  /** Name of its file. */
  readonly file: string;
}

type Storage = Pick<S3Client, 'getStream'>;

/** The whole object. @throws CliError DIGEST_MISMATCH; OperatorError STORAGE_* */
export async function readWhole(storage: Storage, object: PromisedObject): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of checked(storage, object)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads it and keeps nothing. @throws CliError DIGEST_MISMATCH; OperatorError STORAGE_* */
export async function checkObject(storage: Storage, object: PromisedObject): Promise<void> {
  await pipeline(checked(storage, object), new Writable({ write: (_chunk, _encoding, done) => done() }));
}

/**
 * Writes the objects and `manifest.json` into the directory, all of them or none: what is under way lies in a folder
 * of its own, so that a download that failed can be tried again.
 * @throws CliError FILE_EXISTS, DIGEST_MISMATCH; OperatorError STORAGE_*
 */
export async function downloadObjects(
  storage: Storage,
  directory: string,
  manifest: Uint8Array,
  objects: readonly DownloadedObject[],
  onObject: (done: number) => void = () => undefined,
): Promise<void> {
  // Last, as in the store: who finds it finds the rest.
  const files = [...objects.map(({ file }) => file), 'manifest.json'];
  const taken = files.find((file) => existsSync(join(directory, file)));
  if (taken !== undefined)
    throw new CliError('FILE_EXISTS', `${join(directory, taken)} exists; name an empty directory`);
  await mkdir(directory, { recursive: true });
  const partial = await mkdtemp(join(directory, '.partial-'));
  try {
    for (const [done, object] of objects.entries()) {
      onObject(done);
      await writeFile(join(partial, object.file), checked(storage, object));
    }
    await writeFile(join(partial, 'manifest.json'), manifest);
    for (const file of files) await rename(join(partial, file), join(directory, file));
  } finally {
    await rm(partial, { recursive: true });
  }
}

/** The bytes as they come; fails at their end when they are not the ones that were promised. */
async function* checked(storage: Storage, { uri, sha256 }: PromisedObject): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256');
  for await (const chunk of await storage.getStream(parseS3URI(uri))) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest('hex');
  if (actual === sha256) return;
  throw new CliError(
    'DIGEST_MISMATCH',
    `${uri} has SHA-256 ${actual}, promised was ${sha256}; it was changed after it was verified: do not use it`,
  );
}
