export { dataTypeInfo, dataTypeOfOnnxruntime, dataTypes, onnxruntimeType, parseDataType } from './dtypes.ts';
export type { DataType, DataTypeInfo, NumericArray } from './dtypes.ts';
export { TensorError, tensorErrors } from './errors.ts';
export type { TensorErrorCode } from './errors.ts';
export {
  MAX_NPY_HEADER_BYTES,
  NPY_PREFIX_BYTES,
  assertNpyLength,
  decodeNpy,
  encodeNpy,
  encodeNpyHeader,
  npyHeaderLength,
  parseNpyHeader,
  recordRange,
} from './npy.ts';
export type { ByteRange, NpyHeader } from './npy.ts';
export {
  concatRows,
  createTensor,
  decodeBytesElements,
  elementCount,
  encodeBytesElements,
  row,
  rowCount,
  rows,
  shapeOf,
  sliceRows,
  tensorOf,
  typedView,
} from './tensor.ts';
export type { Tensor } from './tensor.ts';
