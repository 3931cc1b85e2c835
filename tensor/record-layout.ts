import { dataTypeInfo, type DataType } from './dtypes.ts';
import { TensorError } from './errors.ts';
import { decodeStrings, encodeStrings, parseStringType, textType } from './stored-strings.ts';
import { createTensor, decodeBytesElements, elementCount, rowCount, type Tensor } from './tensor.ts';

/** One tensor of a record, as it lies in a file. */
export interface Field {
  /** '' for the only tensor of an array that has no fields. */
  readonly name: string;
  readonly dataType: DataType;
  /** Of one record. */
  readonly shape: readonly number[];
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** NumPy's type of a BYTES element, which has a fixed width in a file: `<U12` for text, `|S12` for bytes. */
  readonly stringType?: string;
}

/** How the tensors of one record lie side by side. A record is one range of bytes, whatever it holds. */
export interface RecordLayout {
  readonly fields: readonly Field[];
  /** With what may be between and behind the fields. */
  readonly recordBytes: number;
}

/** A field before it has got its place. */
export type FieldType = Omit<Field, 'offset'>;

/** One field after the other, without gaps. @throws TensorError SHAPE_INVALID, DTYPE_UNSUPPORTED */
export function layoutOf(types: readonly FieldType[]): RecordLayout {
  let recordBytes = 0;
  const fields = types.map((type) => {
    const field = { ...type, offset: recordBytes };
    recordBytes += fieldBytes(field);
    return field;
  });
  return { fields, recordBytes };
}

/**
 * How the outputs of a model lie in the file of a shard: one as an array, several as the fields of a structured one.
 * @param stringLengths code points of the strings of each BYTES output, in order
 * @throws TensorError as {@link layoutOf}
 */
export function outputLayout(
  outputs: readonly Omit<FieldType, 'stringType'>[],
  stringLengths: readonly number[],
): RecordLayout {
  let strings = 0;
  return layoutOf(
    outputs.map(({ name, dataType, shape }) => ({
      name: outputs.length === 1 ? '' : name,
      dataType,
      shape,
      ...(dataType === 'BYTES' ? { stringType: textType(stringLengths[strings++]!) } : {}),
    })),
  );
}

/** Bytes of a field within one record. @throws TensorError SHAPE_INVALID, DTYPE_UNSUPPORTED for a BYTES field without a width */
export function fieldBytes({ dataType, shape, stringType }: FieldType): number {
  const width = dataTypeInfo(dataType).bytesPerElement ?? parseStringType(stringType).elementBytes;
  const bytes = elementCount(shape) * width;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new TensorError('SHAPE_INVALID', `${dataType}[${shape.join(', ')}] takes more than 2^53-1 bytes`);
}

/** @throws TensorError SHAPE_INVALID when fields overlap or pass the end of the record, and as {@link fieldBytes} */
export function assertLayout({ fields, recordBytes }: RecordLayout): void {
  let end = 0;
  for (const field of fields.toSorted((a, b) => a.offset - b.offset)) {
    if (field.offset < end)
      throw new TensorError('SHAPE_INVALID', `field '${field.name}' begins within the one before it`);
    end = field.offset + fieldBytes(field);
  }
  if (end > recordBytes)
    throw new TensorError('SHAPE_INVALID', `the fields take ${end} bytes of a record that has ${recordBytes}`);
}

/**
 * The tensors of records that follow one another, each with an axis of records first. A view where the record is one
 * fixed-width tensor, else a copy.
 * @throws TensorError DATA_LENGTH, DATA_INVALID
 */
export function readRecords(layout: RecordLayout, records: Uint8Array, count: number): Tensor[] {
  if (records.byteLength !== layout.recordBytes * count) {
    throw new TensorError(
      'DATA_LENGTH',
      `${count} records of ${layout.recordBytes} bytes are not ${records.byteLength} bytes`,
    );
  }
  return layout.fields.map((field) => {
    const shape = [count, ...field.shape];
    const bytes = fieldBytes(field);
    const stored = bytes === layout.recordBytes ? records : gather(records, layout.recordBytes, field.offset, bytes);
    const data = field.stringType === undefined ? stored : decodeStrings(parseStringType(field.stringType), stored);
    return createTensor(field.dataType, shape, data);
  });
}

/** The tensors of one record, without an axis of records. @throws TensorError DATA_LENGTH, DATA_INVALID */
export function readRecord(layout: RecordLayout, record: Uint8Array): Tensor[] {
  return readRecords(layout, record, 1).map((tensor) => ({ ...tensor, shape: tensor.shape.slice(1) }));
}

/**
 * Records from tensors that have an axis of records first. Gaps are zero.
 * @throws TensorError SHAPE_MISMATCH when a tensor is not of its field; DATA_LENGTH when a string is too long; DATA_INVALID
 */
export function writeRecords(layout: RecordLayout, tensors: readonly Tensor[]): Uint8Array {
  const count = tensors[0] === undefined ? 0 : rowCount(tensors[0]);
  const stored = layout.fields.map((field, index) => storedField(field, tensors[index], count));
  const [only] = stored;
  if (only !== undefined && stored.length === 1 && only.byteLength === layout.recordBytes * count) return only;
  const records = new Uint8Array(layout.recordBytes * count);
  for (const [index, { offset }] of layout.fields.entries()) {
    const bytes = fieldBytes(layout.fields[index]!);
    for (let record = 0; record < count; record += 1)
      records.set(stored[index]!.subarray(record * bytes, (record + 1) * bytes), record * layout.recordBytes + offset);
  }
  return records;
}

function storedField(field: Field, tensor: Tensor | undefined, count: number): Uint8Array {
  const [rows, ...shape] = tensor?.shape ?? [];
  const fits = tensor?.dtype === field.dataType && rows === count && String(shape) === String(field.shape);
  if (tensor === undefined || !fits) {
    const given = tensor === undefined ? 'nothing' : `${tensor.dtype}[${tensor.shape.join(', ')}]`;
    throw new TensorError(
      'SHAPE_MISMATCH',
      `field '${field.name}' takes ${field.dataType}[${[count, ...field.shape].join(', ')}], given is ${given}`,
    );
  }
  if (field.stringType === undefined) return tensor.data;
  return encodeStrings(parseStringType(field.stringType), decodeBytesElements(tensor));
}

function gather(records: Uint8Array, recordBytes: number, offset: number, bytes: number): Uint8Array {
  const count = recordBytes === 0 ? 0 : records.byteLength / recordBytes;
  const data = new Uint8Array(count * bytes);
  for (let record = 0; record < count; record += 1) {
    const start = record * recordBytes + offset;
    data.set(records.subarray(start, start + bytes), record * bytes);
  }
  return data;
}
