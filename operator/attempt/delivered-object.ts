import { createHash } from 'node:crypto';
import {
  MAX_NPY_HEADER_BYTES,
  NPY_PREFIX_BYTES,
  TensorError,
  assertNpyLength,
  npyHeaderLength,
  dataTypeInfo,
  elementCount,
  parseDataType,
  parseNpyRecords,
  type NpyRecords,
} from '@isochrone/tensor';
import type { ObjectLocation, S3Client } from '../storage/index.ts';
import { splitIntoRows } from './row-reader.ts';

/** The object is not what its node signed: proof against the node. */
export class DeliveredMismatch extends Error {
  override readonly name = 'DeliveredMismatch';
}

/**
 * The object is what its node signed, but not of the form that the model's metadata tells. Metadata may be wrong, so it is no
 * proof against the node.
 */
export class OutputOffForm extends Error {
  override readonly name = 'OutputOffForm';
}

export interface SignedObject {
  readonly sha256: Uint8Array;
  readonly bytes: number;
  readonly records: number;
}

/** One output of the model. */
export interface OutputForm {
  readonly name: string;
  readonly dataType: string;
  /** Of one record; -1 where the model leaves an axis open. */
  readonly recordShape: readonly number[];
}

export interface ReadObject {
  readonly header: NpyRecords;
  readonly etag: string;
}

/** Where the model leaves the size of a row open, the node chooses it; the hub holds a whole row, and no more than this. */
const longestOpenRowBytes = 16 * 2 ** 20;

/**
 * Reads a delivered object once, from the first byte to the last: header, each row in order, and the digest.
 * @param onRow called as rows arrive, before the digest is known to be right
 * @throws DeliveredMismatch; OutputOffForm; OperatorError STORAGE_*
 */
export async function readDelivered(
  client: S3Client,
  location: ObjectLocation,
  signed: SignedObject,
  forms: readonly OutputForm[],
  onRow: (row: Uint8Array, index: number, header: NpyRecords) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<ReadObject> {
  assertSize(signed, forms, location.key);
  const stream = await client.getStream(location, signal === undefined ? {} : { signal });
  const hash = createHash('sha256');
  let length = 0;
  const hashed = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of stream) {
      length += chunk.byteLength;
      if (length > signed.bytes)
        throw new DeliveredMismatch(`${location.key} has more than the ${signed.bytes} bytes that were signed`);
      hash.update(chunk);
      yield chunk;
    }
  };
  const chunks = hashed();
  try {
    const header = await readRowsOf(chunks, signed, forms, location.key, onRow).catch(unlessOffForm);
    // Whatever follows counts too: an object of another form is held against its node only when it is not the signed one.
    while ((await chunks.next()).done !== true);
    if (length !== signed.bytes)
      throw new DeliveredMismatch(`${location.key} has ${length} bytes, signed were ${signed.bytes}`);
    const digest = hash.digest();
    if (Buffer.compare(digest, signed.sha256) !== 0) {
      throw new DeliveredMismatch(
        `${location.key} has SHA-256 ${digest.toString('hex')}, signed was ${Buffer.from(signed.sha256).toString('hex')}`,
      );
    }
    if (header instanceof OutputOffForm) throw header;
    return { header, etag: stream.etag };
  } finally {
    // Closes the connection when the rest is not wanted.
    await chunks.return();
  }
}

async function readRowsOf(
  chunks: AsyncGenerator<Uint8Array, void>,
  signed: SignedObject,
  forms: readonly OutputForm[],
  name: string,
  onRow: Parameters<typeof readDelivered>[4],
): Promise<NpyRecords> {
  const { header: stored, rest } = await readHeader(chunks, name);
  const header = boundHeader(stored, signed, forms, name);
  let index = 0;
  if (header.recordBytes > 0)
    for await (const row of splitIntoRows(rest, header.recordBytes)) await onRow(row, index++, header);
  else for (; index < header.records; index++) await onRow(new Uint8Array(), index, header);
  return header;
}

function unlessOffForm(error: unknown): OutputOffForm {
  if (error instanceof OutputOffForm) return error;
  throw error;
}

/** Before anything is read: what the forms cannot fill is not fetched. */
function assertSize({ bytes, records }: SignedObject, forms: readonly OutputForm[], name: string): void {
  const rowBytes = forms.some(isOpen)
    ? longestOpenRowBytes
    : forms.reduce((sum, { dataType, recordShape }) => sum + elementBytes(dataType)! * elementCount(recordShape), 0);
  const most = MAX_NPY_HEADER_BYTES + records * rowBytes;
  if (bytes > most)
    throw new OutputOffForm(
      `${name} has ${bytes} bytes, ${records} records of the model have at most ${most}; check the model's output shape, and fix its open axes`,
    );
}

/** Whether the node chooses how many bytes the output has: an axis, or the length of its strings. */
function isOpen({ dataType, recordShape }: OutputForm): boolean {
  return recordShape.some((size) => size < 0) || elementBytes(dataType) === undefined;
}

function elementBytes(dataType: string): number | undefined {
  return dataTypeInfo(parseDataType(dataType)).bytesPerElement;
}

/** Takes the header from the front of a stream; `rest` is the data. */
async function readHeader(
  chunks: AsyncGenerator<Uint8Array, void>,
  name: string,
): Promise<{ header: NpyRecords; rest: AsyncIterable<Uint8Array> }> {
  let front: Uint8Array = new Uint8Array();
  let needed: number | undefined;
  while (needed === undefined || front.byteLength < needed) {
    const next = await chunks.next();
    if (next.done === true) break;
    front = front.byteLength === 0 ? next.value : Buffer.concat([front, next.value]);
    if (needed === undefined && front.byteLength >= NPY_PREFIX_BYTES)
      needed = orOffForm(name, () => npyHeaderLength(front));
  }
  const header = orOffForm(name, () => parseNpyRecords(front));
  const first = front.subarray(header.dataOffset);
  const rest = async function* (): AsyncGenerator<Uint8Array, void> {
    if (first.byteLength > 0) yield first;
    yield* chunks;
  };
  return { header, rest: rest() };
}

/** Checks the header and gives its fields the names of the model's outputs. */
function boundHeader(header: NpyRecords, signed: SignedObject, forms: readonly OutputForm[], name: string): NpyRecords {
  orOffForm(name, () => assertNpyLength(header, signed.bytes));
  if (header.records !== signed.records)
    throw new OutputOffForm(`${name} has ${header.records} records, the shard has ${signed.records}`);
  const names = forms.length === 1 ? [''] : forms.map((form) => form.name);
  const stored = header.fields.map((field) => field.name);
  if (stored.join('\n') !== names.join('\n')) {
    const told = (list: readonly string[]): string => (list[0] === '' ? 'one array' : `the fields ${list.join(', ')}`);
    throw new OutputOffForm(`${name} has ${told(stored)}, the model gives ${told(names)}`);
  }
  if (header.recordBytes > longestOpenRowBytes && forms.some(isOpen)) {
    throw new OutputOffForm(
      `${name} has records of ${header.recordBytes} bytes, at most ${longestOpenRowBytes} are read where the model leaves an axis open; fix the axes of its output`,
    );
  }
  const fields = header.fields.map((field, index) => {
    const form = forms[index]!;
    const where = forms.length === 1 ? name : `${name}, output ${form.name},`;
    if (field.dataType !== form.dataType)
      throw new OutputOffForm(`${where} is of ${field.dataType}, the model gives ${form.dataType}`);
    if (!fitsShape(field.shape, form.recordShape)) {
      throw new OutputOffForm(
        `${where} has records of shape [${field.shape.join(', ')}], the model gives [${form.recordShape.join(', ')}]`,
      );
    }
    return { ...field, name: form.name };
  });
  return { ...header, fields };
}

/** Whether a shape is one that the model's may become: -1 stands for any length. */
export function fitsShape(shape: readonly number[], model: readonly number[]): boolean {
  return shape.length === model.length && model.every((size, axis) => size < 0 || size === shape[axis]);
}

function orOffForm<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TensorError) throw new OutputOffForm(`${name}: ${error.message}`);
    throw error;
  }
}
