import { dataTypeInfo, dataTypes, type DataType } from './dtypes.ts';
import { TensorError } from './errors.ts';
import type { NpyField } from './npy-dictionary.ts';
import { fieldBytes, layoutOf, type Field, type RecordLayout } from './record-layout.ts';

/**
 * How the records of an array lie: one tensor named '', or the fields of a structured array.
 * @throws TensorError NPY_SCALAR, NPY_STRUCTURED_DTYPE, NPY_UNSUPPORTED_DTYPE, NPY_BIG_ENDIAN, NPY_HEADER_INVALID, SHAPE_INVALID
 */
export function npyLayout(descr: string | readonly NpyField[], shape: readonly number[]): RecordLayout {
  return typeof descr === 'string' ? plainLayout(descr, shape) : structuredLayout(descr, shape);
}

function plainLayout(descr: string, shape: readonly number[]): RecordLayout {
  const type = typeOfDescr(descr);
  if (shape.length === 0)
    throw new TensorError('NPY_SCALAR', 'the .npy array is a scalar and has no records; reshape it to (1, ...)');
  return layoutOf([{ name: '', shape: shape.slice(1), ...type }]);
}

function structuredLayout(described: readonly NpyField[], shape: readonly number[]): RecordLayout {
  if (shape.length !== 1) {
    throw new TensorError(
      'NPY_STRUCTURED_DTYPE',
      `the .npy dtype is structured and its shape is (${shape.join(', ')}); a record is one element of one axis: give the fields the other axes`,
    );
  }
  let recordBytes = 0;
  const fields: Field[] = [];
  for (const { name, descr, shape: fieldShape } of described) {
    const [, padding] = name === '' ? (/^\|V(\d{1,9})$/.exec(descr) ?? []) : [];
    if (padding !== undefined) {
      recordBytes += Number(padding);
      continue;
    }
    if (fields.some((field) => field.name === name))
      throw new TensorError('NPY_HEADER_INVALID', `the .npy dtype has the field '${name}' twice`);
    const field = { name, shape: fieldShape, ...typeOfDescr(descr), offset: recordBytes };
    recordBytes += fieldBytes(field);
    fields.push(field);
  }
  if (fields.length === 0) throw new TensorError('NPY_STRUCTURED_DTYPE', 'the .npy dtype has no field');
  return { fields, recordBytes };
}

/** @throws TensorError NPY_BIG_ENDIAN, NPY_UNSUPPORTED_DTYPE */
function typeOfDescr(descr: string): Pick<Field, 'dataType' | 'stringType'> {
  const match = /^([<>|=])([a-zA-Z])(\d+)$/.exec(descr);
  if (match) {
    const [, order, kind, width] = match;
    const bigEndian = new TensorError(
      'NPY_BIG_ENDIAN',
      `.npy dtype ${descr} is big-endian; save array.astype(array.dtype.newbyteorder('<'))`,
    );
    if (kind === 'U' && order === '>') throw bigEndian;
    if ((kind === 'U' && order === '<') || (kind === 'S' && order === '|')) {
      if (!/^[1-9]\d{0,8}$/.test(width!)) throw unsupportedType(descr);
      return { dataType: 'BYTES', stringType: descr };
    }
    const canonical = `${width === '1' ? '|' : '<'}${kind}${width}`;
    for (const dataType of Object.keys(dataTypes) as DataType[]) {
      if (dataTypeInfo(dataType).npyDescr !== canonical) continue;
      if (width === '1' || order === '<') return { dataType };
      if (order === '>') throw bigEndian;
    }
  }
  throw unsupportedType(descr);
}

export function unsupportedType(descr: string): TensorError {
  return new TensorError(
    'NPY_UNSUPPORTED_DTYPE',
    `.npy dtype ${JSON.stringify(descr.slice(0, 64))} is not supported; convert to bool, int8-64, uint8-64, float16, float32, float64, or to strings where the model takes them`,
  );
}
