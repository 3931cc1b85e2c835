import { TaskFailure } from '../errors.ts';
import { TransientStorageError, retryStorage, storageFailure, type StorageContext } from '../storage-request.ts';
import type { RecordRange } from './plan.ts';

export interface InputObject {
  /** Presigned GET. */
  readonly url: string;
  readonly etag: string;
  /** Bytes before the first record. */
  readonly dataOffset: number;
  readonly recordBytes: number;
}

/** Ranges larger than this are not read ahead: two of them would be too much to hold. */
const readAheadBytes = 32 * 1024 * 1024;

/**
 * Rows of the ranges, in order; while one is worked on the next is on its way, unless they are large.
 * @throws TaskFailure InputChanged, InputNotFound, InputTruncated, StorageExpired, StorageUnavailable
 */
export async function* readRanges(
  input: InputObject,
  ranges: Iterable<RecordRange>,
  context: StorageContext,
): AsyncGenerator<{ range: RecordRange; rows: Uint8Array }> {
  const abort = new AbortController();
  const signal = AbortSignal.any([context.signal, abort.signal]);
  const start = (range: RecordRange): { range: RecordRange; rows: Promise<Uint8Array> } => {
    const rows = readRange(input, range, { ...context, signal });
    // It is awaited a range later; until then its failure is not unhandled.
    rows.catch(() => undefined);
    return { range, rows };
  };
  let next: ReturnType<typeof start> | undefined;
  try {
    for (const range of ranges) {
      const current = next;
      const isAhead = range.records * input.recordBytes <= readAheadBytes;
      if (isAhead) next = start(range);
      if (current !== undefined) yield { range: current.range, rows: await current.rows };
      if (!isAhead) next = start(range);
    }
    if (next !== undefined) yield { range: next.range, rows: await next.rows };
  } finally {
    abort.abort(new Error('the reader stopped'));
  }
}

async function readRange(input: InputObject, range: RecordRange, context: StorageContext): Promise<Uint8Array> {
  const bytes = range.records * input.recordBytes;
  // Records without elements: HTTP cannot ask for nothing.
  if (bytes === 0) return new Uint8Array();
  const start = input.dataOffset + range.firstRecord * input.recordBytes;
  const what = `GET of the input, bytes ${start}-${start + bytes - 1}`;
  return retryStorage(what, context, async (tries) => {
    const headers = { range: `bytes=${start}-${start + bytes - 1}`, 'if-match': input.etag };
    const response = await fetch(input.url, { headers, signal: context.signal });
    if (response.status !== 206) {
      if (response.ok) {
        await response.body?.cancel();
        throw new TaskFailure(
          'StorageUnavailable',
          `${what}: storage ignores Range (status ${response.status}); use a store that answers ranged reads`,
        );
      }
      throw await storageFailure(what, response, context, {
        404: 'InputNotFound',
        410: 'InputNotFound',
        412: 'InputChanged',
        416: 'InputTruncated',
      });
    }
    const rows = new Uint8Array(bytes);
    const received = await fill(rows, response.body);
    if (received === bytes) return rows;
    const message = `${what}: ${received} of ${bytes} bytes came`;
    // An object that ends too early answers 206 with what there is; a connection that broke off may look the same once.
    if (tries < 2) throw new TransientStorageError(message);
    throw new TaskFailure('InputTruncated', `${message}; the object is shorter than when the job was admitted`);
  });
}

/** Puts a body where it is wanted: gathered first it would be in memory twice. @returns its bytes, also those beyond the target, of which no more than a chunk is read */
async function fill(target: Uint8Array, body: ReadableStream<Uint8Array> | null): Promise<number> {
  let received = 0;
  for await (const chunk of body ?? []) {
    target.set(chunk.subarray(0, Math.max(0, target.byteLength - received)), received);
    received += chunk.byteLength;
    if (received > target.byteLength) break;
  }
  return received;
}
