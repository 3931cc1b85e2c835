import { dataTypeInfo, type DataType, type NumericArray } from './dtypes.ts';
import { TensorError } from './errors.ts';

/** A dense tensor. `data` is row-major and little-endian, exactly as in `raw_input_contents`; BYTES elements are each a u32 LE length and that many bytes. */
export interface Tensor {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Reads a shape from numbers or bigints (int64 on the wire). @throws TensorError SHAPE_INVALID */
export function shapeOf(dimensions: readonly (number | bigint)[]): number[] {
  return dimensions.map((dimension, axis) => {
    const size = Number(dimension);
    if (!Number.isSafeInteger(size) || size < 0 || Object.is(size, -0)) {
      throw new TensorError(
        'SHAPE_INVALID',
        `shape[${axis}] is ${String(dimension)}; a dimension is an integer from 0 to 2^53-1`,
      );
    }
    return size;
  });
}

/** Product of the dimensions; 1 for a scalar. @throws TensorError SHAPE_INVALID when a dimension is bad or the product passes 2^53-1 */
export function elementCount(shape: readonly number[]): number {
  const dimensions = shapeOf(shape);
  // A zero anywhere makes the tensor empty, however large the other dimensions are.
  if (dimensions.includes(0)) return 0;
  let count = 1;
  for (const size of dimensions) {
    count *= size;
    if (!Number.isSafeInteger(count))
      throw new TensorError('SHAPE_INVALID', `shape [${shape.join(', ')}] has more than 2^53-1 elements`);
  }
  return count;
}

/**
 * Checks that the data is what datatype and shape say; keeps a view, copies nothing.
 * @throws TensorError SHAPE_INVALID, DATA_LENGTH, DATA_INVALID (a BOOL that is neither 0 nor 1)
 */
export function createTensor(dtype: DataType, shape: readonly (number | bigint)[], data: Uint8Array): Tensor {
  const tensor = { dtype, shape: shapeOf(shape), data };
  const elements = elementCount(tensor.shape);
  const { bytesPerElement } = dataTypeInfo(dtype);
  if (bytesPerElement === undefined) {
    bytesOffsets(data, elements);
  } else if (data.byteLength !== elements * bytesPerElement) {
    throw new TensorError(
      'DATA_LENGTH',
      `${dtype} tensor of shape [${tensor.shape.join(', ')}] needs ${elements * bytesPerElement} bytes, got ${data.byteLength}`,
    );
  }
  if (dtype === 'BOOL') {
    const bad = data.findIndex((value) => value > 1);
    if (bad >= 0) throw new TensorError('DATA_INVALID', `BOOL element ${bad} is the byte ${data[bad]!}; use 0 or 1`);
  }
  return tensor;
}

/** A tensor over the bytes of a typed array whose element width fits the datatype. @throws TensorError as {@link createTensor} */
export function tensorOf(dtype: DataType, shape: readonly (number | bigint)[], values: NumericArray): Tensor {
  return createTensor(dtype, shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/**
 * The elements as numbers or bigints (FP16 as bits). A view where the data is aligned, else a copy: protobuf buffers
 * start at any byte, and a typed array may not.
 * @throws TensorError DTYPE_UNSUPPORTED (BYTES, BF16)
 */
export function typedView(tensor: Tensor): NumericArray {
  const { array, bytesPerElement } = dataTypeInfo(tensor.dtype);
  if (array === undefined || bytesPerElement === undefined) {
    throw new TensorError('DTYPE_UNSUPPORTED', `${tensor.dtype} has no typed array; read its bytes`);
  }
  // Not slice(): on a Buffer that is another view, as unaligned as the first.
  const aligned = tensor.data.byteOffset % bytesPerElement === 0 ? tensor.data : new Uint8Array(tensor.data);
  return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / bytesPerElement);
}

/** Size of the first axis. @throws TensorError SHAPE_INVALID for a scalar */
export function rowCount(tensor: Tensor): number {
  const [rows] = tensor.shape;
  if (rows === undefined)
    throw new TensorError('SHAPE_INVALID', 'a scalar has no rows; give the tensor a first axis of 1');
  return rows;
}

/** Rows [first, end) as a view that keeps the first axis. @throws TensorError ROW_RANGE, SHAPE_INVALID */
export function sliceRows(tensor: Tensor, first: number, end: number): Tensor {
  return rowSlicer(tensor)(first, end);
}

/** One row as a view, without the first axis: the tensor of one record. @throws TensorError ROW_RANGE, SHAPE_INVALID */
export function row(tensor: Tensor, index: number): Tensor {
  return withoutFirstAxis(sliceRows(tensor, index, index + 1));
}

/** Every {@link row}, in order. @throws TensorError SHAPE_INVALID */
export function rows(tensor: Tensor): Tensor[] {
  const slice = rowSlicer(tensor);
  return Array.from({ length: rowCount(tensor) }, (_, index) => withoutFirstAxis(slice(index, index + 1)));
}

/** Joins along the first axis. @throws TensorError SHAPE_MISMATCH (datatype or trailing shape differ, or no tensor given) */
export function concatRows(tensors: readonly Tensor[]): Tensor {
  const [head] = tensors;
  if (head === undefined)
    throw new TensorError('SHAPE_MISMATCH', 'cannot concatenate zero tensors: datatype and shape are unknown');
  const trailing = head.shape.slice(1);
  let rows = 0;
  let bytes = 0;
  for (const tensor of tensors) {
    rows += rowCount(tensor);
    bytes += tensor.data.byteLength;
    const same =
      tensor.dtype === head.dtype &&
      tensor.shape.length === head.shape.length &&
      trailing.every((size, axis) => tensor.shape[axis + 1] === size);
    if (!same) {
      throw new TensorError(
        'SHAPE_MISMATCH',
        `cannot concatenate ${tensor.dtype}[${tensor.shape.join(', ')}] to ${head.dtype}[${head.shape.join(', ')}]: only the first dimension may differ`,
      );
    }
  }
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.byteLength;
  }
  return { dtype: head.dtype, shape: [rows, ...trailing], data };
}

/** Frames BYTES elements for {@link Tensor.data}. @throws TensorError DATA_LENGTH for an element of 4 GiB or more */
export function encodeBytesElements(elements: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(elements.reduce((sum, element) => sum + 4 + element.byteLength, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const [index, element] of elements.entries()) {
    if (element.byteLength > 0xffffffff)
      throw new TensorError(
        'DATA_LENGTH',
        `BYTES element ${index} has ${element.byteLength} bytes; at most 2^32-1 fit`,
      );
    view.setUint32(at, element.byteLength, true);
    data.set(element, at + 4);
    at += 4 + element.byteLength;
  }
  return data;
}

/** The elements of a BYTES tensor as views, row-major. @throws TensorError DTYPE_UNSUPPORTED, DATA_LENGTH */
export function decodeBytesElements(tensor: Tensor): Uint8Array[] {
  if (tensor.dtype !== 'BYTES')
    throw new TensorError('DTYPE_UNSUPPORTED', `${tensor.dtype} elements carry no length; use typedView`);
  const offsets = bytesOffsets(tensor.data, elementCount(tensor.shape));
  return offsets.slice(0, -1).map((start, index) => tensor.data.subarray(start + 4, offsets[index + 1]));
}

/** Slices a tensor again and again: finds once where its rows start, which for BYTES is a walk over all frames. */
function rowSlicer(tensor: Tensor): (first: number, end: number) => Tensor {
  const { dtype, shape, data } = tensor;
  const count = rowCount(tensor);
  const offset = rowOffsets(tensor);
  return (first, end) => {
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end) || first < 0 || end < first || end > count) {
      throw new TensorError('ROW_RANGE', `rows [${first}, ${end}) are not within the tensor's ${count} rows`);
    }
    return { dtype, shape: [end - first, ...shape.slice(1)], data: data.subarray(offset(first), offset(end)) };
  };
}

function withoutFirstAxis(tensor: Tensor): Tensor {
  return { ...tensor, shape: tensor.shape.slice(1) };
}

/** Where each row starts. For BYTES the frames must be walked once; else it is a product. */
function rowOffsets(tensor: Tensor): (row: number) => number {
  const perRow = elementCount(tensor.shape.slice(1));
  const { bytesPerElement } = dataTypeInfo(tensor.dtype);
  if (bytesPerElement !== undefined) return (index) => index * perRow * bytesPerElement;
  const offsets = bytesOffsets(tensor.data, elementCount(tensor.shape));
  return (index) => offsets[index * perRow]!;
}

/** Start of each framed element, and the end of the last. @throws TensorError DATA_LENGTH when the frames do not fill the data exactly */
function bytesOffsets(data: Uint8Array, elements: number): number[] {
  // Each frame takes four bytes: refuse a claimed count that cannot fit before allocating for it.
  if (elements > data.byteLength / 4) {
    throw new TensorError(
      'DATA_LENGTH',
      `${elements} BYTES elements need at least ${elements * 4} bytes, got ${data.byteLength}`,
    );
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const offsets = [0];
  let at = 0;
  for (let index = 0; index < elements; index++) {
    const end = at + 4 <= data.byteLength ? at + 4 + view.getUint32(at, true) : Infinity;
    if (end > data.byteLength)
      throw new TensorError(
        'DATA_LENGTH',
        `BYTES element ${index} of ${elements} runs past the data's ${data.byteLength} bytes`,
      );
    offsets.push((at = end));
  }
  if (at !== data.byteLength)
    throw new TensorError('DATA_LENGTH', `${data.byteLength - at} bytes follow the last of ${elements} BYTES elements`);
  return offsets;
}
