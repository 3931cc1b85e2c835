import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StagingProblem } from './staging-problem.ts';

/** One file of an input. */
export interface SourceFile {
  /** Its address, for messages. */
  readonly name: string;
  /** Below the prefix that it was found under; '' for an input of one object. */
  readonly path: string;
  /** By gzip. */
  readonly isCompressed: boolean;
  /** As it lies in the store. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array>;
}

/**
 * The bytes without their compression, as they come, and after the last of them the digest of the file as it lies in the store.
 * Reading throws StagingProblem InputInvalid for what is no whole gzip file.
 */
export async function unpacked(
  source: SourceFile,
  signal: AbortSignal,
): Promise<{ chunks: AsyncIterable<Uint8Array>; sha256: () => string }> {
  const hash = createHash('sha256');
  const raw = await source.open(signal);
  let received = 0;
  const hashed = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of raw) {
      received += chunk.byteLength;
      hash.update(chunk);
      yield chunk;
    }
  };
  const sha256 = (): string => hash.digest('hex');
  if (!source.isCompressed) return { chunks: hashed(), sha256 };
  const refuse = (why: string, cause?: unknown): StagingProblem =>
    new StagingProblem('InputInvalid', `${source.name} is no whole gzip file (${why}); compress it again`, { cause });
  const unzipped = async function* (): AsyncGenerator<Uint8Array, void> {
    const read = Readable.from(hashed());
    const gunzip = createGunzip();
    read.on('error', (error) => gunzip.destroy(error));
    try {
      yield* read.pipe(gunzip) as AsyncIterable<Uint8Array>;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code?.startsWith('Z_') !== true) throw error;
      throw refuse(code, error);
    } finally {
      read.destroy();
    }
    // zlib stops at the first byte that begins no further member, and says nothing.
    if (!read.readableEnded || gunzip.bytesWritten !== received) throw refuse('other bytes follow its end');
  };
  return { chunks: unzipped(), sha256 };
}
