import type { ObjectLocation, S3Client } from '../storage/index.ts';

/** A row of an object: `dataOffset + row × rowBytes`. */
export interface RowObject {
  readonly client: S3Client;
  readonly location: ObjectLocation;
  readonly etag: string;
  readonly dataOffset: number;
  readonly rowBytes: number;
}

export interface RowRef {
  readonly object: RowObject;
  readonly row: number;
}

/** Rows that follow one another are read in blocks of at most this. */
const blockBytes = 4 * 2 ** 20;

/**
 * Yields the rows in the order of the refs, reading neighbours together and never more than a block, or one row, ahead.
 * @throws OperatorError STORAGE_PRECONDITION when an object is no longer the one with the entity tag; any other STORAGE_*
 */
export async function* readRows(refs: readonly RowRef[], signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for (let first = 0; first < refs.length;) {
    const { object, row } = refs[first]!;
    let count = 1;
    while (isNext(refs[first + count], object, row + count) && (count + 1) * object.rowBytes <= blockBytes) count++;
    const start = object.dataOffset + row * object.rowBytes;
    const range = { start, end: start + count * object.rowBytes };
    const options = { ifMatch: object.etag, ...(signal === undefined ? {} : { signal }) };
    const block =
      object.rowBytes === 0 ? new Uint8Array() : await object.client.getRange(object.location, range, options);
    for (let index = 0; index < count; index++)
      yield block.subarray(index * object.rowBytes, (index + 1) * object.rowBytes);
    first += count;
  }
}

function isNext(ref: RowRef | undefined, object: RowObject, row: number): boolean {
  return ref?.object === object && ref.row === row;
}

/** Cuts a stream of bytes into rows, after `skip` bytes. A rest that is no whole row is dropped: lengths are checked elsewhere. */
export async function* splitIntoRows(
  chunks: AsyncIterable<Uint8Array>,
  rowBytes: number,
): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    held += chunk.byteLength;
    if (held < rowBytes) continue;
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts);
    let at = 0;
    for (; at + rowBytes <= bytes.byteLength; at += rowBytes) yield bytes.subarray(at, at + rowBytes);
    parts = at === bytes.byteLength ? [] : [bytes.subarray(at)];
    held = bytes.byteLength - at;
  }
}
