/** Every error of this package: stable code → statuses and meaning. All are the sender's to repair, so all are 400. */
export const tensorErrors = {
  DTYPE_UNKNOWN: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The name is not a datatype of the Open Inference Protocol.',
  },
  DTYPE_UNSUPPORTED: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The datatype exists but cannot be used here.' },
  SHAPE_INVALID: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'A dimension is not a non-negative integer, or the product overflows.',
  },
  SHAPE_MISMATCH: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'Tensors that must agree in datatype or trailing shape do not.',
  },
  DATA_LENGTH: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The data is not exactly as long as datatype and shape require.',
  },
  DATA_INVALID: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The data holds a byte that its datatype does not allow.',
  },
  ROW_RANGE: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A row or record range lies outside the tensor.' },
  NPY_MAGIC: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The object is not an .npy file.' },
  NPY_VERSION: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The .npy format version is not 1.0, 2.0 or 3.0.' },
  NPY_HEADER_TOO_LARGE: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The .npy header claims more than 64 KiB.' },
  NPY_HEADER_INVALID: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The .npy header is not the dictionary that the format prescribes.',
  },
  NPY_TRUNCATED: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The object ends before its header or data do.' },
  NPY_TOO_LONG: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The object goes on after its data ends.' },
  NPY_UNSUPPORTED_DTYPE: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The .npy dtype has no counterpart here (strings, complex, dates, objects).',
  },
  NPY_STRUCTURED_DTYPE: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The .npy dtype is a record of fields.' },
  NPY_BIG_ENDIAN: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The .npy data is big-endian.' },
  NPY_FORTRAN_ORDER: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The .npy data is in column-major order, so a record is not a byte range.',
  },
  NPY_SCALAR: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The array has no first axis, so it has no records.' },
} as const;

export type TensorErrorCode = keyof typeof tensorErrors;

/** Thrown for every bad input to this package; `message` names the value and the remedy. */
export class TensorError extends Error {
  readonly code: TensorErrorCode;

  constructor(code: TensorErrorCode, message: string) {
    super(message);
    this.name = 'TensorError';
    this.code = code;
  }
}
