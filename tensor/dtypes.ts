import { TensorError } from './errors.ts';

/** A typed array that can hold the elements of a fixed-width tensor. FP16 is held as its bits. */
export type NumericArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

type NumericArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => NumericArray;

export interface DataTypeInfo {
  /** Element type number of ONNX's TensorProto.DataType; also the datatype's code in digests (proto/digest.md). */
  readonly onnxElementType: number;
  readonly kind: 'bool' | 'int' | 'uint' | 'float' | 'bytes';
  /** Bytes of one element; undefined for BYTES, whose elements each carry a length. */
  readonly bytesPerElement: number | undefined;
  /** NumPy's array-protocol type string; undefined where NumPy has none that fits. */
  readonly npyDescr: string | undefined;
  /** onnxruntime's name of the element type; undefined where onnxruntime-node cannot carry it as input or output. */
  readonly onnxruntime: string | undefined;
  /** View of the elements; undefined for BYTES and for BF16, which JavaScript has no array for. */
  readonly array: NumericArrayConstructor | undefined;
}

/** The datatypes of the Open Inference Protocol v2 (its table of tensor data types; BF16 from its gRPC text). */
export const dataTypes = {
  BOOL: {
    onnxElementType: 9,
    kind: 'bool',
    bytesPerElement: 1,
    npyDescr: '|b1',
    onnxruntime: 'bool',
    array: Uint8Array,
  },
  UINT8: {
    onnxElementType: 2,
    kind: 'uint',
    bytesPerElement: 1,
    npyDescr: '|u1',
    onnxruntime: 'uint8',
    array: Uint8Array,
  },
  UINT16: {
    onnxElementType: 4,
    kind: 'uint',
    bytesPerElement: 2,
    npyDescr: '<u2',
    onnxruntime: 'uint16',
    array: Uint16Array,
  },
  UINT32: {
    onnxElementType: 12,
    kind: 'uint',
    bytesPerElement: 4,
    npyDescr: '<u4',
    onnxruntime: 'uint32',
    array: Uint32Array,
  },
  UINT64: {
    onnxElementType: 13,
    kind: 'uint',
    bytesPerElement: 8,
    npyDescr: '<u8',
    onnxruntime: 'uint64',
    array: BigUint64Array,
  },
  INT8: { onnxElementType: 3, kind: 'int', bytesPerElement: 1, npyDescr: '|i1', onnxruntime: 'int8', array: Int8Array },
  INT16: {
    onnxElementType: 5,
    kind: 'int',
    bytesPerElement: 2,
    npyDescr: '<i2',
    onnxruntime: 'int16',
    array: Int16Array,
  },
  INT32: {
    onnxElementType: 6,
    kind: 'int',
    bytesPerElement: 4,
    npyDescr: '<i4',
    onnxruntime: 'int32',
    array: Int32Array,
  },
  INT64: {
    onnxElementType: 7,
    kind: 'int',
    bytesPerElement: 8,
    npyDescr: '<i8',
    onnxruntime: 'int64',
    array: BigInt64Array,
  },
  FP16: {
    onnxElementType: 10,
    kind: 'float',
    bytesPerElement: 2,
    npyDescr: '<f2',
    onnxruntime: 'float16',
    array: Uint16Array,
  },
  BF16: {
    onnxElementType: 16,
    kind: 'float',
    bytesPerElement: 2,
    npyDescr: undefined,
    onnxruntime: undefined,
    array: undefined,
  },
  FP32: {
    onnxElementType: 1,
    kind: 'float',
    bytesPerElement: 4,
    npyDescr: '<f4',
    onnxruntime: 'float32',
    array: Float32Array,
  },
  FP64: {
    onnxElementType: 11,
    kind: 'float',
    bytesPerElement: 8,
    npyDescr: '<f8',
    onnxruntime: 'float64',
    array: Float64Array,
  },
  BYTES: {
    onnxElementType: 8,
    kind: 'bytes',
    bytesPerElement: undefined,
    npyDescr: undefined,
    onnxruntime: 'string',
    array: undefined,
  },
} as const satisfies Record<string, DataTypeInfo>;

export type DataType = keyof typeof dataTypes;

/** The row of the table, typed by its interface so that callers may ask any datatype the same questions. */
export function dataTypeInfo(dtype: DataType): DataTypeInfo {
  return dataTypes[dtype];
}

/** Reads a datatype's name as it stands in a request or a manifest. @throws TensorError DTYPE_UNKNOWN */
export function parseDataType(name: string): DataType {
  if (Object.hasOwn(dataTypes, name)) return name as DataType;
  throw new TensorError(
    'DTYPE_UNKNOWN',
    `datatype ${JSON.stringify(name)} is unknown; use one of ${Object.keys(dataTypes).join(', ')}`,
  );
}

/** onnxruntime's element type name → datatype. @throws TensorError DTYPE_UNKNOWN */
export function dataTypeOfOnnxruntime(name: string): DataType {
  return lookUp('onnxruntime element type', 'onnxruntime', name);
}

/** onnxruntime's element type name, for a session's inputs. @throws TensorError DTYPE_UNSUPPORTED (BF16) */
export function onnxruntimeType(dtype: DataType): string {
  const { onnxruntime } = dataTypeInfo(dtype);
  if (onnxruntime !== undefined) return onnxruntime;
  throw new TensorError(
    'DTYPE_UNSUPPORTED',
    `onnxruntime-node cannot carry ${dtype}; wrap the model's ${dtype} inputs and outputs with Cast`,
  );
}

function lookUp(what: string, column: 'onnxruntime' | 'npyDescr', value: string): DataType {
  for (const name of Object.keys(dataTypes) as DataType[]) if (dataTypeInfo(name)[column] === value) return name;
  throw new TensorError('DTYPE_UNKNOWN', `${what} ${JSON.stringify(value)} is unknown`);
}
