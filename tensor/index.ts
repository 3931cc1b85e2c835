export { dataTypeInfo, dataTypeOfOnnxruntime, dataTypes, onnxruntimeType, parseDataType } from './dtypes.ts';
export type { DataType, DataTypeInfo, NumericArray } from './dtypes.ts';
export { TensorError, tensorErrors } from './errors.ts';
export type { TensorErrorCode } from './errors.ts';
export { describeLayout, describedLayout } from './layout-description.ts';
export type { LayoutDescription } from './layout-description.ts';
export {
  MAX_NPY_HEADER_BYTES,
  NPY_PREFIX_BYTES,
  assertNpyLength,
  decodeNpy,
  encodeNpy,
  encodeNpyHeader,
  encodeNpyRecordsHeader,
  isFieldName,
  npyHeaderLength,
  parseNpyHeader,
  parseNpyRecords,
  recordRange,
} from './npy.ts';
export type { ByteRange, NpyHeader, NpyRecords } from './npy.ts';
export {
  assertLayout,
  fieldBytes,
  layoutOf,
  outputLayout,
  readRecord,
  readRecords,
  writeRecords,
} from './record-layout.ts';
export type { Field, FieldType, RecordLayout } from './record-layout.ts';
export { parseStringType, stringLengthOf, textType } from './stored-strings.ts';
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
