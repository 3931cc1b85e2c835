import {
  createTensor,
  dataTypeInfo,
  elementCount,
  encodeBytesElements,
  writeRecords,
  type DataType,
  type RecordLayout,
} from '@isochrone/tensor';

/**
 * Bytes of a tensor that are the same each time: floats from [0.5, 1), integers and booleans 0 or 1, which are valid indices
 * and tokens for nearly every model, strings "0" or "1".
 * @param halvings how often the floats are halved, at most 8
 */
export function pseudoRandomRows(dataType: DataType, shape: readonly number[], seed: number, halvings = 0): Uint8Array {
  const { kind, bytesPerElement } = dataTypeInfo(dataType);
  if (bytesPerElement === undefined) {
    const digits = pseudoRandomRows('UINT8', shape, seed);
    return encodeBytesElements(Array.from(digits, (digit) => Buffer.from(String(digit))));
  }
  const width = bytesPerElement;
  const count = elementCount(shape);
  const data = new DataView(new ArrayBuffer(count * width));
  let state = seed >>> 0;
  for (let index = 0; index < count; index += 1) {
    // splitmix32
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits = (bits ^ (bits >>> 15)) >>> 0;
    const at = index * width;
    if (kind !== 'float') data.setUint8(at, bits & 1);
    else if (width === 8) data.setFloat64(at, (0.5 + bits / 2 ** 33) / 2 ** halvings, true);
    else if (width === 4) data.setUint32(at, (0x3f000000 - (halvings << 23)) | (bits >>> 9), true);
    else data.setUint16(at, (0x3800 - (halvings << 10)) | (bits >>> 22), true);
  }
  return new Uint8Array(data.buffer);
}

/** Records of {@link pseudoRandomRows}, each tensor with values of its own. */
export function pseudoRandomRecords(layout: RecordLayout, count: number, seed: number, halvings = 0): Uint8Array {
  const tensors = layout.fields.map(({ dataType, shape }, index) =>
    createTensor(
      dataType,
      [count, ...shape],
      pseudoRandomRows(dataType, [count, ...shape], seed + index * 0x10001, halvings),
    ),
  );
  return writeRecords(layout, tensors);
}
