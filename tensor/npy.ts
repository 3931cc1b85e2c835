import { dataTypeInfo, type DataType } from './dtypes.ts';
import { TensorError } from './errors.ts';
import { parseNpyDictionary } from './npy-dictionary.ts';
import { npyLayout, unsupportedType } from './npy-layout.ts';
import { assertLayout, fieldBytes, type Field, type RecordLayout } from './record-layout.ts';
import { createTensor, elementCount, type Tensor } from './tensor.ts';

/** Enough bytes from the start of an object for {@link npyHeaderLength} in every version of the format. */
export const NPY_PREFIX_BYTES = 12;

/** NumPy itself refuses more than 10,000 characters by default; a hostile object must not make a caller read gigabytes. */
export const MAX_NPY_HEADER_BYTES = 64 * 1024;

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** What an .npy object says of its data, whatever its records hold. A record is one index of the first axis. */
export interface NpyRecords extends RecordLayout {
  /** Where the data starts, in bytes from the start of the object. */
  readonly dataOffset: number;
  readonly records: number;
}

/** What an .npy object of one tensor of numbers or booleans says of its data. */
export interface NpyHeader extends NpyRecords {
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** Bytes [start, end) of an object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * How many bytes from the start of the object {@link parseNpyHeader} needs; equals `dataOffset`.
 * @param prefix at least the first {@link NPY_PREFIX_BYTES} bytes, or the whole object if it is shorter
 * @throws TensorError NPY_MAGIC, NPY_VERSION, NPY_TRUNCATED, NPY_HEADER_TOO_LARGE
 */
export function npyHeaderLength(prefix: Uint8Array): number {
  return preamble(prefix).dataOffset;
}

/**
 * Parses the header of an .npy object, versions 1.0 to 3.0 (NEP 1, numpy/lib/format.py): numbers, booleans and strings, or a
 * structured array of them, whose fields are the tensors of a record. An array without fields has one, named ''.
 * @param prefix at least the first {@link npyHeaderLength} bytes; more is ignored
 * @throws TensorError any NPY_* code but NPY_TOO_LONG; SHAPE_INVALID when the array is larger than 2^53-1 bytes
 */
export function parseNpyRecords(prefix: Uint8Array): NpyRecords {
  const { version, textOffset, dataOffset } = preamble(prefix);
  if (prefix.byteLength < dataOffset) {
    throw new TensorError(
      'NPY_TRUNCATED',
      `the .npy header takes ${dataOffset} bytes, only ${prefix.byteLength} are there`,
    );
  }
  const { descr, fortranOrder, shape } = parseNpyDictionary(
    headerText(prefix.subarray(textOffset, dataOffset), version),
  );
  const layout = npyLayout(descr, shape);
  // A one-dimensional array is the same in both orders, and NumPy may mark it with either.
  if (fortranOrder && shape.length > 1) {
    throw new TensorError(
      'NPY_FORTRAN_ORDER',
      'the .npy array is in Fortran order; save numpy.ascontiguousarray(array)',
    );
  }
  const header = { ...layout, dataOffset, records: shape[0]! };
  if (!Number.isSafeInteger(header.recordBytes) || !Number.isSafeInteger(npyObjectLength(header))) {
    throw new TensorError('SHAPE_INVALID', `an array of shape (${shape.join(', ')}) takes more than 2^53-1 bytes`);
  }
  return header;
}

/**
 * Parses the header of an .npy object that is one tensor of numbers or booleans.
 * @throws TensorError as {@link parseNpyRecords}; NPY_STRUCTURED_DTYPE, NPY_UNSUPPORTED_DTYPE for what only that reads
 */
export function parseNpyHeader(prefix: Uint8Array): NpyHeader {
  const records = parseNpyRecords(prefix);
  const [field] = records.fields;
  if (field?.name !== '')
    throw new TensorError(
      'NPY_STRUCTURED_DTYPE',
      'the .npy dtype is structured; save each field as an array of its own',
    );
  if (field.stringType !== undefined) throw unsupportedType(field.stringType);
  return { ...records, dtype: field.dataType, shape: [records.records, ...field.shape] };
}

/**
 * Where records [first, first + count) lie in the object.
 * @throws TensorError ROW_RANGE
 */
export function recordRange(header: NpyRecords, first: number, count: number): ByteRange {
  if (
    !Number.isSafeInteger(first) ||
    !Number.isSafeInteger(count) ||
    first < 0 ||
    count < 0 ||
    first + count > header.records
  ) {
    throw new TensorError(
      'ROW_RANGE',
      `records [${first}, ${first + count}) are not within the object's ${header.records} records`,
    );
  }
  const start = header.dataOffset + first * header.recordBytes;
  return { start, end: start + count * header.recordBytes };
}

/** Checks that the object ends where its data does. @throws TensorError NPY_TRUNCATED, NPY_TOO_LONG */
export function assertNpyLength(header: NpyRecords, objectBytes: number): void {
  const expected = npyObjectLength(header);
  if (objectBytes === expected) return;
  throw new TensorError(
    objectBytes < expected ? 'NPY_TRUNCATED' : 'NPY_TOO_LONG',
    `the .npy header promises ${header.records} records in ${expected} bytes, the object has ${objectBytes}; write it again`,
  );
}

/** Reads a whole .npy object as a view. @throws TensorError as {@link parseNpyHeader} and {@link assertNpyLength} */
export function decodeNpy(object: Uint8Array): Tensor {
  const header = parseNpyHeader(object);
  assertNpyLength(header, object.byteLength);
  return createTensor(header.dtype, header.shape, object.subarray(header.dataOffset));
}

/** Writes the header of one tensor. @throws TensorError DTYPE_UNSUPPORTED (BYTES, BF16), NPY_SCALAR, NPY_HEADER_TOO_LARGE, SHAPE_INVALID */
export function encodeNpyHeader(dtype: DataType, shape: readonly number[]): Uint8Array {
  const descr = dataTypeInfo(dtype).npyDescr;
  if (descr === undefined) throw new TensorError('DTYPE_UNSUPPORTED', `.npy has no dtype for ${dtype}`);
  if (shape.length === 0)
    throw new TensorError('NPY_SCALAR', 'a scalar has no records; give the tensor a first axis of 1');
  elementCount(shape);
  return headerOf(`'${descr}'`, shape);
}

/**
 * Writes the header of records: of one tensor where the only field is named '' and fills the record, else of a structured array.
 * @throws TensorError DTYPE_UNSUPPORTED (BF16, a field name that NumPy would escape), NPY_HEADER_TOO_LARGE, SHAPE_INVALID
 */
export function encodeNpyRecordsHeader(layout: RecordLayout, records: number): Uint8Array {
  assertLayout(layout);
  const [only] = layout.fields;
  if (layout.fields.length === 1 && only?.name === '' && fieldBytes(only) === layout.recordBytes)
    return headerOf(`'${descrOf(only)}'`, [records, ...only.shape]);
  const parts: string[] = [];
  let end = 0;
  const fill = (to: number): void => {
    if (to > end) parts.push(`('', '|V${to - end}')`);
  };
  for (const field of layout.fields.toSorted((a, b) => a.offset - b.offset)) {
    fill(field.offset);
    const shape = field.shape.length === 0 ? '' : `, ${tuple(field.shape)}`;
    parts.push(`('${fieldName(field.name)}', '${descrOf(field)}'${shape})`);
    end = field.offset + fieldBytes(field);
  }
  fill(layout.recordBytes);
  return headerOf(`[${parts.join(', ')}]`, [records]);
}

/** Whether a structured array can have the field: what Python prints without escapes. */
export function isFieldName(name: string): boolean {
  return /^[\x20-\x7e]+$/.test(name) && !/['\\]/.test(name);
}

function fieldName(name: string): string {
  if (isFieldName(name)) return name;
  throw new TensorError(
    'DTYPE_UNSUPPORTED',
    `the name ${JSON.stringify(name)} cannot be a field of an .npy file; use printable ASCII without quotes and backslashes`,
  );
}

function descrOf({ dataType, stringType }: Field): string {
  const descr = dataTypeInfo(dataType).npyDescr ?? stringType;
  if (descr !== undefined) return descr;
  throw new TensorError('DTYPE_UNSUPPORTED', `.npy has no dtype for ${dataType}`);
}

function tuple(shape: readonly number[]): string {
  return `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
}

/** Version 1.0, padded so that the data starts at a multiple of 64. */
function headerOf(descr: string, shape: readonly number[]): Uint8Array {
  const dictionary = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${tuple(shape)}, }`;
  const dataOffset = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  if (dataOffset - 10 > 0xffff)
    throw new TensorError('NPY_HEADER_TOO_LARGE', `a header of ${dataOffset} bytes does not fit an .npy file`);
  const bytes = Buffer.alloc(dataOffset, ' ');
  bytes.set(MAGIC);
  bytes.set([1, 0], 6);
  bytes.writeUInt16LE(dataOffset - 10, 8);
  bytes.write(dictionary, 10, 'latin1');
  bytes[dataOffset - 1] = 0x0a;
  return bytes;
}

/** Writes a whole .npy object. @throws TensorError as {@link encodeNpyHeader} */
export function encodeNpy(tensor: Tensor): Uint8Array {
  return Buffer.concat([encodeNpyHeader(tensor.dtype, tensor.shape), tensor.data]);
}

function npyObjectLength(header: NpyRecords): number {
  return header.dataOffset + header.records * header.recordBytes;
}

function preamble(prefix: Uint8Array): { version: number; textOffset: number; dataOffset: number } {
  const magic = prefix.subarray(0, MAGIC.length);
  if (!magic.every((value, index) => value === MAGIC[index]))
    throw new TensorError('NPY_MAGIC', 'the object does not start with \\x93NUMPY; it is no .npy file');
  if (prefix.byteLength < 8) throw truncatedPreamble(prefix);
  const [version, minor] = [prefix[6]!, prefix[7]!];
  if (version < 1 || version > 3 || minor !== 0) {
    throw new TensorError(
      'NPY_VERSION',
      `.npy format version ${version}.${minor} is not supported; save with numpy.lib.format versions 1.0 to 3.0`,
    );
  }
  const textOffset = version === 1 ? 10 : 12;
  if (prefix.byteLength < textOffset) throw truncatedPreamble(prefix);
  const view = new DataView(prefix.buffer, prefix.byteOffset);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_NPY_HEADER_BYTES) {
    throw new TensorError(
      'NPY_HEADER_TOO_LARGE',
      `the .npy header claims ${length} bytes; at most ${MAX_NPY_HEADER_BYTES} are read`,
    );
  }
  return { version, textOffset, dataOffset: textOffset + length };
}

function truncatedPreamble(prefix: Uint8Array): TensorError {
  return new TensorError('NPY_TRUNCATED', `the object ends after ${prefix.byteLength} bytes, within the .npy preamble`);
}

function headerText(bytes: Uint8Array, version: number): string {
  if (version < 3) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TensorError('NPY_HEADER_INVALID', `the .npy 3.0 header is not UTF-8: ${String(cause)}`);
  }
}
